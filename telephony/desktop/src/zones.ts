/** Wall clocks of other zones: which moment a day and time there is, also on the days when the clocks change. */

/** A day and time as read from a wall clock, "2026-03-29" and "02:30". */
export interface WallTime {
  day: string;
  time: string;
}

/** `exact`; `skipped`: the clocks were put forward over it, and it is as much later; `twice`: the first of the two. */
export type Reading = "exact" | "skipped" | "twice";

const DAY = 86_400_000;

/** Whether this browser knows the zone. */
export function known(zone: string | null | undefined): zone is string {
  if (!zone) return false;
  try {
    formatter(zone);
    return true;
  } catch {
    return false;
  }
}

/** The zone of this browser. */
export const here = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What the wall clock in a zone shows at a moment. */
export function wallTime(at: Date, zone: string): WallTime {
  const text = new Date(onWall(at.getTime(), zone)).toISOString();
  return { day: text.slice(0, 10), time: text.slice(11, 16) };
}

/** The moment at which the wall clock in a zone shows this; null for a day or time that is none. */
export function momentOf({ day, time }: WallTime, zone: string): { at: Date; reading: Reading } | null {
  const wall = Date.parse(`${day}T${time}:00Z`);
  // browsers make something of a half-filled or impossible date
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 16) !== `${day}T${time}`) return null;
  // the distance from UTC before and after any change near it
  const before = onWall(wall - DAY, zone) - (wall - DAY);
  const after = onWall(wall + DAY, zone) - (wall + DAY);
  const right = [...new Set([before, after])]
    .map((distance) => wall - distance)
    .filter((moment) => onWall(moment, zone) === wall)
    .sort((one, other) => one - other);
  if (right[0] === undefined) return { at: new Date(wall - before), reading: "skipped" };
  return { at: new Date(right[0]), reading: right.length > 1 ? "twice" : "exact" };
}

// the moment in ms, read on the zone's wall clock as if that were UTC
function onWall(moment: number, zone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatter(zone).formatToParts(moment)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  let found = formatters.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(zone, found);
  }
  return found;
}
