/** The sentences of the reason codes; they are the service's own, the page only fetches and shows them. */

import { effect, signal } from "@preact/signals";
import { type Language, language } from "./language.ts";

type Sentences = Record<string, string>;

const tables = signal<Partial<Record<Language, Sentences>>>({});

/** The sentence for a code in the language shown. */
export function sentence(code: string | null | undefined): string {
  return code ? (tables.value[language.value]?.[code] ?? code) : "";
}

effect(() => {
  const wanted = language.value;
  if (!tables.peek()[wanted]) void read(wanted, 0);
});

async function read(wanted: Language, tries: number): Promise<void> {
  try {
    const answer = await fetch(`/codes/${wanted}.json`);
    if (!answer.ok) throw new Error(String(answer.status));
    const found = (await answer.json()) as Sentences;
    tables.value = { ...tables.peek(), [wanted]: found };
  } catch {
    setTimeout(() => void read(wanted, tries + 1), Math.min(30_000, 1_000 * 2 ** tries));
  }
}
