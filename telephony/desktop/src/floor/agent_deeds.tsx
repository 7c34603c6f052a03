/** What a supervisor may do with an agent. */

import { useSignal } from "@preact/signals";
import { fill } from "../language.ts";
import { agent as desk, user } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { free, hangUp, monitor, setState, stopMonitoring } from "./actions.ts";
import { Confirm } from "./confirm.tsx";
import type { Agent } from "./patch.ts";
import { words } from "./words.ts";

/** The supervisor who is in an agent's call. */
export type Monitored = { mode: string; by: string } | null;

export function AgentDeeds({ agent, call, monitored }: { agent: Agent; call: string; monitored: Monitored }) {
  const w = words.value.agents;
  const ask = useSignal<"" | "free" | "hang-up">("");
  const mine = agent.id === user.value?.id;
  const noCall = mine ? w.yourself : !call ? w.noCall : deaf();
  const name = agent.name;
  return (
    <div class="deeds">
      {agent.state === "idle" || agent.state === "offline" ? (
        <Button
          icon="check"
          compact
          label={`${w.setAvailable}: ${name}`}
          off={agent.state === "offline" && words.value.state.offline}
          testid="set-available"
          onPress={() => void setState(agent.id, "available")}
        />
      ) : (
        <Button
          icon="pause"
          compact
          label={`${w.setIdle}: ${name}`}
          testid="set-idle"
          onPress={() => void setState(agent.id, "idle")}
        />
      )}
      <Button
        icon="free"
        compact
        label={`${w.free}: ${name}`}
        off={FREE_STATES.has(agent.state) && w.nothingToFree}
        testid="free"
        onPress={() => {
          ask.value = "free";
        }}
      />
      {(["listen", "whisper", "barge"] as const).map((mode) => {
        const on = monitored?.mode === mode;
        return (
          <Button
            key={mode}
            icon={MONITOR_ICONS[mode]}
            compact
            label={`${on ? w.stopListening : w[mode]}: ${name}`}
            off={noCall}
            pressed={call ? on : undefined}
            testid={mode}
            onPress={() => void (on ? stopMonitoring(call) : monitor(call, mode))}
          />
        );
      })}
      <Button
        icon="phoneDown"
        compact
        kind={call ? "stop" : undefined}
        label={`${w.hangUp}: ${name}`}
        off={call ? "" : w.noCall}
        testid="hang-up"
        onPress={() => {
          ask.value = "hang-up";
        }}
      />
      {monitored && <small class="monitored">{fill(w.listening, { name: monitored.by })}</small>}
      {ask.value === "free" && (
        <Confirm
          head={fill(w.freeHead, { name })}
          text={w.freeText}
          label={w.freeDo}
          onYes={() => void free(agent.id)}
          onClose={() => {
            ask.value = "";
          }}
        />
      )}
      {ask.value === "hang-up" && (
        <Confirm
          head={fill(w.hangUpHead, { name: agent.contact?.name ?? name })}
          text={w.hangUpText}
          label={w.hangUp}
          onYes={() => void hangUp(call)}
          onClose={() => {
            ask.value = "";
          }}
        />
      )}
    </div>
  );
}

/** Why this user cannot listen to calls; empty: can. */
export const deaf = (): string => (desk.value?.phone ? "" : words.value.agents.noPhone);

const FREE_STATES = new Set<Agent["state"]>(["offline", "idle", "available"]);
export const MONITOR_ICONS = { listen: "ear", whisper: "message", barge: "mic" } as const;
