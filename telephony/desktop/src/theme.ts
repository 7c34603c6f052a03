/** Light or dark: as the system says, or as switched. */

import { effect, signal } from "@preact/signals";
import { remember, remembered } from "./remembered.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const kept = remembered("theme");
export const theme = signal<Theme>(THEMES.find((one) => one === kept) ?? "system");

export function choose(wanted: Theme): void {
  remember("theme", wanted === "system" ? null : wanted);
  theme.value = wanted;
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
