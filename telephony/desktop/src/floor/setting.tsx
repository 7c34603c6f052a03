/** One setting of a campaign: its input with what it does, its range and its unit. */

import { whole } from "../format.ts";
import { fill, named, resultLabel } from "../language.ts";
import { Field } from "../ui/field.tsx";
import { Dispositions } from "./dispositions.tsx";
import { Choices, Told } from "./group.tsx";
import { CardFields, Holidays, Hours, RetryAfter } from "./lists_of_settings.tsx";
import { type Amd, type Range, ranges, type Settings } from "./schema.ts";
import { words } from "./words.ts";

export type Key = keyof Settings;
type Unit = keyof (typeof words.value)["settings"]["units"];

const UNITS: Partial<Record<Key, Unit>> = {
  offer_timeout: "seconds",
  skip_retry_after: "minutes",
  max_skips: "skips",
  ring_limit: "seconds",
  reservation_ring_limit: "seconds",
  wrap_up_limit: "seconds",
  max_attempts: "attempts",
};

const AMD_UNITS: Partial<Record<keyof Amd, Unit>> = { maximum_number_of_words: "words", silence_threshold: "level" };

interface SettingProps {
  name: Key;
  settings: Settings;
  fault: (key: string) => string;
  set: (change: Partial<Settings>) => void;
}

export function Setting({ name, settings, fault, set }: SettingProps) {
  const w = words.value.settings;
  const { label, help } = w.fields[name];
  const error = fault(name);
  switch (name) {
    case "mode":
    case "offer_timeout_action":
    case "amd":
    case "amd_treatment":
    case "recording":
      return (
        <Field label={label} hint={help} error={error}>
          <select
            value={settings[name]}
            data-testid={`setting-${name}`}
            onChange={(event) => set({ [name]: event.currentTarget.value } as Partial<Settings>)}
          >
            {Object.entries(w.choices[name]).map(([value, text]) => (
              <option value={value} key={value}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      );
    case "default_disposition":
      return (
        <Field label={label} hint={help} error={error}>
          <select
            value={settings.default_disposition}
            data-testid={`setting-${name}`}
            onChange={(event) => set({ default_disposition: event.currentTarget.value })}
          >
            {settings.dispositions
              .filter((one) => one.rule !== "callback")
              .map((one) => (
                <option value={one.code} key={one.code}>
                  {resultLabel(one)}
                </option>
              ))}
          </select>
        </Field>
      );
    case "end_call_enabled":
    case "keep_line":
      return (
        <Told label="" help={help}>
          <label class="check">
            <input
              type="checkbox"
              checked={settings[name]}
              data-testid={`setting-${name}`}
              onChange={(event) => set({ [name]: event.currentTarget.checked })}
            />
            <b>{label}</b>
          </label>
        </Told>
      );
    case "caller_id":
      return (
        <Field label={label} hint={help} error={error}>
          <input
            type="tel"
            value={settings.caller_id ?? ""}
            placeholder="+44…"
            data-testid={`setting-${name}`}
            onInput={(event) => set({ caller_id: event.currentTarget.value.trim() || null })}
          />
        </Field>
      );
    case "disabled_actions":
      return (
        <Choices
          label={label}
          help={help}
          error={error}
          choices={Object.entries(w.choices.disabled_actions)}
          chosen={settings.disabled_actions}
          testid={`setting-${name}`}
          onChange={(chosen) => set({ disabled_actions: chosen as Settings["disabled_actions"] })}
        />
      );
    case "amd_parameters":
      return <AmdParameters settings={settings} fault={fault} set={set} />;
    case "dispositions":
      return (
        <Told label={label} help={help} error={error} wide>
          <Dispositions settings={settings} set={set} />
        </Told>
      );
    case "retry_after":
      return (
        <Told label={label} help={help} error={error} wide>
          <RetryAfter settings={settings} set={set} />
        </Told>
      );
    case "calling_hours":
      return (
        <Told label={label} help={help} error={error} wide>
          <Hours settings={settings} set={set} />
        </Told>
      );
    case "holidays":
      return (
        <Told label={label} help={help} error={error} wide>
          <Holidays settings={settings} set={set} />
        </Told>
      );
    case "card_fields":
      return (
        <Told label={label} help={help} error={error} wide>
          <CardFields settings={settings} set={set} />
        </Told>
      );
    default:
      return (
        <Whole
          label={label}
          help={help}
          unit={UNITS[name] ?? "seconds"}
          range={ranges.value?.settings[name]}
          value={settings[name]}
          error={error}
          testid={`setting-${name}`}
          onChange={(value) => set({ [name]: value })}
        />
      );
  }
}

interface WholeProps {
  label: string;
  help: string;
  unit: Unit;
  range: Range | undefined;
  value: number;
  error: string;
  testid: string;
  onChange: (value: number) => void;
}

/** A whole number with its unit and range. */
function Whole({ label, help, unit, range, value, error, testid, onChange }: WholeProps) {
  const w = words.value.settings;
  const bounded = range && !Number.isNaN(range.low);
  const figures = [
    bounded && `${fill(w.range, { low: whole(range.low), high: whole(range.high) })} ${w.units[unit]}`.trim(),
    typeof range?.standard === "number" && fill(w.standard, { value: whole(range.standard) }),
  ];
  return (
    <Field
      label={w.units[unit] ? `${label} (${w.units[unit]})` : label}
      hint={[help, figures.filter(Boolean).join(" · ")].filter(Boolean).join(" ")}
      error={error}
    >
      <input
        type="number"
        inputMode="numeric"
        step={1}
        min={bounded ? range.low : undefined}
        max={bounded ? range.high : undefined}
        value={Number.isNaN(value) ? "" : value}
        data-testid={testid}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </Field>
  );
}

function AmdParameters({ settings, fault, set }: Omit<SettingProps, "name">) {
  const w = words.value.settings;
  const { label, help } = w.fields.amd_parameters;
  const keys = Object.keys(settings.amd_parameters) as (keyof Amd)[];
  return (
    <details class="wide" open={keys.some((key) => fault(`amd_parameters.${key}`)) || undefined}>
      <summary>{label}</summary>
      <p class="muted small">{help}</p>
      <div class="fields">
        {keys.map((key) => (
          <Whole
            key={key}
            label={named(AMD_LABELS(), key)}
            help={w.amd[key].help}
            unit={AMD_UNITS[key] ?? "milliseconds"}
            range={ranges.value?.amd[key]}
            value={settings.amd_parameters[key]}
            error={fault(`amd_parameters.${key}`)}
            testid={`setting-amd_parameters.${key}`}
            onChange={(value) => set({ amd_parameters: { ...settings.amd_parameters, [key]: value } })}
          />
        ))}
      </div>
    </details>
  );
}

const AMD_LABELS = (): Record<string, string> =>
  Object.fromEntries(Object.entries(words.value.settings.amd).map(([key, one]) => [key, one.label]));
