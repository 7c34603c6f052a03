/** A form for one thing of administration; what the service refuses stands at its field. */

import { useSignal } from "@preact/signals";
import { Problem } from "../api.ts";
import { fill, texts } from "../language.ts";
import { once } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Choices } from "./group.tsx";
import { words } from "./words.ts";

interface Common {
  name: string;
  label: string;
  hint?: string;
  required?: boolean;
  /** An empty value is not sent: it stays as it is. */
  leaveOut?: boolean;
}

export type Draft = Common &
  (
    | { kind: "text" | "password"; value: string }
    | { kind: "number"; value: number }
    | { kind: "check"; value: boolean }
    | { kind: "choice"; value: string; choices: [string, string][] }
    | { kind: "several"; value: string[]; choices: [string, string][] }
    | { kind: "lines"; value: string[] }
  );

interface EditProps {
  head: string;
  drafts: Draft[];
  isNew: boolean;
  onSave: (body: Record<string, unknown>) => Promise<void>;
  onClose: () => void;
  onDelete?: () => void;
}

export function Edit({ head, drafts, isNew, onSave, onClose, onDelete }: EditProps) {
  const values = useSignal<Record<string, any>>(Object.fromEntries(drafts.map((one) => [one.name, written(one)])));
  const errors = useSignal<Record<string, string>>({});
  const asking = useSignal(false);
  const set = (name: string, value: unknown) => {
    values.value = { ...values.peek(), [name]: value };
  };
  const save = (event: Event) => {
    event.preventDefault();
    const changed = drafts.filter((one) => {
      const value = meant(one, values.peek()[one.name]);
      if (one.leaveOut && value === "") return one.kind !== "password" && value !== one.value;
      return isNew || JSON.stringify(value) !== JSON.stringify(one.value);
    });
    void once("edit", async () => {
      try {
        await onSave(Object.fromEntries(changed.map((one) => [one.name, meant(one, values.peek()[one.name])])));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const told = (error.body.errors ?? []).map((one) => [one.field.split(".")[0] ?? "", one.message] as const);
        errors.value = told.length ? Object.fromEntries(told) : { "": error.body.detail ?? error.code };
        requestAnimationFrame(() => {
          const at = document.querySelector<HTMLElement>('.dialog [aria-invalid="true"], .dialog .error');
          at?.scrollIntoView({ block: "center" });
          at?.focus();
        });
      }
    });
  };
  const known = new Set(drafts.map((one) => one.name));
  const other = Object.entries(errors.value).find(([field]) => !known.has(field));
  return (
    <Dialog head={<span dir="auto">{head}</span>} testid="edit-dialog" onClose={onClose}>
      <form class="column" onSubmit={save}>
        {other && (
          <p class="error" role="alert">
            {other.filter(Boolean).join(": ")}
          </p>
        )}
        {drafts.map((one) => (
          <Input
            draft={one}
            key={one.name}
            value={values.value[one.name]}
            error={errors.value[one.name] ?? ""}
            set={(value) => set(one.name, value)}
          />
        ))}
        <div class="row">
          {onDelete &&
            (asking.value ? (
              <Button
                kind="stop"
                label={fill(words.value.people.deleteHead, { name: head })}
                testid="delete-yes"
                onPress={onDelete}
              />
            ) : (
              <Button
                icon="remove"
                label={words.value.people.deleteDo}
                testid="delete"
                onPress={() => {
                  asking.value = true;
                }}
              />
            ))}
          <Button submit kind="main" label={texts.value.save} testid="edit-save" />
        </div>
      </form>
    </Dialog>
  );
}

/** A value as it stands in its input, and what is meant by it. */
const written = (one: Draft): unknown => (one.kind === "lines" ? one.value.join("\n") : one.value);
const meant = (one: Draft, value: any): unknown =>
  one.kind === "lines" ? (value as string).split(/[\s,]+/).filter(Boolean) : value;

interface InputProps {
  draft: Draft;
  value: any;
  error: string;
  set: (value: unknown) => void;
}

function Input({ draft, value, error, set }: InputProps) {
  const common = { "data-testid": `edit-${draft.name}`, required: draft.required };
  switch (draft.kind) {
    case "text":
    case "password":
      return (
        <Field label={draft.label} hint={draft.hint} error={error}>
          <input
            {...common}
            {...(draft.kind === "password"
              ? { type: "password" as const, autocomplete: "new-password" }
              : { type: "text" as const, autocomplete: "off" })}
            value={value}
            onInput={(event) => set(event.currentTarget.value)}
          />
        </Field>
      );
    case "number":
      return (
        <Field label={draft.label} hint={draft.hint} error={error}>
          <input
            {...common}
            type="number"
            step="any"
            value={Number.isNaN(value) ? "" : value}
            onInput={(event) => set(event.currentTarget.valueAsNumber)}
          />
        </Field>
      );
    case "lines":
      return (
        <Field label={draft.label} hint={draft.hint} error={error}>
          <textarea {...common} rows={3} value={value} onInput={(event) => set(event.currentTarget.value)} />
        </Field>
      );
    case "choice":
      return (
        <Field label={draft.label} hint={draft.hint} error={error}>
          <select {...common} value={value} onChange={(event) => set(event.currentTarget.value)}>
            {draft.choices.map(([key, text]) => (
              <option value={key} key={key}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      );
    case "several":
      return (
        <Choices
          label={draft.label}
          error={error}
          choices={draft.choices}
          chosen={value}
          testid={`edit-${draft.name}`}
          onChange={set}
        />
      );
    case "check":
      return (
        <label class="check">
          <input
            type="checkbox"
            checked={value}
            data-testid={`edit-${draft.name}`}
            onChange={(event) => set(event.currentTarget.checked)}
          />
          <span>{draft.label}</span>
        </label>
      );
  }
}
