/** The service's clock in this browser, and a beat by which timers on the page move. */

import { signal } from "@preact/signals";

const BEAT = 250; // ms; a second is then shown at most a quarter late

let ahead = 0; // the service's clock minus ours, ms

/** The service's time in ms since 1970. */
export const now = (): number => Date.now() + ahead;

/** The service said `at` in an answer to a request that was under way between these two moments of ours. */
export function set(at: string, sent: number, received: number): void {
  ahead = Date.parse(at) - (sent + received) / 2;
  beat.value = now();
}

/** The service's time, moving on by itself. */
export const beat = signal(Date.now());

setInterval(() => {
  beat.value = now();
}, BEAT);
