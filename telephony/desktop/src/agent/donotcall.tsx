/** Never call this number again: one press, with some seconds to take it back before it is done. */

import { signal } from "@preact/signals";
import { api, Problem } from "../api.ts";
import { now } from "../clock.ts";
import { texts } from "../language.ts";
import { desk, refresh, refused, say } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Until } from "../ui/timer.tsx";

/** ms in which it can be taken back: the list is for all campaigns, and only an administrator takes a number off it. */
const TAKE_BACK = 5_000;

/** An offer closes by itself; it must be done before that. */
const MARGIN = 1_000;

type About = { offer: string } | { call: string };

interface Pending {
  about: About;
  name: string;
  until: string;
}

const pending = signal<Pending | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

const same = (one: About, other: About): boolean => JSON.stringify(one) === JSON.stringify(other);

function begin(about: About, name: string): void {
  void carryOut();
  const ends = "offer" in about ? desk.peek()?.offer?.expires_at : null;
  const left = ends ? Date.parse(ends) - now() - MARGIN : TAKE_BACK;
  const wait = Math.max(0, Math.min(TAKE_BACK, left));
  pending.value = { about, name, until: new Date(now() + wait).toISOString() };
  timer = setTimeout(() => void carryOut(), wait);
}

function takeBack(): void {
  clearTimeout(timer);
  pending.value = null;
}

async function carryOut(last = false): Promise<void> {
  const one = pending.peek();
  takeBack();
  if (!one) return;
  const { about, name } = one;
  // another decision about the contact was made meanwhile: that one counts
  if ("offer" in about && desk.peek()?.offer?.id !== about.offer) return;
  try {
    if ("offer" in about) await api("POST", `/offers/${about.offer}/remove`, { do_not_call: true }, last);
    else await api("POST", `/calls/${about.call}/do-not-call`, undefined, last);
    say({ kind: "do_not_call", name });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(refused(error));
    refresh(0);
  }
}

addEventListener("pagehide", () => void carryOut(true));

export function DoNotCall({ about, name }: { about: About; name: string }) {
  const t = texts.value;
  const waits = pending.value;
  if (waits && same(waits.about, about)) {
    return (
      <p class="pending" role="status" data-testid="do-not-call-pending">
        <span>{t.doNotCall.waits}</span> <Until at={waits.until} />
        <Button key="undo" label={t.doNotCall.undo} testid="do-not-call-undo" onPress={takeBack} />
      </p>
    );
  }
  return (
    <Button
      key="do"
      icon="block"
      kind="stop"
      label={t.controls.doNotCall}
      testid="do-not-call"
      onPress={() => begin(about, name)}
    />
  );
}
