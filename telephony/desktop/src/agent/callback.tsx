/** Day and time of a callback on the customer's own clock, said in the agent's time as well. */

import { beat, now } from "../clock.ts";
import { moment } from "../format.ts";
import { fill, texts } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { here, known, momentOf, type WallTime, wallTime } from "../zones.ts";

export type PickedTime = WallTime;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MORNING = "10:00";

/** The moment that was picked; null while it is none. */
export function picked(value: PickedTime, zone: string | null): Date | null {
  return momentOf(value, known(zone) ? zone : here())?.at ?? null;
}

interface PickerProps {
  zone: string | null;
  value: PickedTime;
  onChange: (value: PickedTime) => void;
}

export function CallbackPicker({ zone, value, onChange }: PickerProps) {
  const t = texts.value;
  const there = known(zone) ? zone : here();
  const found = momentOf(value, there);
  const past = found !== null && found.at.getTime() < beat.value;
  return (
    <fieldset class="callback" data-testid="callback" data-at={found?.at.toISOString() ?? ""} data-zone={there}>
      <legend>{t.wrap.callback}</legend>
      <p class="muted">{known(zone) ? fill(t.wrap.zoneOf, { zone: there }) : t.wrap.zoneMine}</p>
      <div class="pair">
        <Field label={t.wrap.day}>
          <input
            type="date"
            required
            value={value.day}
            min={wallTime(new Date(now()), there).day}
            data-testid="callback-day"
            onInput={(event) => onChange({ ...value, day: event.currentTarget.value })}
          />
        </Field>
        <Field label={t.wrap.time} error={past ? t.wrap.past : ""}>
          <input
            type="time"
            required
            value={value.time}
            data-testid="callback-time"
            onInput={(event) => onChange({ ...value, time: event.currentTarget.value })}
          />
        </Field>
      </div>
      <div class="quick">
        {(["hour", "tomorrow", "monday"] as const).map((one) => (
          <Button
            key={one}
            kind="plain"
            label={t.wrap.quick[one]}
            testid={`callback-${one}`}
            onPress={() => onChange(quick(one, there))}
          />
        ))}
      </div>
      {found && (
        <p role="status" data-testid="callback-here">
          {found.reading === "skipped" && fill(t.wrap.skipped, { time: moment(found.at.toISOString(), there) })}
          {found.reading === "twice" && t.wrap.twice}{" "}
          {there !== here() && fill(t.wrap.here, { time: moment(found.at.toISOString()) })}
        </p>
      )}
    </fieldset>
  );
}

function quick(which: "hour" | "tomorrow" | "monday", zone: string): PickedTime {
  const at = now();
  if (which === "hour") return wallTime(new Date(at + HOUR), zone);
  const today = new Date(`${wallTime(new Date(at), zone).day}T12:00:00Z`);
  const days = which === "tomorrow" ? 1 : (8 - today.getUTCDay()) % 7 || 7;
  return { day: new Date(today.getTime() + days * DAY).toISOString().slice(0, 10), time: MORNING };
}
