/** What the floor shows: read once, moved on by the feed, and read again where the feed does not say enough.
 *
 * However busy the floor is, a list is read again once in `EVERY` at the most.
 */

import { computed, effect, signal } from "@preact/signals";
import { api, Problem, type Schemas, tenant } from "../api.ts";
import type { LiveEvent } from "../live.ts";
import { onLive, onReread, placed, refused, say, user } from "../store.ts";
import { type Agent, type Call, type Floor, heard } from "./patch.ts";

export type Campaign = Schemas["Campaign"];
export type Limit = Schemas["Limit"];
export type Refused = Schemas["RefusedLately"];
type PageOf<T> = { items: T[]; next: string | null };

const EVERY = 5_000; // ms
const MOST_AT_ONCE = 50; // agents asked for by their ids
const SOON = 300; // ms, in which the events of one step come

export const floor = signal<Floor>({ agents: new Map(), calls: new Map(), campaigns: {} });
export const campaigns = signal<Campaign[] | null>(null);
export const limits = signal<Limit[]>([]);
export const refusals = signal<Refused | null>(null);
export const tenants = signal<Schemas["Tenant"][]>([]);

/** Counts up when what a campaign has done so far may have changed. */
export const progressed = signal(0);

export const agents = computed<Agent[]>(() => [...floor.value.agents.values()].sort(byName));
export const calls = computed<Call[]>(() =>
  [...floor.value.calls.values()].sort((a, b) => (a.granted_at < b.granted_at ? 1 : -1)),
);

export const role = computed(() => user.value?.role ?? "agent");
export const administers = computed(() => role.value === "admin" || role.value === "tenant_admin");

function byName(a: { name: string }, b: { name: string }): number {
  return a.name.localeCompare(b.name);
}

/** All pages of a list. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let after = "";
  do {
    const page: PageOf<T> = await api("GET", `${path}${path.includes("?") ? "&" : "?"}limit=500${after}`);
    items.push(...page.items);
    after = page.next ? `&after=${encodeURIComponent(page.next)}` : "";
  } while (after);
  return items;
}

/** A reading that is done soon, and not again before `EVERY`, however often it is asked for. */
function calm(work: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  return () => {
    if (timer !== undefined) return;
    const wait = Math.max(SOON, last + EVERY - performance.now());
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      work().catch(told);
    }, wait);
  };
}

/** Say what a reading was refused for; a lost connection is told on top of the page already. */
export function told(error: unknown): void {
  if (!(error instanceof Problem)) throw error;
  if (error.status !== 0 && error.status !== 401) say(refused(error));
}

/** For each reading under way the events heard since it was begun: its answer may be older than they are. */
const readings = new Set<LiveEvent[]>();

async function read<T>(path: string, put: (found: T[], floor: Floor) => Floor): Promise<void> {
  const meanwhile: LiveEvent[] = [];
  readings.add(meanwhile);
  const found = await all<T>(path).finally(() => readings.delete(meanwhile));
  move(meanwhile.reduce((now, event) => heard(now, event).floor, put(found, latest())));
}

const readAgents = () =>
  read<Agent>("/agents", (found, floor) => ({ ...floor, agents: new Map(found.map((one) => [one.id, one])) }));

const readCalls = () =>
  read<Call>("/calls?state=live", (found, floor) => ({ ...floor, calls: new Map(found.map((one) => [one.id, one])) }));

export async function readCampaigns(): Promise<void> {
  const found = (await all<Campaign>("/campaigns")).sort(byName);
  campaigns.value = found;
  move({ ...latest(), campaigns: Object.fromEntries(found.map((one) => [one.id, one.name])) });
}

async function readLimits(): Promise<void> {
  const [found, lately] = await Promise.all([api<Limit[]>("GET", "/limits"), api<Refused>("GET", "/refusals")]);
  limits.value = found;
  refusals.value = lately;
}

const wanted = new Set<string>();

async function readSome(): Promise<void> {
  const ids = [...wanted];
  wanted.clear();
  if (ids.length > MOST_AT_ONCE) return readAgents();
  await read<Agent>(`/agents?${ids.map((id) => `id=${id}`).join("&")}`, (found, floor) => {
    const known = new Map(floor.agents);
    for (const one of found) known.set(one.id, one);
    return { ...floor, agents: known };
  });
}

const someAgents = calm(readSome);
const callsAgain = calm(readCalls);
const limitsAgain = calm(readLimits);
const campaignsAgain = calm(readCampaigns);
const progressAgain = calm(async () => {
  progressed.value += 1;
});

let coming: Floor | null = null;

/** The floor with all that was heard; it is drawn once a frame, however much of it comes. */
const latest = (): Floor => coming ?? floor.peek();

function move(to: Floor): void {
  if (to === latest()) return;
  if (!coming) requestAnimationFrame(draw);
  coming = to;
}

function draw(): void {
  if (coming) floor.value = coming;
  coming = null;
}

function onEvent(event: LiveEvent): void {
  for (const meanwhile of readings) meanwhile.push(event);
  const step = heard(latest(), event);
  move(step.floor);
  for (const id of step.agents ?? []) wanted.add(id);
  if (wanted.size) someAgents();
  if (step.calls) callsAgain();
  switch (event.kind) {
    case "call.state":
      limitsAgain();
      if (event.data.state === "ended") moved();
      break;
    case "offer.closed":
    case "call.wrapped_up":
      moved();
      break;
    case "limit.reached":
      limitsAgain();
      break;
    case "campaign.state":
      campaigns.value =
        campaigns
          .peek()
          ?.map((one) => (one.id === event.data.campaign ? { ...one, running: event.data.running } : one)) ?? null;
      progressAgain();
      break;
  }
}

// the counts of the campaigns with them
function moved(): void {
  progressAgain();
  campaignsAgain();
}

export async function readAll(): Promise<void> {
  if (!placed.peek()) return;
  try {
    await Promise.all([readCampaigns(), readAgents(), readCalls(), readLimits()]);
    progressed.value += 1;
  } catch (error) {
    told(error);
  }
}

/** Follow the floor until the answer is called. */
export function watch(): () => void {
  const ends = [onLive(onEvent), onReread(() => void readAll())];
  const begun = effect(() => {
    if (placed.value && tenant.value !== null) void readAll();
  });
  return () => {
    begun();
    for (const end of ends) end();
  };
}
