/** Which phone is called: one of the agent's own, or this browser. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { setPhone } from "../agent/actions.ts";
import { api, type Schemas } from "../api.ts";
import { texts } from "../language.ts";
import { agent } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

/** States in which the phone may be changed. */
const FREE = new Set(["offline", "idle", "available"]);

export function PhoneChoice() {
  const t = texts.value;
  const me = agent.value;
  const known = useSignal<Schemas["Phone"] | null>(null);
  const wants = useSignal<"sip" | "browser" | null>(null);
  const kind = me?.phone_kind ?? "sip";
  useEffect(() => {
    wants.value = null;
    api<Schemas["Phone"]>("GET", "/me/phone").then(
      (found) => {
        known.value = found;
      },
      () => {}, // the choice is then the SIP phone alone
    );
  }, [me?.phone, kind]);
  if (!me) return null;
  const off = FREE.has(me.state) ? "" : t.phone.busy;
  const shown = wants.value ?? kind;
  const sip = known.value?.sip ?? (kind === "sip" ? me.phone : "");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void setPhone(String(form.get("phone")).trim());
  };
  return (
    <form class="phone-choice" onSubmit={submit} data-testid="phone-choice">
      <fieldset>
        <legend>{t.phone.head}</legend>
        <div class="pair">
          {known.value?.browser && (
            <Button
              icon="headset"
              label={t.phone.browser}
              pressed={shown === "browser"}
              off={off}
              testid="phone-browser"
              onPress={() => {
                wants.value = "browser";
                if (kind !== "browser") void setPhone(null);
              }}
            />
          )}
          <Button
            icon="phone"
            label={t.phone.sip}
            pressed={shown === "sip"}
            off={off}
            testid="phone-sip"
            onPress={() => {
              wants.value = "sip";
            }}
          />
        </div>
      </fieldset>
      {shown === "sip" && (
        <>
          <Field label={t.phone.name} hint={t.phone.nameHint}>
            <input
              name="phone"
              key={sip}
              defaultValue={sip}
              pattern="[A-Za-z0-9_.\-]{1,80}"
              required
              autocapitalize="none"
              data-testid="phone-name"
            />
          </Field>
          <Button submit label={t.save} off={off} testid="phone-save" />
        </>
      )}
    </form>
  );
}
