/** The agent's state with its time, and the switch to another one. */

import { fill, named, texts } from "../language.ts";
import { agent } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Drop } from "../ui/drop.tsx";
import { Icon } from "../ui/icon.tsx";
import { Since } from "../ui/timer.tsx";
import { setState } from "./actions.ts";

/** Reasons of the agent's own; the API takes any code. */
const BREAKS = ["break", "lunch", "meeting", "training", "other"] as const;

/** States in which a wish is kept for after the call. */
const IN_CALL = new Set(["dialing", "talking", "wrap_up"]);

export function StateSwitch() {
  const t = texts.value;
  const me = agent.value;
  if (!me) return null;
  const wish = IN_CALL.has(me.state) ? me.wish : null;
  return (
    <Drop
      class="state"
      testid="state-menu"
      label={t.stateSwitch.label}
      button={(open, toggle) => (
        <button
          type="button"
          class={`chip ${me.state}`}
          aria-expanded={open}
          data-testid="state"
          data-state={me.state}
          data-reason={me.reason ?? ""}
          onClick={toggle}
        >
          <span class="unseen">{t.stateSwitch.label}</span>
          <span>{me.state === "idle" && isBreak(me.reason) ? named(t.idle, me.reason) : t.state[me.state]}</span>
          <Since at={me.since} testid="state-since" />
          {wish && <small data-testid="wish">{fill(t.stateSwitch.afterCall, { state: named(t.state, wish) })}</small>}
          <Icon name="down" />
        </button>
      )}
    >
      {(close) => <Choices close={close} now={wish ?? me.state} reason={me.reason} phone={me.phone} />}
    </Drop>
  );
}

interface ChoicesProps {
  close: () => void;
  now: string;
  reason: string | null;
  phone: string;
}

function Choices({ close, now, reason, phone }: ChoicesProps) {
  const t = texts.value;
  const choose = (state: "available" | "idle" | "offline", why?: string) => () => {
    close();
    void setState(state, why);
  };
  return (
    <>
      <Button
        icon="check"
        label={t.stateSwitch.available}
        off={phone ? "" : t.stateSwitch.noPhone}
        pressed={now === "available"}
        testid="state-available"
        onPress={choose("available")}
      />
      <Button
        icon="pause"
        label={t.stateSwitch.idle}
        pressed={now === "idle" && !isBreak(reason)}
        testid="state-idle"
        onPress={choose("idle")}
      />
      <div class="breaks" role="group" aria-label={t.stateSwitch.reason}>
        {BREAKS.map((one) => (
          <Button
            key={one}
            label={t.idle[one]}
            pressed={now === "idle" && reason === one}
            testid="idle-reason"
            value={one}
            onPress={choose("idle", one)}
          />
        ))}
      </div>
      <Button
        icon="out"
        label={t.stateSwitch.offline}
        pressed={now === "offline"}
        testid="state-offline"
        onPress={choose("offline")}
      />
    </>
  );
}

const isBreak = (reason: string | null): boolean => BREAKS.some((one) => one === reason);
