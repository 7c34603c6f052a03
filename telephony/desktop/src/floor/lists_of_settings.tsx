/** Settings that are lists: calling hours, days without calls, retry times by outcome, and the fields of the card. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../api.ts";
import { sentence } from "../codes.ts";
import { locale } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { all, told } from "./data.ts";
import type { Settings } from "./schema.ts";
import { words } from "./words.ts";

interface Props {
  settings: Settings;
  set: (change: Partial<Settings>) => void;
}

type Window = [string, string];
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const short = (time: string): string => time.slice(0, 5);
const long = (time: string): string => (time.length === 5 ? `${time}:00` : time);

export function Hours({ settings, set }: Props) {
  const w = words.value.settings;
  const hours = settings.calling_hours;
  const change = (day: string, windows: Window[]) => set({ calling_hours: { ...hours, [day]: windows } });
  return (
    <div class="hours">
      {DAYS.map((day) => {
        const windows = (hours[day] ?? []) as Window[];
        return (
          <div class="day" key={day} role="group" aria-label={w.days[day]} data-testid="day" data-value={day}>
            <b>{w.days[day]}</b>
            {windows.length === 0 && <span class="muted">{w.hours.closed}</span>}
            {windows.map(([opens, closes], at) => {
              const wrong = closes !== "00:00:00" && opens >= closes;
              return (
                <span class="window" key={at}>
                  <input
                    type="time"
                    aria-label={`${w.days[day]} ${w.hours.from}`}
                    value={short(opens)}
                    onInput={(event) => change(day, windows.with(at, [long(event.currentTarget.value), closes]))}
                  />
                  <span aria-hidden="true">–</span>
                  <input
                    type="time"
                    aria-label={`${w.days[day]} ${w.hours.to}`}
                    aria-invalid={wrong ? "true" : undefined}
                    title={wrong ? w.hours.order : undefined}
                    value={short(closes)}
                    onInput={(event) => change(day, windows.with(at, [opens, long(event.currentTarget.value)]))}
                  />
                  <Button
                    icon="cross"
                    compact
                    kind="plain"
                    label={`${words.value.remove}: ${w.days[day]} ${short(opens)}–${short(closes)}`}
                    testid="window-remove"
                    onPress={() => change(day, windows.toSpliced(at, 1))}
                  />
                  {wrong && <small class="error">{w.hours.order}</small>}
                </span>
              );
            })}
            <Button
              icon="plus"
              compact
              kind="plain"
              label={`${w.hours.add}: ${w.days[day]}`}
              testid="window-add"
              onPress={() => change(day, [...windows, ["09:00:00", "18:00:00"]])}
            />
          </div>
        );
      })}
      <p class="row start">
        <Button
          label={w.hours.copy}
          testid="hours-copy"
          hint={w.days.mon}
          onPress={() => set({ calling_hours: Object.fromEntries(DAYS.map((day) => [day, hours.mon ?? []])) })}
        />
        <small>{w.hours.midnight}</small>
      </p>
    </div>
  );
}

export function Holidays({ settings, set }: Props) {
  const w = words.value.settings.holiday;
  const day = useSignal("");
  const list = [...settings.holidays].sort();
  const spoken = (one: string) =>
    new Date(`${one}T12:00:00Z`).toLocaleDateString(locale.value, { dateStyle: "medium", timeZone: "UTC" });
  return (
    <div class="column">
      {list.length === 0 && <span class="muted">{w.none}</span>}
      <ul class="tags">
        {list.map((one) => (
          <li class="tag" key={one}>
            {spoken(one)}
            <Button
              icon="cross"
              compact
              kind="plain"
              label={`${words.value.remove}: ${spoken(one)}`}
              testid="holiday-remove"
              onPress={() => set({ holidays: list.filter((other) => other !== one) })}
            />
          </li>
        ))}
      </ul>
      <span class="row start">
        <input
          type="date"
          aria-label={w.add}
          value={day.value}
          data-testid="holiday"
          onInput={(event) => {
            day.value = event.currentTarget.value;
          }}
        />
        <Button
          icon="plus"
          label={w.add}
          off={day.value ? "" : true}
          testid="holiday-add"
          onPress={() => {
            set({ holidays: [...new Set([...list, day.peek()])].sort() });
            day.value = "";
          }}
        />
      </span>
    </div>
  );
}

const RETRIED: Schemas["Outcome"][] = [
  "CUSTOMER_BUSY",
  "NO_ANSWER_CUSTOMER",
  "CUSTOMER_UNAVAILABLE",
  "CUSTOMER_DECLINED",
  "CUSTOMER_LEFT",
  "VOICEMAIL_LEFT",
  "MESSAGE_DROPPED",
  "MESSAGE_NOT_LEFT",
  "MACHINE_HUNG_UP",
  "INVALID_NUMBER",
  "FAX",
  "AGENT_CANCELLED",
  "AGENT_ENDED",
  "ABANDONED",
  "CHANNEL_FAILURE",
];

export function RetryAfter({ settings, set }: Props) {
  const w = words.value.settings.retry;
  const times = settings.retry_after as Record<string, number>;
  const rest = RETRIED.filter((one) => times[one] === undefined);
  return (
    <div class="rows">
      <ul>
        {Object.entries(times).map(([outcome, minutes]) => (
          <li key={outcome}>
            <label>
              <span>{sentence(outcome)}</span>
              <input
                type="number"
                min={1}
                max={99999}
                value={Number.isNaN(minutes) ? "" : minutes}
                aria-label={`${sentence(outcome)}: ${w.minutes}`}
                onInput={(event) => set({ retry_after: { ...times, [outcome]: event.currentTarget.valueAsNumber } })}
              />
            </label>
            <small>{w.minutes}</small>
            <Button
              icon="cross"
              compact
              label={`${words.value.remove}: ${sentence(outcome)}`}
              testid="retry-remove"
              onPress={() => {
                const { [outcome]: _, ...others } = times;
                set({ retry_after: others });
              }}
            />
          </li>
        ))}
      </ul>
      <small>{w.rest}</small>
      <select
        aria-label={w.add}
        value=""
        data-testid="retry-add"
        onChange={(event) => {
          const outcome = event.currentTarget.value;
          event.currentTarget.value = "";
          if (outcome) set({ retry_after: { ...times, [outcome]: 60 } });
        }}
      >
        <option value="">{w.add}…</option>
        {rest.map((one) => (
          <option value={one} key={one}>
            {sentence(one)}
          </option>
        ))}
      </select>
    </div>
  );
}

export function CardFields({ settings, set }: Props) {
  const w = words.value.settings;
  const list = settings.card_fields;
  const known = useSignal<Schemas["ContactField"][]>([]);
  useEffect(() => {
    all<Schemas["ContactField"]>("/fields")
      .then((found) => {
        known.value = found;
      })
      .catch(told);
  }, []);
  return (
    <div class="rows">
      <datalist id="known-fields">
        {known.value.map((one) => (
          <option value={one.name} key={one.id}>
            {one.label}
          </option>
        ))}
      </datalist>
      <ul>
        {list.map((one, at) => (
          <li key={at} data-testid="card-field-row">
            <label>
              <span>{w.cardField.name}</span>
              <input
                value={one.name}
                list="known-fields"
                maxLength={64}
                required
                onInput={(event) => {
                  const name = event.currentTarget.value;
                  const label = one.label || (known.value.find((field) => field.name === name)?.label ?? "");
                  set({ card_fields: list.with(at, { name, label }) });
                }}
              />
            </label>
            <label>
              <span>{w.cardField.label}</span>
              <input
                value={one.label}
                maxLength={120}
                required
                onInput={(event) => set({ card_fields: list.with(at, { ...one, label: event.currentTarget.value }) })}
              />
            </label>
            <span class="deeds">
              <Button
                icon="up"
                compact
                label={`${w.disposition.up}: ${one.label}`}
                off={at === 0}
                testid="card-field-up"
                onPress={() => {
                  const after = [...list];
                  after.splice(at - 1, 0, ...after.splice(at, 1));
                  set({ card_fields: after });
                }}
              />
              <Button
                icon="cross"
                compact
                label={`${words.value.remove}: ${one.label}`}
                testid="card-field-remove"
                onPress={() => set({ card_fields: list.toSpliced(at, 1) })}
              />
            </span>
          </li>
        ))}
      </ul>
      <Button
        icon="plus"
        label={w.cardField.add}
        testid="card-field-add"
        onPress={() => set({ card_fields: [...list, { name: "", label: "" }] })}
      />
    </div>
  );
}
