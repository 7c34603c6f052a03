/** A campaign's settings: each with what it does, its range and unit; checked here, and again by the service. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { api, Problem, type Schemas } from "../api.ts";
import { whole } from "../format.ts";
import { fill, named } from "../language.ts";
import { once } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { administers, all, type Campaign, campaigns, told } from "./data.ts";
import { CODE, Dispositions } from "./dispositions.tsx";
import { CardFields, Holidays, Hours, RetryAfter } from "./lists_of_settings.tsx";
import { type Amd, type Range, ranges, readRanges, type Settings } from "./schema.ts";
import { words } from "./words.ts";

type Key = keyof Settings;
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

const GROUPS = {
  dialing: ["mode", "caller_id", "keep_line"],
  offer: ["offer_timeout", "offer_timeout_action", "disabled_actions", "skip_retry_after", "max_skips"],
  ringing: ["ring_limit", "reservation_ring_limit", "end_call_enabled"],
  machine: ["amd", "amd_treatment", "amd_parameters"],
  result: ["wrap_up_limit", "dispositions", "default_disposition", "max_attempts", "retry_after"],
  hours: ["calling_hours", "holidays"],
  card: ["card_fields", "recording"],
} as const satisfies Record<string, readonly Key[]>;

interface Draft {
  name: string;
  priority: number;
  team_ids: string[];
  settings: Settings;
}

const drafted = (campaign: Campaign): Draft =>
  structuredClone({
    name: campaign.name,
    priority: campaign.priority,
    team_ids: campaign.team_ids,
    settings: campaign.settings as Settings,
  });

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function SettingsView({ campaign }: { campaign: Campaign }) {
  const w = words.value.settings;
  const draft = useSignal<Draft>(drafted(campaign));
  const errors = useSignal<Record<string, string>>({});
  const saved = useSignal(false);
  const teams = useSignal<Schemas["Team"][]>([]);
  useEffect(() => {
    readRanges().catch(() => {}); // without them the service alone checks
    all<Schemas["Team"]>("/teams")
      .then((found) => {
        teams.value = found;
      })
      .catch(told);
  }, []);
  const before = drafted(campaign);
  const now = draft.value;
  const changed = (Object.keys(now.settings) as Key[]).filter((key) => !same(now.settings[key], before.settings[key]));
  const general = (["name", "priority", "team_ids"] as const).filter((key) => !same(now[key], before[key]));
  const count = changed.length + general.length;
  const found = checked(now.settings);
  const wrong = Object.keys(found).length > 0;
  const faults = { ...errors.value, ...found };

  const set = (change: Partial<Settings>) => {
    saved.value = false;
    errors.value = without(errors.peek(), Object.keys(change));
    draft.value = { ...draft.peek(), settings: { ...draft.peek().settings, ...change } };
  };
  const setGeneral = (change: Partial<Draft>) => {
    saved.value = false;
    errors.value = without(errors.peek(), Object.keys(change));
    draft.value = { ...draft.peek(), ...change };
  };
  const save = () =>
    once(`settings ${campaign.id}`, async () => {
      const body: Record<string, unknown> = Object.fromEntries(general.map((key) => [key, now[key]]));
      if (changed.length) body.settings = Object.fromEntries(changed.map((key) => [key, now.settings[key]]));
      try {
        const after = await api<Campaign>("PATCH", `/campaigns/${campaign.id}`, body);
        campaigns.value = campaigns.peek()?.map((one) => (one.id === after.id ? after : one)) ?? null;
        draft.value = drafted(after);
        errors.value = {};
        saved.value = true;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        errors.value = atFields(error);
        requestAnimationFrame(() => document.querySelector<HTMLElement>('.settings [aria-invalid="true"]')?.focus());
      }
    });
  const own = (key: string) => faults[key] ?? "";
  return (
    <form
      class="settings column"
      data-testid="settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (count && !wrong) void save();
      }}
    >
      <div class="panel savebar">
        <span role="status" data-testid="settings-status">
          {!administers.value
            ? w.readOnly
            : saved.value && count === 0
              ? words.value.saved
              : count
                ? fill(w.changed, { n: count })
                : w.unchanged}{" "}
          <small>{w.effect}</small>
        </span>
        <span class="apart" />
        {administers.value && (
          <>
            <Button
              icon="undo"
              label={w.discard}
              off={count ? "" : true}
              testid="settings-discard"
              onPress={() => {
                draft.value = drafted(campaign);
                errors.value = {};
              }}
            />
            <Button
              submit
              kind="main"
              icon="check"
              label={w.save}
              off={count && !wrong ? "" : true}
              testid="settings-save"
            />
          </>
        )}
        {Object.keys(faults).length > 0 && (
          <p class="fault" role="alert" data-testid="settings-fault">
            <Icon name="warning" /> <span>{faults[""] ? `${w.errors} ${faults[""]}` : w.errors}</span>
          </p>
        )}
      </div>
      <fieldset class="plain-set column" disabled={!administers.value}>
        <section class="panel column">
          <h2>{w.general}</h2>
          <div class="fields">
            <Field label={words.value.campaigns.name} error={own("name")}>
              <input
                value={now.name}
                required
                maxLength={200}
                data-testid="setting-name"
                onInput={(event) => setGeneral({ name: event.currentTarget.value })}
              />
            </Field>
            <Field
              label={words.value.campaigns.priority}
              hint={words.value.campaigns.priorityHint}
              error={own("priority")}
            >
              <input
                type="number"
                min={1}
                max={100}
                value={now.priority}
                data-testid="setting-priority"
                onInput={(event) => setGeneral({ priority: event.currentTarget.valueAsNumber })}
              />
            </Field>
          </div>
          <Choices
            label={words.value.campaigns.teams}
            error={own("team_ids")}
            choices={teams.value.map((one) => [one.id, one.name])}
            chosen={now.team_ids}
            testid="setting-team"
            onChange={(ids) => setGeneral({ team_ids: ids })}
          />
        </section>
        {(Object.keys(GROUPS) as (keyof typeof GROUPS)[]).map((group) => (
          <section class="panel column" key={group}>
            <h2>{w.groups[group]}</h2>
            <div class="fields">
              {GROUPS[group].map((key) => (
                <Setting key={key} name={key} settings={now.settings} fault={own} set={set} />
              ))}
            </div>
          </section>
        ))}
      </fieldset>
    </form>
  );
}

function without(errors: Record<string, string>, keys: string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(errors).filter(
      ([key]) => key !== "" && !keys.some((one) => key === one || key.startsWith(`${one}.`)),
    ),
  );
}

/** What the service refused, by setting; what it refused as a whole under "". */
function atFields(problem: Problem): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { field, message } of problem.body.errors ?? []) {
    const key = field.replace(/^settings\.?/, "");
    const inner = /^(\w+)\.(.+)$/.exec(key);
    const told = inner ? `${inner[2]}: ${message}` : message;
    if (inner) found[inner[1] as string] = told;
    found[key] = message;
  }
  if (Object.keys(found).length === 0) found[""] = problem.body.detail ?? problem.code;
  return found;
}

/** Numbers that are none or outside their range, and settings that do not go together. */
function checked(settings: Settings): Record<string, string> {
  const w = words.value.settings;
  const found: Record<string, string> = {};
  if (settings.offer_timeout < SHORTEST_OFFER && settings.offer_timeout_action !== "accept")
    found.offer_timeout = w.tooShort;
  if (settings.amd !== "inline" && settings.amd_treatment !== "to_agent") found.amd_treatment = w.needsInline;
  if (settings.caller_id !== null && !E164.test(settings.caller_id)) found.caller_id = w.notE164;
  if (settings.dispositions.some(({ code, label }) => !CODE.test(code) || !label) || twice(settings.dispositions))
    found.dispositions = w.badResults;
  const known = ranges.value;
  if (!known) return found;
  const look = (key: string, value: unknown, range: Range | undefined) => {
    if (!range || Number.isNaN(range.low)) return;
    if (typeof value !== "number" || !Number.isInteger(value)) found[key] = w.notANumber;
    else if (value < range.low || value > range.high)
      found[key] = fill(w.outOfRange, { low: whole(range.low), high: whole(range.high) });
  };
  for (const [key, value] of Object.entries(settings)) look(key, value, known.settings[key]);
  for (const [key, value] of Object.entries(settings.amd_parameters))
    look(`amd_parameters.${key}`, value, known.amd[key]);
  return found;
}

const E164 = /^\+[1-9][0-9]{6,14}$/;
const SHORTEST_OFFER = 10; // seconds, unless the end of them calls

const twice = (list: Settings["dispositions"]): boolean => new Set(list.map((one) => one.code)).size < list.length;

interface SettingProps {
  name: Key;
  settings: Settings;
  fault: (key: string) => string;
  set: (change: Partial<Settings>) => void;
}

function Setting({ name, settings, fault, set }: SettingProps) {
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
                  {one.label}
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
  const hint = [
    help,
    bounded && `${fill(w.range, { low: whole(range.low), high: whole(range.high) })} ${w.units[unit]}`.trim(),
    typeof range?.standard === "number" && fill(w.standard, { value: whole(range.standard) }),
  ];
  return (
    <Field
      label={w.units[unit] ? `${label} (${w.units[unit]})` : label}
      hint={hint.filter(Boolean).join(" · ")}
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
