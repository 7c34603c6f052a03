/** Starts and stops the phone in this browser as the agent has chosen; what it does is browser.ts, loaded then. */

import { effect, signal } from "@preact/signals";
import { keep, kept } from "../kept.ts";
import { agent } from "../store.ts";
import type { BrowserPhone } from "./browser.ts";
import { set } from "./state.ts";

/** The phone while it is in this browser. */
export const browserPhone = signal<BrowserPhone | null>(null);

const KEPT = "phone";

let wanted = false;

// a customer may be waiting for a page that is loaded anew: its phone comes while it is asked who is signed in
if (kept(KEPT)) void import("./browser.ts").catch(() => {});

effect(() => {
  const wants = agent.value?.phone_kind === "browser";
  if (wants === wanted) return;
  wanted = wants;
  keep(KEPT, wants || null);
  if (wants) void start();
  else stop();
});

async function start(): Promise<void> {
  set({ state: "asking" });
  try {
    const { BrowserPhone } = await import("./browser.ts");
    if (!wanted || browserPhone.peek()) return;
    const made = new BrowserPhone();
    browserPhone.value = made;
    await made.start();
  } catch {
    // the chunk could not be fetched
    set({ state: "lost" });
    setTimeout(() => {
      if (wanted && !browserPhone.peek()) void start();
    }, 3_000);
  }
}

function stop(): void {
  browserPhone.peek()?.stop();
  browserPhone.value = null;
  set({ state: "off" });
}
