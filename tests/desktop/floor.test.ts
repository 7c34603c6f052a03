/** The floor moves as the feed says, without asking again for what was told. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Agent, type Call, type Floor, heard, type Step } from "../../telephony/desktop/src/floor/patch.ts";
import { link, read } from "../../telephony/desktop/src/floor/place.ts";

const AT = "2026-03-01T10:00:00Z";

const agent = (id: string, more: Partial<Agent> = {}): Agent =>
  ({ id, name: id, username: id, teams: [], state: "available", since: AT, reason: null, ...more }) as unknown as Agent;

const floor = (...agents: Agent[]): Floor => ({
  agents: new Map(agents.map((one) => [one.id, one])),
  calls: new Map(),
  campaigns: { k: "Spring" },
});

const hear = (from: Floor, kind: string, data: Record<string, unknown>, whose: string | null = "ann"): Step =>
  heard(from, { kind, at: AT, agent: whose, data });

const STATE = { agent: "ann", reason: null, since: AT, campaign: "k", offer: null, call: null, wish: null };
const OFFER = { campaign: "k", campaign_name: "Spring", card: { contact: "c1", name: "Maria" }, expires_at: "later" };

test("a state is told with the campaign's name, and nothing is read again", () => {
  const step = hear(floor(agent("ann")), "agent.state", { ...STATE, state: "ringing" });
  const ann = step.floor.agents.get("ann");
  assert.equal(ann?.state, "ringing");
  assert.deepEqual(ann?.campaign, { id: "k", name: "Spring" });
  assert.deepEqual([step.agents, step.calls], [undefined, undefined]);
});

test("who is not known yet, and a campaign that is not, are read", () => {
  assert.deepEqual(hear(floor(), "agent.state", { ...STATE, state: "idle" }).agents, ["ann"]);
  const other = hear(floor(agent("ann")), "agent.state", { ...STATE, state: "ringing", campaign: "new" });
  assert.deepEqual(other.agents, ["ann"]);
});

test("an offer shows the contact until it is closed without a call", () => {
  const opened = hear(floor(agent("ann")), "offer.opened", OFFER).floor;
  assert.deepEqual(opened.agents.get("ann")?.contact, { id: "c1", name: "Maria" });
  assert.equal(opened.agents.get("ann")?.offer_until, "later");
  const skipped = hear(opened, "offer.closed", { state: "skipped" }).floor;
  assert.equal(skipped.agents.get("ann")?.contact, null);
  const accepted = hear(opened, "offer.closed", { state: "accepted" }).floor;
  assert.equal(accepted.agents.get("ann")?.contact?.name, "Maria");
  assert.equal(accepted.agents.get("ann")?.offer_until, null);
});

test("a call is in the list from its first state to its end, whose it is and with whom", () => {
  const opened = hear(floor(agent("ann")), "offer.opened", OFFER).floor;
  const begun = hear(opened, "call.state", { call: "x", state: "placing" });
  assert.equal(begun.calls, true); // the number is in no event
  const call = begun.floor.calls.get("x");
  assert.deepEqual([call?.agent.name, call?.name, call?.campaign?.name], ["ann", "Maria", "Spring"]);
  const talking = hear(begun.floor, "call.state", { call: "x", state: "talking" });
  assert.equal(talking.calls, false);
  assert.equal(talking.floor.calls.get("x")?.joined_at, AT);
  assert.equal(talking.floor.agents.get("ann")?.call?.state, "talking");
  const over = hear(talking.floor, "call.state", { call: "x", state: "ended" }).floor;
  assert.equal(over.calls.size, 0);
});

test("a message that is left in a mailbox goes on without the agent", () => {
  const talking = hear(floor(agent("ann")), "call.state", { call: "x", state: "talking" }).floor;
  const free = hear(talking, "agent.state", { ...STATE, state: "available" }).floor;
  const left = hear(free, "call.state", { call: "x", state: "message" }).floor;
  assert.equal(left.agents.get("ann")?.call, null);
  assert.equal(left.calls.get("x")?.state, "message");
  assert.equal(hear(left, "call.state", { call: "x", state: "ended" }).floor.agents.get("ann")?.call, null);
});

test("who listens, what is on hold and what was heard stand at the call", () => {
  const talking = hear(floor(agent("ann")), "call.state", { call: "x", state: "talking" }).floor;
  const watched = hear(talking, "call.monitored", { call: "x", mode: "listen", by: "Sue" }).floor;
  assert.deepEqual(watched.calls.get("x")?.monitored, { mode: "listen", by: "Sue" });
  const alone = hear(watched, "call.monitored", { call: "x", mode: null, by: "Sue" }).floor;
  assert.equal(alone.calls.get("x")?.monitored, null);
  assert.equal(hear(alone, "call.controls", { call: "x", held: true }).floor.calls.get("x")?.held, true);
  assert.equal(hear(alone, "call.amd", { call: "x", verdict: "MACHINE" }).floor.calls.get("x")?.verdict, "MACHINE");
});

test("what concerns nobody here changes nothing", () => {
  const before = floor(agent("ann"));
  for (const [kind, whose] of [["pbx.state", null], ["call.state", "bob"], ["something.new", "ann"]] as const)
    assert.equal(hear(before, kind, { call: "x", state: "talking" }, whose).floor, before, kind);
  const calls: Call[] = [...before.calls.values()];
  assert.deepEqual(calls, []);
});

test("a place stands in the address and is found again", () => {
  assert.deepEqual(read(link("campaigns", "k", "settings")), { part: "campaigns", campaign: "k", view: "settings" });
  assert.deepEqual(read(""), { part: "agents", campaign: "", view: "progress" });
  assert.equal(read("#nonsense/x/y").part, "agents");
});
