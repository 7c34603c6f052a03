/** What the page shows: the session, the desk, and the one way in which both change. */

import { computed, effect, signal } from "@preact/signals";
import { api, Problem, tenant } from "./api.ts";
import * as clock from "./clock.ts";
import { type Desk, heard, loaded, type Me, type Notice, told } from "./desk.ts";
import { forget, keep, kept } from "./kept.ts";
import { language } from "./language.ts";
import { follow, type LiveEvent, stop } from "./live.ts";
import { announce } from "./ui/announce.tsx";

/** Signed in, signed out, or not yet known. */
export const session = signal<"asking" | "out" | "in">("asking");

export const desk = signal<Desk | null>(null);
export const user = computed(() => desk.value?.me.user ?? null);
export const agent = computed(() => desk.value?.me.agent ?? null);

/** Whether it is known whose floor this is: an installation's administrator belongs to no tenant and says which. */
export const placed = computed(() => user.value !== null && (user.value.tenant_id !== null || tenant.value !== ""));

/** Actions under way, by name; a second one of the same name is not begun. */
export const busy = signal<ReadonlySet<string>>(new Set());

/** What a sign-in was refused for. */
export const refusal = signal<Problem | null>(null);

/** What must be done while the session still is; a sign-out that finds it undone is not carried out. */
const lastThings = new Set<() => Promise<boolean>>();

export function beforeSignOut(done: () => Promise<boolean>): void {
  lastThings.add(done);
}

/** Counts sessions: what was asked for in one that is over is not shown in the next. */
let visit = 0;

type Listener = (event: LiveEvent) => void;
const listeners = new Set<Listener>();

/** Hear every event of the feed until the answer is called. */
export function onLive(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Called after each fresh read of the state, when events may have been missed. */
const rereaders = new Set<() => void>();

export function onReread(listener: () => void): () => void {
  rereaders.add(listener);
  return () => rereaders.delete(listener);
}

// a reload of the page tells again what was told
effect(() => {
  const now = desk.value;
  if (now) keep(`told.${now.me.user.id}`, now.notices);
});

let wanted: ReturnType<typeof setTimeout> | undefined;

/** For each read under way the events heard since it was begun: its answer may be older than they are. */
const readings = new Set<LiveEvent[]>();

async function read(): Promise<string> {
  const sent = Date.now();
  const meanwhile: LiveEvent[] = [];
  readings.add(meanwhile);
  const asked = visit;
  const me = await api<Me>("GET", "/me").finally(() => readings.delete(meanwhile));
  if (asked !== visit) throw new Problem(0, { code: "NETWORK" });
  clock.set(me.now, sent, Date.now());
  // another tab may have signed in somebody else
  if (user.peek() && user.peek()?.id !== me.user.id) clear();
  const before = desk.peek();
  const read = loaded(me, before, before?.notices ?? kept<Notice[]>(`told.${me.user.id}`) ?? []);
  desk.value = meanwhile.reduce((now, event) => heard(now, event)[0], read);
  session.value = "in";
  tellLanguage(me);
  for (const one of rereaders) one();
  return me.cursor;
}

// refusals come in the user's language: that of the page
export function tellLanguage(me = desk.peek()?.me): void {
  if (!me || me.user.language === language.peek()) return;
  const told = language.peek();
  api("PUT", "/me/language", { language: told }).then(
    () => {
      change((now) => ({ ...now, me: { ...now.me, user: { ...now.me.user, language: told } } }));
      tellLanguage(); // it may have been changed again meanwhile
    },
    () => {}, // the next read tries again
  );
}

/** Read the state again: what changed comes with no event of its own. */
export function refresh(wait = 150): void {
  clearTimeout(wanted);
  wanted = setTimeout(() => {
    const asked = visit;
    read().catch((error: unknown) => {
      if (error instanceof Problem && error.status === 401 && asked === visit) ended();
    });
  }, wait);
}

function onEvent(event: LiveEvent): void {
  for (const meanwhile of readings) meanwhile.push(event);
  const before = desk.peek();
  if (before) {
    const [after, reread] = heard(before, event);
    if (after !== before) desk.value = after;
    if (reread !== "no") refresh(reread === "now" ? 0 : 400);
  }
  for (const one of listeners) one(event);
}

function ended(): void {
  stop();
  clear();
  session.value = "out";
}

/** Nothing of a user is left for the next one: what was told names contacts, a note half written says more. */
function clear(): void {
  visit += 1;
  clearTimeout(wanted);
  announce("");
  desk.value = null;
  forget();
}

/** The page begins: show the desk of who is signed in, else the sign-in. */
export async function begin(): Promise<void> {
  try {
    listen(await read());
  } catch (error) {
    if (error instanceof Problem && error.status === 401) ended();
    else setTimeout(() => void begin(), 1_000); // the service is away or starts
  }
}

function listen(cursor: string): void {
  if (!placed.peek()) return;
  follow(cursor, { onEvent, reread: read, onEnd: ended });
}

/** Open the feed of the tenant that an administrator of the installation looks at. */
export async function look(id: string): Promise<void> {
  tenant.value = id;
  listen(await read());
}

export function signIn(username: string, password: string): Promise<void> {
  return once("session", async () => {
    refusal.value = null;
    try {
      await api("POST", "/sessions", { username, password });
      listen(await read());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refusal.value = error;
    }
  });
}

export function signOut(): Promise<void> {
  return act("session", async () => {
    for (const done of lastThings) if (!(await done())) return;
    await api("DELETE", "/sessions/current");
    ended();
  });
}

/** Tell the agent something. */
export function say(notice: Notice): void {
  const now = desk.peek();
  if (now) desk.value = told(now, notice);
}

export function dismiss(notice: Notice): void {
  const now = desk.peek();
  if (now) desk.value = { ...now, notices: now.notices.filter((one) => one !== notice) };
}

/** Change the desk by what an answer said. */
export function change(how: (desk: Desk) => Desk): void {
  const now = desk.peek();
  if (now) desk.value = how(now);
}

/** Run an action unless one of the same name is under way: a double click never acts twice. */
export async function once(name: string, work: () => Promise<void>): Promise<void> {
  if (busy.peek().has(name)) return;
  busy.value = new Set([...busy.peek(), name]);
  try {
    await work();
  } finally {
    busy.value = new Set([...busy.peek()].filter((one) => one !== name));
  }
}

/** An action of the agent: once, and what the service refuses is told. */
export async function act(name: string, work: () => Promise<void>): Promise<void> {
  await once(name, async () => {
    change((now) => ({ ...now, notices: now.notices.filter((one) => one.kind !== "refused") }));
    const asked = visit;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (asked !== visit) return;
      if (error.status === 401) return ended();
      say(refused(error));
      // what was acted on is gone: another tab, the timer or the telephone was faster
      if (error.code === "OFFER_CLOSED" || error.status === 404 || error.status === 0) refresh(0);
    }
  });
}

/** A refusal as a notice. */
export function refused(problem: Problem): Notice {
  const { body } = problem;
  const fields = (body.errors ?? []).map((one) => (one.field ? `${one.field}: ${one.message}` : one.message));
  const detail = [body.detail, ...fields].filter(Boolean).join(" · ");
  return { kind: "refused", code: problem.code, used: body.used, limit: body.limit, detail };
}
