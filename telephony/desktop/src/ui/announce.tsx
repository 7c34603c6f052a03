/** Words for screen readers alone, spoken when the speaker is next silent. */

import { signal } from "@preact/signals";

const words = signal("");

export function announce(text: string): void {
  words.value = text;
}

export function Announcer() {
  return (
    <div class="unseen" role="status" aria-live="polite" data-testid="announcer">
      {words}
    </div>
  );
}
