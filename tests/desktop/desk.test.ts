/** The desk moves as /me and the feed say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { begun, type Desk, heard, loaded, type Me, messageDropped, type Offer } from "../../telephony/desktop/src/desk.ts";

const AT = "2026-03-01T10:00:00Z";

const card = (name: string) => ({
  contact: `contact of ${name}`,
  external_id: name,
  name,
  fields: [],
  numbers: [],
  number: { id: "n", e164: "+12025550100", label: "" },
  zone: null,
  history: [],
  callback_at: null,
  skips: 0,
  attempts: 0,
  consent: false,
});

function desk(state: string, more: Partial<Me> = {}): Desk {
  const agent = { id: "ann", state, since: AT, reason: null, phone: "p", cell: "c", wish: null, wrap_up_until: null };
  const user = { id: "ann", name: "Ann", username: "ann", role: "agent", language: "en", tenant_id: "t" };
  const rest = { offer: null, call: null, dispositions: [], pull_campaigns: [], messages: [], now: AT, cursor: "e1" };
  return loaded({ user, agent, ...rest, ...more } as unknown as Me, null);
}

function hear(from: Desk, kind: string, data: Record<string, unknown>, whose: string | null = "ann"): Desk {
  return heard(from, { kind, at: AT, agent: whose, data })[0];
}

const OPENED = {
  offer: "o1",
  campaign: "k",
  campaign_name: "Spring",
  mode: "preview_standard",
  card: card("Maria"),
  opened_at: AT,
  expires_at: null,
  timeout_action: "skip",
  disabled_actions: [],
  end_call_enabled: true,
  recording: "off",
  dispositions: [{ code: "success", label: "Success", rule: "close" }],
};

const previewing = (): Desk => hear(desk("reserved"), "offer.opened", OPENED);
const call = (state: string, more = {}) => ({ call: "a1", offer: "o1", state, outcome: null, code: null, at: AT, ...more });

test("an offer opens with its campaign and what may be chosen in wrap-up", () => {
  const now = previewing();
  assert.equal(now.offer?.id, "o1");
  assert.equal(now.offer?.state, "open");
  assert.deepEqual(now.offer?.campaign, { id: "k", name: "Spring" });
  assert.equal(now.me.dispositions.length, 1);
});

test("what concerns a colleague's desk changes nothing on a supervisor's own", () => {
  const now = desk("available");
  for (const [kind, data] of [
    ["offer.opened", OPENED],
    ["agent.state", { agent: "bob", state: "talking" }],
    ["call.state", call("talking")],
    ["limit.reached", { code: "NO_TRUNK" }],
  ] as const) {
    assert.equal(hear(now, kind, data, "bob"), now);
  }
});

test("an accepted offer's call keeps the card, whichever of answer and event comes first", () => {
  const answered = begun(previewing(), previewing().offer as Offer, "a1");
  const told = hear(previewing(), "call.state", call("granted"));
  for (const now of [answered, told]) {
    assert.equal(now.offer, null);
    assert.equal(now.accepted?.id, "o1");
    assert.equal(now.call?.id, "a1");
    assert.equal(now.call?.name, "Maria");
  }
  assert.equal(begun(told, previewing().offer as Offer, "a1").call, told.call);
});

test("a call rings, is talked, and ends with what is told of it", () => {
  let now = hear(previewing(), "call.state", call("ringing"));
  assert.equal(now.call?.ringing_at, AT);
  now = hear(now, "call.state", call("talking"));
  assert.equal(now.call?.joined_at, AT);
  now = hear(now, "call.amd", { call: "a1", verdict: "MACHINE", cause: "MAXWORDS", after: 1.5 });
  now = hear(now, "call.beep", { call: "a1", after: 4 });
  now = hear(now, "call.controls", { call: "a1", muted: true, held: false, transfer: null });
  assert.equal(now.call?.verdict, "MACHINE");
  assert.equal(now.call?.beep_after, 4);
  assert.equal(now.call?.muted, true);
  now = hear(now, "call.state", call("ended", { outcome: "CUSTOMER_BUSY" }));
  assert.deepEqual(now.notices.at(-1), { kind: "ended", name: "Maria", outcome: "CUSTOMER_BUSY", code: null });
});

test("the next card comes after a failed attempt, and what was told stays", () => {
  const failed = hear(previewing(), "call.state", call("ended", { outcome: "CUSTOMER_BUSY" }));
  const now = hear(failed, "offer.opened", { ...OPENED, offer: "o2", card: card("Juan") });
  assert.equal(now.call, null);
  assert.equal(now.accepted, null);
  assert.equal(now.offer?.id, "o2");
  assert.equal(now.notices.length, 1);
});

test("a dropped message leaves the agent free and is told when it ends", () => {
  let now = hear(previewing(), "call.state", call("talking"));
  now = hear(now, "call.state", call("message"));
  assert.equal(now.call, null);
  assert.deepEqual(now.left, [{ call: "a1", name: "Maria" }]);
  now = hear(now, "call.state", call("ended", { outcome: "MESSAGE_NOT_LEFT", code: "no_beep" }));
  assert.deepEqual(now.left, []);
  assert.deepEqual(now.notices.at(-1), { kind: "ended", name: "Maria", outcome: "MESSAGE_NOT_LEFT", code: "no_beep" });
});

test("the answer to a drop may come before or after what the feed tells, even of its end", () => {
  const talking = hear(previewing(), "call.state", call("talking"));
  const answered = messageDropped(talking, "a1");
  assert.equal(answered.call, null);
  assert.deepEqual(answered.left, [{ call: "a1", name: "Maria" }]);
  assert.deepEqual(answered.notices, [{ kind: "message_left", name: "Maria" }]);
  const told = hear(talking, "call.state", call("message"));
  assert.deepEqual(messageDropped(told, "a1"), answered);
  assert.deepEqual(hear(answered, "call.state", call("message")), answered);
  const over = hear(told, "call.state", call("ended", { outcome: "MESSAGE_NOT_LEFT", code: "no_beep" }));
  assert.equal(messageDropped(over, "a1"), over);
  assert.deepEqual(over.left, []);
});

test("a message is being left for as long as the service says so, whatever the page has missed", () => {
  const messages = [{ call: "a1", name: "Maria" }];
  const now = desk("available", { messages });
  assert.deepEqual(now.left, messages);
  assert.deepEqual(loaded({ ...now.me, messages: [] }, now).left, []);
});

test("a withdrawn or timed out offer says why it is gone", () => {
  const gone = hear(previewing(), "offer.closed", { offer: "o1", state: "withdrawn", action: null, code: "MIN_GAP" });
  assert.equal(gone.offer, null);
  assert.deepEqual(gone.notices.at(-1), { kind: "withdrawn", name: "Maria", code: "MIN_GAP" });
  const out = hear(previewing(), "offer.closed", { offer: "o1", state: "timed_out", action: "skip", code: null });
  assert.deepEqual(out.notices.at(-1), { kind: "timed_out", name: "Maria", action: "skip" });
});

test("an offer that its timer accepts goes on as a call", () => {
  let now = hear(previewing(), "offer.closed", { offer: "o1", state: "timed_out", action: "accept", code: null });
  assert.deepEqual(now.notices, []);
  now = hear(now, "call.state", call("placing"));
  assert.equal(now.call?.name, "Maria");
  assert.equal(now.accepted?.id, "o1");
});

test("a call that the page knows nothing of is read afresh", () => {
  const [now, reread] = heard(desk("dialing"), { kind: "call.state", at: AT, agent: "ann", data: call("ringing") });
  assert.equal(now.call, null);
  assert.equal(reread, "now");
});

test("wrap-up without knowing what may be chosen reads afresh; with it not", () => {
  const state = { agent: "ann", state: "wrap_up", reason: null, since: AT, wish: null, wrap_up_until: null };
  assert.equal(heard(desk("talking"), { kind: "agent.state", at: AT, agent: "ann", data: state })[1], "now");
  assert.equal(heard(previewing(), { kind: "agent.state", at: AT, agent: "ann", data: state })[1], "no");
});

test("the page keeps at most three notices and never the same one twice", () => {
  let now = desk("previewing");
  for (const code of ["A", "B", "B", "C", "D"]) now = hear(now, "limit.reached", { code, used: 1, limit: 1 });
  assert.deepEqual(
    now.notices.map((one) => "code" in one && one.code),
    ["B", "C", "D"],
  );
});

test("a reloaded page shows the same offer, call and card", () => {
  const offer = previewing().offer as Offer;
  const open = desk("previewing", { offer });
  assert.equal(open.offer?.id, "o1");
  const state = { id: "a1", state: "talking", offer: "o1" } as unknown as Me["call"];
  const talking = desk("talking", { offer: { ...offer, state: "accepted" }, call: state });
  assert.equal(talking.offer, null);
  assert.equal(talking.accepted?.id, "o1");
  assert.equal(talking.call?.id, "a1");
});

test("a transfer is told when the customer talks to the other one, and when it failed", () => {
  let now = hear(previewing(), "call.state", call("talking"));
  now = hear(now, "call.controls", { call: "a1", held: true, transfer: { state: "ringing", to: "Bob" } });
  const failed = hear(now, "call.transfer_failed", { call: "a1", to: "Bob", why: "busy" });
  assert.deepEqual(failed.notices.at(-1), { kind: "transfer_failed", to: "Bob", reason: "busy" });
  const done = hear(now, "call.state", call("transferred"));
  assert.deepEqual(done.notices.at(-1), { kind: "handed_over", to: "Bob" });
  assert.equal(done.call?.state, "transferred");
  const over = hear(done, "call.controls", { call: "a1", held: false, transfer: null });
  assert.deepEqual(hear(over, "call.state", call("transferred")).notices, done.notices, "told once");
});

test("a refusal is over when a call begins", () => {
  const refused = hear(previewing(), "limit.reached", { code: "TENANT_CALL_LIMIT", used: 1, limit: 1 });
  assert.equal(refused.notices.length, 1);
  assert.deepEqual(begun(refused, refused.offer as Offer, "a1").notices, []);
});
