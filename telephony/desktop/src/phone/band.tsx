/** What is wrong with the phone in this browser, in plain words and with the remedy, and a call that waits for a click. */

import { texts } from "../language.ts";
import { agent } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { browserPhone } from "./control.ts";
import { phone, phoneState } from "./state.ts";

export function PhoneBand() {
  const t = texts.value;
  if (agent.value?.phone_kind !== "browser") return null;
  const part = browserPhone.value;
  const { caller, gesture } = phone.value;
  const state = phoneState.value;
  if (state === "ringing") {
    return (
      <div class="band rings" role="alert" data-testid="phone-ringing">
        <Icon name="bell" />
        <p>
          {t.phone.incoming} <bdi>{caller}</bdi>
        </p>
        <Button
          icon="phone"
          kind="main"
          label={t.phone.answer}
          shortcut="KeyP"
          testid="phone-answer"
          onPress={() => part?.answer()}
        />
        <Button icon="phoneDown" label={t.phone.decline} testid="phone-decline" onPress={() => part?.decline()} />
      </div>
    );
  }
  if (gesture) return <Trouble text={t.phone.gesture} action={t.phone.play} onPress={() => void part?.play()} />;
  if (state === "asking") return <Trouble text={t.phone.asking} mild />;
  if (state === "no_sound") return <Trouble text={t.phone.silent} />;
  if (state === "taken_over") {
    return <Trouble text={t.phone.taken} action={t.phone.takeBack} onPress={() => void part?.again()} />;
  }
  if (state === "lost") return <Trouble text={t.phone.lost} />;
  if (state === "insecure") return <Trouble text={t.phone.insecure} />;
  if (state === "microphone_blocked" || state === "microphone_missing" || state === "microphone_in_use") {
    return <Trouble text={t.phone[state]} action={t.phone.again} onPress={() => void part?.again()} />;
  }
  return null;
}

interface TroubleProps {
  text: string;
  mild?: boolean;
  action?: string;
  onPress?: () => void;
}

function Trouble({ text, mild, action, onPress }: TroubleProps) {
  return (
    <div class={mild ? "band" : "band bad"} role="alert" data-testid="phone-trouble">
      <Icon name={mild ? "info" : "warning"} />
      <p>{text}</p>
      {action && <Button label={action} testid="phone-again" onPress={onPress} />}
    </div>
  );
}
