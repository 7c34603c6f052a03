/** What an agent without a contact on the screen should know or do. */

import { named, texts } from "../language.ts";
import { PhoneChoice } from "../phone/choice.tsx";
import { agent, desk } from "../store.ts";
import type { Texts } from "../texts/en.ts";
import { Button } from "../ui/button.tsx";
import { setState } from "./actions.ts";

export function Hint() {
  const t = texts.value;
  const me = agent.value;
  if (!me) return null;
  const resting = me.state === "offline" || me.state === "idle";
  const pulls = me.state === "available" && (desk.value?.me.pull_campaigns.length ?? 0) > 0;
  const text = !me.phone ? t.hint.phone : pulls ? t.hint.pull : t.hint[hintOf(me.state, me.phone_kind === "browser")];
  return (
    <section class={`panel hint ${me.state}`} data-testid="hint">
      <h1>{t.state[me.state]}</h1>
      {me.state === "idle" && me.reason && me.reason !== "signed_in" && (
        <p class="reason">{named(t.idle, me.reason)}</p>
      )}
      <p>{text}</p>
      {(me.state === "offline" || !me.phone) && <PhoneChoice />}
      {resting && me.phone && (
        <Button
          icon="check"
          kind="main"
          label={t.stateSwitch.go}
          testid="go-available"
          onPress={() => void setState("available")}
        />
      )}
    </section>
  );
}

function hintOf(state: keyof Texts["state"], browser: boolean): keyof Texts["hint"] {
  if (browser && state === "available") return "availableBrowser";
  return browser && state === "ringing" ? "ringingBrowser" : state;
}
