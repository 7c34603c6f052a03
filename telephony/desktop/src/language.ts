/** English or Spanish: as chosen in this browser, else as the browser prefers. */

import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "./remembered.ts";
import { en, type Texts } from "./texts/en.ts";
import { es } from "./texts/es.ts";

export const LANGUAGES = ["en", "es"] as const;
export type Language = (typeof LANGUAGES)[number];

const TABLES: Record<Language, Texts> = { en, es };

/** The language of a browser that prefers these, the first one that we speak. */
export function preferred(wanted: readonly string[]): Language {
  for (const one of wanted) {
    const found = LANGUAGES.find((known) => one.slice(0, 2).toLowerCase() === known);
    if (found) return found;
  }
  return "en";
}

const kept = remembered("language");
export const language = signal<Language>(
  LANGUAGES.find((one) => one === kept) ?? preferred(typeof navigator === "undefined" ? [] : navigator.languages),
);

/** The locale for dates and numbers: the browser's own where it is of the language shown, such as en-GB. */
export const locale = computed(
  () =>
    (typeof navigator === "undefined" ? [] : navigator.languages).find((one) => one.startsWith(language.value)) ??
    language.value,
);

/** All texts in the language shown; who reads it in a component is drawn again when it changes. */
export const texts = computed(() => TABLES[language.value]);

export function choose(wanted: Language): void {
  remember("language", wanted);
  language.value = wanted;
}

/** "{used} of {limit}" with its values; a text without the value keeps nothing in its place. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/{(\w+)}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The text for a key that comes from the service; the key itself where a newer service knows more. */
export function named(table: Record<string, string>, key: string | null | undefined): string {
  return key ? (table[key] ?? key.replaceAll("_", " ")) : "";
}

/** The label of a result: the page's own where it is still the product's. */
export function resultLabel({ code, label }: { code: string; label: string }): string {
  const { results }: { results: Record<string, string> } = en;
  return results[code] === label ? named(texts.value.results, code) : label;
}

if (typeof document !== "undefined") {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}
