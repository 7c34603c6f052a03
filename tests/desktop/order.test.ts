/** The agents' table in the order of a column. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Order, pressed, sorted } from "../../telephony/desktop/src/floor/order.ts";
import type { Agent } from "../../telephony/desktop/src/floor/patch.ts";

const STATES = { idle: "No disponible", talking: "Hablando", available: "Disponible" };

const agent = (name: string, state: string, since: string, campaign: string | null = null) =>
  ({ id: name, name, state, since, campaign: campaign && { id: campaign, name: campaign }, contact: null }) as unknown as Agent;

const AGENTS = [
  agent("Ágata", "talking", "2026-03-01T10:05:00Z", "Spring"),
  agent("agent 10", "idle", "2026-03-01T10:00:00+00:00"),
  agent("agent 9", "available", "2026-03-01T12:00:00+02:00", "Autumn"),
  agent("Zoe", "talking", "2026-03-01T09:00:00Z"),
];

const names = (by: Order["by"], down = false) => sorted(AGENTS, { by, down }, STATES, "es").map((one) => one.name);

test("texts stand as a reader expects them: accents and numbers too", () => {
  assert.deepEqual(names("name"), ["Ágata", "agent 9", "agent 10", "Zoe"]);
  assert.deepEqual(names("name", true), ["Zoe", "agent 10", "agent 9", "Ágata"]);
});

test("states stand by their names in the page's language", () => {
  assert.deepEqual(names("state"), ["agent 9", "Ágata", "Zoe", "agent 10"]);
});

test("who has been in a state the longest stands first, and equals as they were", () => {
  assert.deepEqual(names("since"), ["Zoe", "agent 10", "agent 9", "Ágata"]);
});

test("who has no campaign stands last either way", () => {
  assert.deepEqual(names("campaign"), ["agent 9", "Ágata", "agent 10", "Zoe"]);
  assert.deepEqual(names("campaign", true), ["Ágata", "agent 9", "agent 10", "Zoe"]);
});

test("a column pressed again turns round, another one begins at its front", () => {
  const once = pressed({ by: "name", down: false }, "since");
  assert.deepEqual(once, { by: "since", down: false });
  assert.deepEqual(pressed(once, "since"), { by: "since", down: true });
  assert.deepEqual(pressed({ by: "since", down: true }, "name"), { by: "name", down: false });
});
