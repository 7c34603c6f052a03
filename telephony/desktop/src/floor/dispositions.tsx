/** The results that agents choose from, each with what becomes of the contact. */

import { Button } from "../ui/button.tsx";
import type { Settings } from "./schema.ts";
import { words } from "./words.ts";

type Disposition = Settings["dispositions"][number];

interface Props {
  settings: Settings;
  set: (change: Partial<Settings>) => void;
}

/** What a code may be. */
export const CODE = /^[a-z0-9_]{1,40}$/;

export function Dispositions({ settings, set }: Props) {
  const w = words.value.settings;
  const list = settings.dispositions;
  const change = (at: number, to: Partial<Disposition>) => {
    const after = list.with(at, { ...(list[at] as Disposition), ...to });
    const renamed = list[at]?.code === settings.default_disposition && to.code !== undefined;
    set({ dispositions: after, ...(renamed ? { default_disposition: to.code } : {}) });
  };
  const up = (at: number) => {
    const after = [...list];
    const [moved] = after.splice(at, 1);
    after.splice(at - 1, 0, moved as Disposition);
    set({ dispositions: after });
  };
  return (
    <div class="rows">
      <ul>
        {list.map((one, at) => {
          const twice = list.some((other, n) => n !== at && other.code === one.code);
          const wrong = !CODE.test(one.code) ? w.disposition.badCode : twice ? w.disposition.twice : "";
          const name = one.label || one.code;
          return (
            <li key={at} data-testid="disposition-row" data-code={one.code}>
              <label>
                <span>{w.disposition.label}</span>
                <input
                  value={one.label}
                  maxLength={80}
                  required
                  aria-invalid={one.label ? undefined : "true"}
                  onInput={(event) => change(at, { label: event.currentTarget.value })}
                />
              </label>
              <label>
                <span>{w.disposition.code}</span>
                <input
                  value={one.code}
                  maxLength={40}
                  aria-invalid={wrong ? "true" : undefined}
                  title={wrong || w.disposition.codeHint}
                  onInput={(event) => change(at, { code: event.currentTarget.value })}
                />
                {wrong && <small class="error">{wrong}</small>}
              </label>
              <label>
                <span>{w.disposition.rule}</span>
                <select
                  value={one.rule}
                  onChange={(event) => change(at, { rule: event.currentTarget.value as Disposition["rule"] })}
                >
                  {Object.entries(w.choices.rule).map(([value, text]) => (
                    <option value={value} key={value}>
                      {text}
                    </option>
                  ))}
                </select>
              </label>
              <label class={one.rule === "retry" ? "" : "hidden"}>
                <span>{w.disposition.retry}</span>
                <input
                  type="number"
                  min={1}
                  max={99999}
                  value={Number.isNaN(one.retry_after) ? "" : one.retry_after}
                  onInput={(event) => change(at, { retry_after: event.currentTarget.valueAsNumber })}
                />
              </label>
              <label>
                <span>{w.disposition.reached}</span>
                <select
                  value={one.reached ?? ""}
                  onChange={(event) =>
                    change(at, { reached: (event.currentTarget.value || null) as Disposition["reached"] })
                  }
                >
                  {Object.entries(w.choices.reached).map(([value, text]) => (
                    <option value={value} key={value}>
                      {text}
                    </option>
                  ))}
                </select>
              </label>
              <span class="deeds">
                <Button
                  icon="up"
                  compact
                  label={`${w.disposition.up}: ${name}`}
                  off={at === 0}
                  testid="disposition-up"
                  onPress={() => up(at)}
                />
                <Button
                  icon="cross"
                  compact
                  label={`${words.value.remove}: ${name}`}
                  off={one.code === settings.default_disposition ? w.disposition.isDefault : ""}
                  testid="disposition-remove"
                  onPress={() => set({ dispositions: list.toSpliced(at, 1) })}
                />
              </span>
            </li>
          );
        })}
      </ul>
      <Button
        icon="plus"
        label={w.disposition.add}
        testid="disposition-add"
        onPress={() =>
          set({
            dispositions: [...list, { code: "", label: "", rule: "close", retry_after: 60, reached: null }],
          })
        }
      />
    </div>
  );
}
