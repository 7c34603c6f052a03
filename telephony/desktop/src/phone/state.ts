/** What the page shows of the phone in this browser; the lazy part (browser.ts) sets it. */

import { computed, signal } from "@preact/signals";

export type PhoneState =
  | "off" // not chosen, or not begun
  | "asking" // the browser asks whether the microphone may be used
  | "registering"
  | "ready"
  | "ringing" // a call that is not a reservation waits for a click
  | "in_call"
  | "lost" // the way to the telephone system is down
  | "taken_over" // another tab is the phone now
  | "microphone_blocked"
  | "microphone_missing"
  | "microphone_in_use"
  | "insecure"; // the page came over plain HTTP from another machine

export interface Phone {
  state: PhoneState;
  /** Nothing arrives from the far end although people should talk. */
  silent: boolean;
  /** The browser plays no sound before a click. */
  gesture: boolean;
  /** Who rings. */
  caller: string;
  /** The call is the echo test. */
  echo: boolean;
}

const OFF: Phone = { state: "off", silent: false, gesture: false, caller: "", echo: false };

export const phone = signal<Phone>(OFF);

export const phoneState = computed(() =>
  phone.value.state === "in_call" && phone.value.silent ? "no_sound" : phone.value.state,
);

export function set(change: Partial<Phone>): void {
  phone.value = { ...phone.peek(), ...change };
}

export function reset(): void {
  phone.value = OFF;
}

/** Sound devices to choose from, and those chosen; "" is the system's standard one. */
export interface Devices {
  microphones: { id: string; name: string }[];
  speakers: { id: string; name: string }[];
  microphone: string;
  speaker: string;
}

export const devices = signal<Devices>({ microphones: [], speakers: [], microphone: "", speaker: "" });
