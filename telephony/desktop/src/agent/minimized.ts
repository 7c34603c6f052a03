/** The offer whose card was put aside; the campaign icon brings it back. */

import { signal } from "@preact/signals";

export const minimized = signal("");

export function minimize(offer: string): void {
  minimized.value = offer;
}

/** Show the card again, and go to it. */
export function restore(): void {
  minimized.value = "";
  requestAnimationFrame(() => document.getElementById("card")?.focus());
}
