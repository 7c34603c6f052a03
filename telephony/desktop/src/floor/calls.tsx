/** Calls in progress, and beneath them those that were. */

import { useSignal } from "@preact/signals";
import { fill, named, texts } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Since } from "../ui/timer.tsx";
import { hangUp, monitor, stopMonitoring } from "./actions.ts";
import { deaf, MONITOR_ICONS } from "./agent_deeds.tsx";
import { Confirm } from "./confirm.tsx";
import { calls } from "./data.ts";
import { PastCalls } from "./past_calls.tsx";
import type { Call } from "./patch.ts";
import { words } from "./words.ts";

export function CallsPart() {
  const w = words.value.calls;
  return (
    <div class="part">
      <h2>{w.head}</h2>
      {calls.value.length === 0 ? (
        <p class="panel empty">{w.none}</p>
      ) : (
        <div class="table-box" tabIndex={0} role="region" aria-label={w.head}>
          <table class="grid calls">
            <thead>
              <tr>
                <th scope="col">{w.customer}</th>
                <th scope="col">{w.agent}</th>
                <th scope="col">{w.campaign}</th>
                <th scope="col">{w.state}</th>
                <th scope="col">{w.since}</th>
                <th scope="col">{w.verdict}</th>
                <th scope="col">{words.value.actions}</th>
              </tr>
            </thead>
            <tbody>
              {calls.value.map((one) => (
                <CallRow call={one} key={one.id} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <PastCalls />
    </div>
  );
}

function since(call: Call): string {
  return call.joined_at ?? call.answered_at ?? call.ringing_at ?? call.placed_at ?? call.granted_at;
}

function CallRow({ call }: { call: Call }) {
  const w = words.value;
  const asking = useSignal(false);
  return (
    <tr data-testid="floor-call" data-call={call.id} data-call-state={call.state}>
      <th scope="row" data-label={w.calls.customer}>
        <span class="two">
          <b dir="auto">{call.name}</b>
          <small class="digits">{call.e164 ?? ""}</small>
        </span>
      </th>
      <td data-label={w.calls.agent} dir="auto">
        {call.agent.name}
      </td>
      <td data-label={w.calls.campaign} dir="auto">
        {call.campaign?.name ?? ""}
      </td>
      <td data-label={w.calls.state}>
        <span class={`chip ${call.state === "talking" ? "talking" : ""}`}>
          <Icon name={call.state === "talking" ? "phone" : call.state === "message" ? "voicemail" : "bell"} />
          {named(w.call, call.state)}
        </span>
        {call.state === "talking" && <Meanwhile call={call} />}
      </td>
      <td data-label={w.calls.since}>
        <Since at={since(call)} />
      </td>
      <td data-label={w.calls.verdict}>{call.verdict ? named(texts.value.verdict, call.verdict) : ""}</td>
      <td data-label={w.actions}>
        <div class="deeds">
          {(["listen", "whisper", "barge"] as const).map((mode) => {
            const on = call.monitored?.mode === mode;
            return (
              <Button
                key={mode}
                icon={MONITOR_ICONS[mode]}
                compact
                pressed={on}
                off={on ? "" : deaf()}
                label={`${on ? w.agents.stopListening : w.agents[mode]}: ${call.agent.name}`}
                testid={mode}
                onPress={() => void (on ? stopMonitoring(call.id) : monitor(call.id, mode))}
              />
            );
          })}
          <Button
            icon="phoneDown"
            compact
            kind="stop"
            label={`${w.agents.hangUp}: ${call.name}`}
            testid="hang-up"
            onPress={() => {
              asking.value = true;
            }}
          />
        </div>
        {call.monitored && <small>{fill(w.agents.listening, { name: call.monitored.by })}</small>}
        {asking.value && (
          <Confirm
            head={fill(w.agents.hangUpHead, { name: call.name })}
            text={w.agents.hangUpText}
            label={w.agents.hangUp}
            onYes={() => void hangUp(call.id)}
            onClose={() => {
              asking.value = false;
            }}
          />
        )}
      </td>
    </tr>
  );
}

/** What else is going on in a conversation. */
function Meanwhile({ call }: { call: Call }) {
  const w = words.value.calls;
  const told = [
    call.held && w.held,
    call.muted && w.muted,
    call.away && w.away,
    call.transfer && fill(w.transfer, { to: call.transfer.to }),
  ].filter(Boolean);
  return told.length ? <small> {told.join(" · ")}</small> : null;
}
