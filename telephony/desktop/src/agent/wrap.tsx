/** Wrap-up: what the result was, a note, and a callback. */

import { useSignal } from "@preact/signals";
import { sentence } from "../codes.ts";
import type { Call } from "../desk.ts";
import { texts } from "../language.ts";
import { agent, desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Filled } from "../ui/filled.tsx";
import { Until } from "../ui/timer.tsx";
import { wrapUp } from "./actions.ts";

export function WrapUp({ call }: { call: Call }) {
  const t = texts.value;
  const until = agent.value?.wrap_up_until;
  const choices = desk.value?.me.dispositions ?? [];
  const code = useSignal("");
  const calledBack = choices.find((one) => one.code === code.value)?.rule === "callback";
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const at = String(form.get("at") ?? "");
    void wrapUp({
      disposition: code.peek(),
      note: String(form.get("note") ?? ""),
      ...(calledBack && at ? { callback: { at: new Date(at).toISOString(), mine: form.get("mine") === "on" } } : {}),
    });
  };
  return (
    <form class="panel actions wrap" onSubmit={submit} data-testid="wrap-up">
      <p class="count">
        <span>{t.wrap.head}</span>{" "}
        {until && (
          <small>
            <Filled text={t.wrap.ends} values={{ time: <Until at={until} testid="wrap-up-until" /> }} />
          </small>
        )}
      </p>
      <p class="number" dir="auto" data-testid="outcome" data-outcome={call.outcome ?? ""}>
        {call.outcome ? sentence(call.outcome) : call.name}
      </p>
      <Field label={t.wrap.result}>
        <select
          required
          data-testid="disposition"
          value={code.value}
          onChange={(event) => {
            code.value = event.currentTarget.value;
          }}
        >
          <option value="">{t.wrap.choose}</option>
          {choices.map((one) => (
            <option value={one.code} key={one.code}>
              {one.label}
            </option>
          ))}
        </select>
      </Field>
      {calledBack && (
        <>
          <Field label={t.wrap.callback}>
            <input type="datetime-local" name="at" required data-testid="callback-at" />
          </Field>
          <label class="check">
            <input type="checkbox" name="mine" /> {t.wrap.mine}
          </label>
        </>
      )}
      <Field label={t.wrap.note}>
        <textarea name="note" rows={3} maxLength={4000} dir="auto" data-testid="note" />
      </Field>
      <Button kind="main" submit icon="check" label={t.wrap.finish} shortcut="KeyA" testid="wrap-up-done" />
    </form>
  );
}
