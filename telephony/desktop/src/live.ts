/** The live feed: a WebSocket that comes back with its cursor, so that nothing is missed or told twice.
 *
 * `online` says whether it is up. Events go to `onEvent`; after a gap, and before every return, `reread` reads the state
 * afresh and answers with the cursor to go on from; it throws a `Problem` of status 401 where the session ended.
 */

import { signal } from "@preact/signals";
import { address, Problem } from "./api.ts";

export interface LiveEvent {
  kind: string;
  at: string;
  /** Whose desk it is about; null: the whole tenant's. */
  agent?: string | null;
  data: Record<string, any>;
}

interface Message extends LiveEvent {
  cursor: string;
}

export interface Ears {
  /** An event of this page's user or team. */
  onEvent(event: LiveEvent): void;
  /** Read the state afresh; the cursor to go on from. */
  reread(): Promise<string>;
  /** The session is over. */
  onEnd(): void;
}

const SILENCE = 45_000; // ms without a word (ticks come every 20 s): the line is dead though nobody said so
const CONNECTING = 10_000; // ms to connect in
const LONGEST_WAIT = 10_000; // ms between tries
const SESSION_ENDED = 4401;

/** Whether the live feed is up. */
export const online = signal(false);

let ears: Ears | null = null;
let socket: WebSocket | null = null;
let cursor = "";
let tries = 0;
let heardAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Follow the feed from this cursor on, until `stop`. */
export function follow(from: string, listening: Ears): void {
  stop();
  ears = listening;
  cursor = from;
  tries = 0;
  open();
}

export function stop(): void {
  clearTimeout(timer);
  ears = null;
  const old = socket;
  socket = null;
  old?.close();
  online.value = false;
}

function open(): void {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const path = address(`/live?since=${encodeURIComponent(cursor)}`);
  const mine = new WebSocket(`${scheme}//${location.host}${path}`);
  socket = mine;
  heardAt = Date.now();
  mine.onopen = () => {
    if (socket === mine) online.value = true;
  };
  mine.onmessage = (message) => {
    if (socket !== mine || !ears) return;
    heardAt = Date.now();
    tries = 0;
    const event = JSON.parse(message.data as string) as Message;
    cursor = event.cursor;
    if (event.kind === "reset") void again(ears);
    else if (event.kind !== "hello" && event.kind !== "tick") ears.onEvent(event);
  };
  mine.onclose = (closed) => {
    if (socket !== mine || !ears) return;
    socket = null;
    online.value = false;
    if (closed.code === SESSION_ENDED) ears.onEnd();
    else later();
  };
}

// events came while we were away that the feed no longer has; those from now on are heard
async function again(listening: Ears): Promise<void> {
  try {
    await listening.reread();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) listening.onEnd();
    else socket?.close();
  }
}

function later(): void {
  tries += 1;
  const wait = Math.min(LONGEST_WAIT, 250 * 2 ** tries) * (0.5 + Math.random() / 2);
  clearTimeout(timer);
  timer = setTimeout(() => void back(), wait);
}

// A refused upgrade tells a page nothing; reading the state says whether it is the session, and is what is true now.
async function back(): Promise<void> {
  const listening = ears;
  if (!listening || socket) return;
  try {
    const from = await listening.reread();
    if (ears !== listening || socket) return;
    cursor = from;
    open();
  } catch (error) {
    if (ears !== listening) return;
    if (error instanceof Problem && error.status === 401) listening.onEnd();
    else later();
  }
}

setInterval(() => {
  const patience = { [WebSocket.OPEN]: SILENCE, [WebSocket.CONNECTING]: CONNECTING }[socket?.readyState ?? -1];
  if (patience !== undefined && Date.now() - heardAt > patience) socket?.close();
}, 5_000);

// a laptop that wakes up or finds its network again does not wait for the next try
addEventListener("online", () => {
  if (ears && !socket) {
    tries = 0;
    clearTimeout(timer);
    void back();
  }
});
