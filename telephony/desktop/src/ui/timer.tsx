/** Times that move on by themselves. Screen readers are not told each second; see announce.ts. */

import { useComputed } from "@preact/signals";
import { beat } from "../clock.ts";
import { span } from "../format.ts";

const SOON = 10_000; // ms before an end at which it stands out

/** Time since a moment. */
export function Since({ at, testid }: { at: string; testid?: string }) {
  const start = Date.parse(at);
  const text = useComputed(() => span(beat.value - start));
  return (
    <time class="digits" role="timer" aria-live="off" data-testid={testid}>
      {text}
    </time>
  );
}

/** Time left until a moment. */
export function Until({ at, testid, action }: { at: string; testid?: string; action?: string }) {
  const end = Date.parse(at);
  const text = useComputed(() => span(end - beat.value));
  const seconds = useComputed(() => Math.max(0, Math.ceil((end - beat.value) / 1000)));
  const kind = useComputed(() => (end - beat.value < SOON ? "digits soon" : "digits"));
  return (
    <time class={kind} role="timer" aria-live="off" data-testid={testid} data-seconds={seconds} data-action={action}>
      {text}
    </time>
  );
}

/** A bar that runs empty between two moments. */
export function Bar({ from, to }: { from: string; to: string }) {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const left = useComputed(() => Math.min(1, Math.max(0, (end - beat.value) / (end - start))));
  return <progress aria-hidden="true" max={1} value={left} />;
}
