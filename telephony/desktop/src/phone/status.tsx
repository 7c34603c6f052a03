/** The phone in the line on top, with its devices and the echo test behind it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { texts } from "../language.ts";
import { agent } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Drop } from "../ui/drop.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { PhoneChoice } from "./choice.tsx";
import { browserPhone } from "./control.ts";
import { Meter } from "./microphone.ts";
import { devices, phone, phoneState } from "./state.ts";

/** ms between looks at the microphone's level. */
const LEVEL = 80;

export function PhoneStatus() {
  const t = texts.value;
  const me = agent.value;
  if (!me) return null;
  const browser = me.phone_kind === "browser";
  const state = browser ? phoneState.value : "off";
  const good = !browser || state === "ready" || state === "in_call" || state === "ringing";
  const name = browser ? t.phone.status[state] : me.phone || t.stateSwitch.noPhone;
  return (
    <Drop
      class="phone"
      testid="phone-menu"
      label={t.phone.head}
      button={(open, toggle) => (
        <button
          type="button"
          class={good ? "line up" : "line down"}
          aria-expanded={open}
          aria-label={`${t.phone.head}: ${name}`}
          data-testid="phone"
          data-phone={browser ? "browser" : "sip"}
          data-phone-state={state}
          onClick={toggle}
        >
          <Icon name={good ? (browser ? "headset" : "phone") : "warning"} />
          <span>{name}</span>
        </button>
      )}
    >
      {() => (
        <>
          <PhoneChoice />
          {browser && <Devices />}
        </>
      )}
    </Drop>
  );
}

function Devices() {
  const t = texts.value;
  const { microphones, speakers, microphone, speaker } = devices.value;
  const { state, echo } = phone.value;
  const part = browserPhone.value;
  return (
    <div class="devices">
      <Field label={t.phone.microphone}>
        <select
          data-testid="microphone"
          value={microphone}
          onChange={(event) => void part?.useMicrophone(event.currentTarget.value)}
        >
          <option value="">{t.phone.standard}</option>
          {microphones.map((one) => (
            <option value={one.id} key={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </Field>
      <Level />
      {"setSinkId" in HTMLMediaElement.prototype ? (
        <Field label={t.phone.speaker}>
          <select
            data-testid="speaker"
            value={speaker}
            onChange={(event) => void part?.useSpeaker(event.currentTarget.value)}
          >
            <option value="">{t.phone.standard}</option>
            {speakers.map((one) => (
              <option value={one.id} key={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </Field>
      ) : (
        <p class="muted">{t.phone.speakerFixed}</p>
      )}
      {echo ? (
        <Button
          key="stop"
          icon="stop"
          label={t.phone.echoStop}
          hint={t.phone.echoHint}
          testid="echo-stop"
          onPress={() => part?.endEcho()}
        />
      ) : (
        <Button
          key="start"
          icon="ear"
          label={t.phone.echo}
          off={state === "ready" ? "" : t.phone.status[state]}
          testid="echo-test"
          onPress={() => part?.echo()}
        />
      )}
    </div>
  );
}

/** How loud the microphone is, while this is looked at. */
function Level() {
  const t = texts.value;
  const level = useSignal(0);
  const stream = browserPhone.value?.stream ?? null;
  const microphone = devices.value.microphone;
  useEffect(() => {
    if (!stream) return;
    const meter = new Meter(stream);
    const timer = setInterval(() => {
      level.value = meter.level();
    }, LEVEL);
    return () => {
      clearInterval(timer);
      meter.close();
    };
  }, [stream, microphone, phone.value.state]);
  return (
    <div class="field">
      <span id="level-name">{t.phone.level}</span>
      <meter aria-labelledby="level-name" min={0} max={1} value={level.value} data-testid="level" />
    </div>
  );
}
