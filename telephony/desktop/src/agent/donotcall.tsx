/** Never call this number again: one press, with some seconds to take it back before it is done; see requests.ts. */

import { effect, signal } from "@preact/signals";
import { api, Problem } from "../api.ts";
import { now } from "../clock.ts";
import { texts } from "../language.ts";
import { remember, remembered } from "../remembered.ts";
import { beforeSignOut, desk, onReread, refresh, say, user } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Until } from "../ui/timer.tsx";
import { type About, type Fate, Requests, same, type Waiting, type Written } from "./requests.ts";

const waiting = signal<Waiting | null>(null);

/** Whose requests these are: of who is signed in, or was last. */
let owner = "";

const written = () => `donotcall.${owner}`;

async function send(about: About, last: boolean): Promise<Fate> {
  try {
    if ("offer" in about) await api("POST", `/offers/${about.offer}/remove`, { do_not_call: true }, last);
    else await api("POST", `/calls/${about.call}/do-not-call`, undefined, last);
    return "done";
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { status, code } = error;
    return status === 0 || status === 401 || status === 429 || status >= 500 ? "kept" : { code };
  }
}

const requests = new Requests(
  {
    send,
    read: () => JSON.parse(remembered(written()) ?? "[]") as Written[],
    write: (all) => remember(written(), all.length ? JSON.stringify(all) : null),
    tell: (fate, name) => {
      say(
        typeof fate === "string" ? { kind: "do_not_call", name, fate } : { kind: "do_not_call_failed", name, ...fate },
      );
      if (fate === "done") refresh(0); // the card says it of its number
    },
    now,
  },
  (one) => {
    waiting.value = one;
  },
);

effect(() => {
  const who = user.value?.id;
  if (who) owner = who;
  else requests.pause();
});

// what has left the screen cannot be taken back any more
effect(() => {
  const about = waiting.value?.about;
  const now = desk.value;
  if (!about || !now) return;
  const there = "offer" in about ? now.offer?.id === about.offer : now.call?.id === about.call;
  if (!there) void requests.carryOut();
});

addEventListener("pagehide", () => void requests.carryOut(true));
onReread(() => void requests.resume());
// what could not be done is told and stays written down; who signs out again does not wait for it
beforeSignOut(async () => {
  const done = await requests.carryOut();
  await requests.resume(true);
  return done;
});

/** Whether it waits for its time with the card that is offered: nothing else is decided about that contact meanwhile. */
export const isAsked = (offer: string): boolean => {
  const about = waiting.value?.about;
  return about !== undefined && same(about, { offer });
};

interface DoNotCallProps {
  about: About;
  name: string;
  /** When the offer it is about closes by itself. */
  ends?: string | null;
}

export function DoNotCall({ about, name, ends }: DoNotCallProps) {
  const t = texts.value;
  const one = waiting.value;
  const card = ("offer" in about ? desk.value?.offer : desk.value?.accepted)?.card;
  if (one && same(one.about, about)) {
    return (
      <p class="pending" role="status" data-testid="do-not-call-pending">
        <span>{t.doNotCall.waits}</span> <Until at={new Date(one.until).toISOString()} />
        <Button key="undo" label={t.doNotCall.undo} testid="do-not-call-undo" onPress={() => requests.takeBack()} />
      </p>
    );
  }
  return (
    <Button
      key="do"
      icon="block"
      kind="stop"
      label={t.controls.doNotCall}
      off={card?.number.status === "do_not_call" ? t.doNotCall.listed : ""}
      testid="do-not-call"
      onPress={() => requests.begin(about, name, ends ? Date.parse(ends) : null)}
    />
  );
}
