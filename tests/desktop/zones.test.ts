/** Callbacks are agreed on the customer's clock, also on the days when clocks change. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { known, momentOf, wallTime } from "../../telephony/desktop/src/zones.ts";

const read = (day: string, time: string, zone: string) => {
  const found = momentOf({ day, time }, zone);
  return found && [found.at.toISOString(), found.reading];
};

test("an ordinary day", () => {
  assert.deepEqual(read("2026-01-15", "10:00", "Europe/Madrid"), ["2026-01-15T09:00:00.000Z", "exact"]);
  assert.deepEqual(read("2026-07-15", "10:00", "Europe/Madrid"), ["2026-07-15T08:00:00.000Z", "exact"]);
  assert.deepEqual(read("2026-07-15", "10:00", "America/Los_Angeles"), ["2026-07-15T17:00:00.000Z", "exact"]);
  assert.deepEqual(read("2026-01-15", "10:00", "Asia/Kathmandu"), ["2026-01-15T04:15:00.000Z", "exact"]);
  assert.deepEqual(read("2026-01-15", "00:00", "Pacific/Kiritimati"), ["2026-01-14T10:00:00.000Z", "exact"]);
});

test("the hour that is left out in spring becomes as much later", () => {
  assert.deepEqual(read("2026-03-29", "02:30", "Europe/Madrid"), ["2026-03-29T01:30:00.000Z", "skipped"]);
  assert.deepEqual(wallTime(new Date("2026-03-29T01:30:00Z"), "Europe/Madrid"), { day: "2026-03-29", time: "03:30" });
  assert.deepEqual(read("2026-03-08", "02:00", "America/New_York"), ["2026-03-08T07:00:00.000Z", "skipped"]);
});

test("the hour that comes twice in autumn is the first one", () => {
  assert.deepEqual(read("2026-10-25", "02:30", "Europe/Madrid"), ["2026-10-25T00:30:00.000Z", "twice"]);
  assert.deepEqual(read("2026-11-01", "01:30", "America/New_York"), ["2026-11-01T05:30:00.000Z", "twice"]);
});

test("the hours beside a change are exact", () => {
  assert.deepEqual(read("2026-03-29", "01:59", "Europe/Madrid"), ["2026-03-29T00:59:00.000Z", "exact"]);
  assert.deepEqual(read("2026-03-29", "03:00", "Europe/Madrid"), ["2026-03-29T01:00:00.000Z", "exact"]);
  assert.deepEqual(read("2026-10-25", "03:00", "Europe/Madrid"), ["2026-10-25T02:00:00.000Z", "exact"]);
});

test("a change of half an hour counts too", () => {
  assert.deepEqual(read("2026-10-04", "02:10", "Australia/Lord_Howe"), ["2026-10-03T15:40:00.000Z", "skipped"]);
});

test("every hour of two years is found again where the clocks show it once", () => {
  for (const zone of ["Europe/London", "America/Sao_Paulo", "Africa/Casablanca", "Pacific/Auckland"]) {
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2028, 0, 1); at += 7 * 3_600_000) {
      const found = momentOf(wallTime(new Date(at), zone), zone);
      if (found?.reading === "exact") assert.equal(found.at.getTime(), at, `${zone} ${new Date(at).toISOString()}`);
      else assert.ok(found && Math.abs(found.at.getTime() - at) <= 3_600_000);
    }
  }
});

test("what is no time is none, and an unknown zone is told", () => {
  assert.equal(momentOf({ day: "", time: "" }, "Europe/Madrid"), null);
  assert.equal(momentOf({ day: "2026-02-31", time: "aa" }, "Europe/Madrid"), null);
  assert.equal(known("Mars/Olympus"), false);
  assert.equal(known(null), false);
  assert.equal(known("Europe/Madrid"), true);
});
