/** What is wrong with settings, by setting: as far as this page knows, and as the service said. No I/O. */

import type { Problem } from "../api.ts";
import { whole } from "../format.ts";
import { fill } from "../language.ts";
import { CODE } from "./dispositions.tsx";
import { type Range, ranges, type Settings } from "./schema.ts";
import { words } from "./words.ts";

/** What the service refused, by setting; what it refused as a whole under "". */
export function atFields(problem: Problem): Record<string, string> {
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
export function checked(settings: Settings): Record<string, string> {
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
