/** The keys of a telephone; what is pressed goes to the customer as tones, in order. */

import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { api, Problem } from "../api.ts";
import { fill, texts } from "../language.ts";
import { desk, refused, say } from "../store.ts";
import { Button } from "../ui/button.tsx";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const MOST = 32; // digits in one request, as the API takes them
const SHOWN = 24; // of those already sent

/** Sends one request at a time; what is pressed meanwhile goes with the next one. */
function sender(call: string): (digit: string) => void {
  let waiting = "";
  let busy = false;
  const send = async () => {
    busy = true;
    try {
      while (waiting) {
        const digits = waiting.slice(0, MOST);
        waiting = waiting.slice(MOST);
        await api("POST", `/calls/${call}/dtmf`, { digits });
      }
    } catch (error) {
      waiting = "";
      if (!(error instanceof Problem)) throw error;
      const now = desk.peek()?.call;
      if (now?.id === call && now.state === "talking") say(refused(error)); // or it ended meanwhile
    } finally {
      busy = false;
    }
  };
  return (digit) => {
    waiting += digit;
    if (!busy) void send();
  };
}

export function Keypad({ call }: { call: string }) {
  const t = texts.value;
  const sent = useSignal("");
  const [press] = useState(() => sender(call));
  const type = (digit: string) => {
    press(digit);
    sent.value = (sent.peek() + digit).slice(-SHOWN);
  };
  return (
    <div
      class="keypad"
      role="group"
      aria-label={t.controls.keypad}
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || !KEYS.includes(event.key)) return;
        event.preventDefault();
        type(event.key);
      }}
    >
      <p class="sent" aria-live="polite" data-testid="keypad-sent">
        {sent.value ? fill(t.controls.sent, { digits: sent.value }) : t.controls.keypadHint}
      </p>
      {KEYS.map((one) => (
        <Button key={one} label={one} testid={`key-${one}`} onPress={() => type(one)} />
      ))}
    </div>
  );
}
