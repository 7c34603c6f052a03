/** Which phone is called. */

import { setPhone } from "../agent/actions.ts";
import { texts } from "../language.ts";
import { agent } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";

export function PhoneChoice() {
  const t = texts.value;
  const me = agent.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void setPhone(String(form.get("phone")).trim());
  };
  return (
    <form class="phone-choice" onSubmit={submit} data-testid="phone-choice">
      <Field label={t.phone.name} hint={t.phone.nameHint}>
        <input
          name="phone"
          key={me?.phone}
          defaultValue={me?.phone}
          pattern="[A-Za-z0-9_.\-]{1,80}"
          required
          data-testid="phone-name"
        />
      </Field>
      <Button submit label={t.save} testid="phone-save" />
    </form>
  );
}
