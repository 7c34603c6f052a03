/** Inputs that belong together under one label. */

import type { ComponentChildren } from "preact";
import { words } from "./words.ts";

interface ToldProps {
  label: string;
  help?: string;
  error?: string;
  wide?: boolean;
  children: ComponentChildren;
}

/** A group of inputs under one label with its explanation and what is wrong with it. */
export function Told({ label, help, error, wide, children }: ToldProps) {
  return (
    <div class={wide ? "field wide" : "field"} {...(label ? { role: "group", "aria-label": label } : {})}>
      {label && <b class="legend">{label}</b>}
      {children}
      {help && <small>{help}</small>}
      {error && (
        <small class="error" role="alert">
          {error}
        </small>
      )}
    </div>
  );
}

interface ChoicesProps {
  label: string;
  help?: string;
  error?: string;
  choices: [string, string][];
  chosen: readonly string[];
  testid: string;
  onChange: (chosen: string[]) => void;
}

/** Several of a few. */
export function Choices({ label, help, error, choices, chosen, testid, onChange }: ChoicesProps) {
  return (
    <Told label={label} help={help} error={error}>
      <div class="choices">
        {choices.length === 0 && <span class="muted">{words.value.none}</span>}
        {choices.map(([value, text]) => (
          <label class="check" key={value}>
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              data-testid={testid}
              data-value={value}
              onChange={(event) =>
                onChange(event.currentTarget.checked ? [...chosen, value] : chosen.filter((one) => one !== value))
              }
            />
            <span dir="auto">{text}</span>
          </label>
        ))}
      </div>
    </Told>
  );
}
