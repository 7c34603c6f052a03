/** Moments, spans and numbers in the local form. */

import { locale } from "./language.ts";

const DAY = 86_400; // s

const inUnit = (value: number, unit: string): string =>
  value.toLocaleString(locale.value, { style: "unit", unit, unitDisplay: "short" });

/** "1:05" or "1:02:03" of milliseconds, days and hours from a day on; never less than zero. */
export function span(ms: number): string {
  const all = Math.max(0, Math.round(ms / 1000));
  if (all >= DAY) return `${inUnit(Math.floor(all / DAY), "day")} ${inUnit(Math.floor((all % DAY) / 3600), "hour")}`;
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** Date and time of a moment in this browser's zone, or in another one. Text that is no moment is shown as it is. */
export function moment(value: string, zone?: string): string {
  const at = new Date(value);
  if (Number.isNaN(at.valueOf())) return value;
  return at.toLocaleString(locale.value, { dateStyle: "medium", timeStyle: "short", timeZone: zone });
}

/** Weekday and time in a zone, "" for a zone that this browser does not know. */
export function timeIn(zone: string, at: number): string {
  try {
    return new Date(at).toLocaleString(locale.value, {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
    });
  } catch {
    return "";
  }
}

/** A number with at most one decimal place. */
export const decimal = (value: number): string => value.toLocaleString(locale.value, { maximumFractionDigits: 1 });

/** A whole number, grouped. */
export const whole = (value: number): string => value.toLocaleString(locale.value, { maximumFractionDigits: 0 });

/** A share of one, in percent. */
export const percent = (value: number): string =>
  value.toLocaleString(locale.value, { style: "percent", maximumFractionDigits: 1 });
