/** Whatever happens while a do-not-call can still be taken back, it is carried out or taken back: never lost. */

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { type About, type Fate, Requests, type Waiting, type Written } from "../../telephony/desktop/src/agent/requests.ts";

const START = Date.parse("2026-03-01T10:00:00Z");
const CALL = { call: "a1" };
const OFFER = { offer: "o1" };

/** A service and a browser's storage, which outlive the page. */
class World {
  written: Written[] = [];
  sent: About[] = [];
  last: boolean[] = [];
  told: [Fate, string][] = [];
  answers: Fate | Promise<Fate> = "done";

  /** A page that was just loaded. */
  page(): { requests: Requests; waits: () => Waiting | null } {
    let waiting: Waiting | null = null;
    const requests = new Requests(
      {
        send: async (about, last) => {
          this.sent.push(about);
          this.last.push(last);
          return this.answers;
        },
        read: () => structuredClone(this.written),
        write: (all) => {
          this.written = all;
        },
        tell: (fate, name) => this.told.push([fate, name]),
        now: () => Date.now(),
      },
      (one) => {
        waiting = one;
      },
    );
    return { requests, waits: () => waiting };
  }
}

/** Let promises settle. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

const pass = async (ms: number) => {
  mock.timers.tick(ms);
  await settle();
};

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: START });
});

test("it is carried out after five seconds, once", async () => {
  const world = new World();
  const { requests, waits } = world.page();
  requests.begin(CALL, "Maria", null);
  assert.equal(waits()?.until, START + 5_000);
  await pass(4_999);
  assert.deepEqual(world.sent, []);
  await pass(1);
  await pass(60_000);
  assert.deepEqual(world.sent, [CALL]);
  assert.deepEqual(world.told, [["done", "Maria"]]);
  assert.deepEqual([waits(), world.written], [null, []]);
});

test("taken back nothing is sent, nor after a reload", async () => {
  const world = new World();
  const { requests } = world.page();
  requests.begin(CALL, "Maria", null);
  requests.takeBack();
  await pass(10_000);
  await world.page().requests.resume();
  assert.deepEqual([world.sent, world.written], [[], []]);
});

test("an offer that closes sooner leaves less time", async () => {
  const world = new World();
  const { requests } = world.page();
  requests.begin(OFFER, "Maria", START + 3_000);
  await pass(2_000);
  assert.deepEqual(world.sent, [OFFER]);
});

test("a second request sends the first one on its way", async () => {
  const world = new World();
  const { requests, waits } = world.page();
  requests.begin(OFFER, "Maria", null);
  requests.begin(CALL, "Juan", null);
  await settle();
  assert.deepEqual(world.sent, [OFFER]);
  assert.deepEqual(waits()?.about, CALL);
  await pass(5_000);
  assert.deepEqual(world.sent, [OFFER, CALL]);
});

test("a page that goes sends it, and the next one asks again whether it was done", async () => {
  const world = new World();
  world.answers = new Promise(() => {}); // the page is gone before the answer
  const first = world.page();
  first.requests.begin(OFFER, "Maria", null);
  void first.requests.carryOut(true);
  assert.deepEqual(world.last, [true]);
  world.answers = "done";
  await world.page().requests.resume();
  assert.deepEqual(world.sent, [OFFER, OFFER]);
  assert.deepEqual(world.told, [["done", ""]]);
  assert.deepEqual(world.written, []);
  assert.ok(!JSON.stringify(world.written).includes("Maria"));
});

test("what the service could not be told is kept, told so, and done when it answers again", async () => {
  const world = new World();
  world.answers = "kept";
  const { requests } = world.page();
  requests.begin(CALL, "Maria", null);
  await pass(5_000);
  assert.deepEqual(world.told, [["kept", "Maria"]]);
  assert.equal(world.written.length, 1);
  assert.ok(!JSON.stringify(world.written).includes("Maria"));
  world.answers = "done";
  await requests.resume();
  assert.deepEqual(world.told.at(-1), ["done", ""]);
  assert.deepEqual(world.written, []);
});

test("a service that answers other things but not this is asked again by and by", async () => {
  const world = new World();
  world.answers = "kept";
  const { requests } = world.page();
  requests.begin(CALL, "Maria", null);
  await pass(5_000);
  await pass(10_000);
  assert.equal(world.sent.length, 2);
  world.answers = "done";
  await pass(10_000);
  assert.equal(world.sent.length, 3);
  await pass(60_000);
  assert.equal(world.sent.length, 3);
});

test("what the service refuses for good is told and not tried again", async () => {
  const world = new World();
  world.answers = { code: "NOT_FOUND" };
  const { requests } = world.page();
  requests.begin(CALL, "Maria", null);
  await pass(5_000);
  await requests.resume();
  assert.deepEqual(world.told, [[{ code: "NOT_FOUND" }, "Maria"]]);
  assert.deepEqual(world.sent, [CALL]);
});

test("a session that ends meanwhile leaves it to the user's next one", async () => {
  const world = new World();
  const { requests } = world.page();
  requests.begin(CALL, "Maria", null);
  requests.pause();
  await pass(10_000);
  assert.deepEqual(world.sent, []);
  await world.page().requests.resume();
  assert.deepEqual(world.sent, [CALL]);
});

test("another tab leaves the time to take it back, and does it where the first tab does not", async () => {
  const world = new World();
  const first = world.page();
  const second = world.page();
  first.requests.begin(CALL, "Maria", null);
  await second.requests.resume();
  await pass(4_000);
  assert.deepEqual(world.sent, []);
  first.requests.takeBack();
  await pass(10_000);
  assert.deepEqual(world.sent, []);
  first.requests.begin(CALL, "Maria", null);
  first.requests.pause();
  await second.requests.resume();
  await pass(8_000);
  assert.deepEqual(world.sent, [CALL]);
});

test("a sign-out carries out all there is, and knows whether it could", async () => {
  const world = new World();
  const { requests } = world.page();
  world.written = [{ about: OFFER, until: START + 5_000 }];
  requests.begin(CALL, "Maria", null);
  world.answers = "kept";
  assert.equal(await requests.carryOut(), false);
  world.answers = "done";
  assert.equal(await requests.carryOut(), true);
  assert.equal(await requests.resume(true), true);
  assert.deepEqual(world.sent, [CALL, OFFER, CALL]);
  assert.deepEqual(world.written, []);
});
