/** Wrap-up: what the result was, a note, and a callback. What is typed survives a reload. */

import { useSignal } from "@preact/signals";
import { sentence } from "../codes.ts";
import type { Call } from "../desk.ts";
import { keep, kept } from "../kept.ts";
import { resultLabel, texts } from "../language.ts";
import { agent, desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Filled } from "../ui/filled.tsx";
import { Until } from "../ui/timer.tsx";
import { wrapUp } from "./actions.ts";
import { CallbackPicker, type PickedTime, picked } from "./callback.tsx";
import { DoNotCall } from "./donotcall.tsx";

interface Draft {
  call: string;
  code: string;
  note: string;
  mine: boolean;
  callback: PickedTime;
}

/** Where it is kept; a new one takes the place of the one before. */
const DRAFT = "draft";

const EMPTY = { code: "", note: "", mine: false, callback: { day: "", time: "" } };

export function WrapUp({ call }: { call: Call }) {
  const t = texts.value;
  const until = agent.value?.wrap_up_until;
  const choices = desk.value?.me.dispositions ?? [];
  const zone = desk.value?.accepted?.card.zone ?? null;
  const before = kept<Draft>(DRAFT);
  const draft = useSignal<Draft>(before?.call === call.id ? before : { ...EMPTY, call: call.id });
  const { code, note, mine, callback } = draft.value;
  const write = (change: Partial<Draft>) => {
    draft.value = { ...draft.peek(), ...change };
    keep(DRAFT, draft.peek());
  };
  const calledBack = choices.find((one) => one.code === code)?.rule === "callback";
  const at = calledBack ? picked(callback, zone) : null;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    await wrapUp({ disposition: code, note, ...(at ? { callback: { at: at.toISOString(), mine } } : {}) });
    if (desk.peek()?.call?.id !== call.id) keep(DRAFT, null);
  };
  return (
    <form class="panel actions wrap" onSubmit={submit} data-testid="wrap-up">
      <p class="count">
        <span>{t.wrap.head}</span>{" "}
        <small>
          {until ? (
            <Filled text={t.wrap.ends} values={{ time: <Until at={until} testid="wrap-up-until" /> }} />
          ) : (
            t.wrap.noLimit
          )}
        </small>
      </p>
      <p class="number" dir="auto" data-testid="outcome" data-outcome={call.outcome ?? ""}>
        {call.outcome ? sentence(call.outcome) : call.name}
      </p>
      <fieldset class="choices">
        <legend>{t.wrap.result}</legend>
        {choices.map((one) => (
          <label class="choice" key={one.code}>
            <input
              type="radio"
              name="disposition"
              required
              value={one.code}
              checked={code === one.code}
              data-testid="disposition"
              data-code={one.code}
              onChange={() => write({ code: one.code })}
            />
            <span dir="auto">{resultLabel(one)}</span>
          </label>
        ))}
      </fieldset>
      {calledBack && (
        <>
          <CallbackPicker zone={zone} value={callback} onChange={(callback) => write({ callback })} />
          <label class="check">
            <input
              type="checkbox"
              checked={mine}
              data-testid="callback-mine"
              onChange={(event) => write({ mine: event.currentTarget.checked })}
            />
            {t.wrap.mine}
          </label>
        </>
      )}
      <Field label={t.wrap.note}>
        <textarea
          rows={2}
          maxLength={4000}
          dir="auto"
          value={note}
          data-testid="note"
          onInput={(event) => write({ note: event.currentTarget.value })}
        />
      </Field>
      <Button kind="main" submit icon="check" label={t.wrap.finish} shortcut="KeyA" testid="wrap-up-done" />
      <DoNotCall about={{ call: call.id }} name={call.name} />
    </form>
  );
}
