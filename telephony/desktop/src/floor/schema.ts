/** Ranges and standards of the settings, from the service's own description of its API. */

import { signal } from "@preact/signals";
import type { Schemas } from "../api.ts";

export type Settings = Required<Schemas["CampaignSettings"]>;
export type Amd = Required<Schemas["AmdParameters"]>;

export interface Range {
  low: number;
  high: number;
  standard: unknown;
}

interface Property {
  minimum?: number;
  maximum?: number;
  default?: unknown;
}

type Ranges = Record<string, Range>;

/** Of `CampaignSettings` and of `AmdParameters`; null until they were read. */
export const ranges = signal<{ settings: Ranges; amd: Ranges } | null>(null);

export async function readRanges(): Promise<void> {
  if (ranges.peek()) return;
  const answer = await fetch("/api/openapi.json");
  if (!answer.ok) throw new Error(String(answer.status));
  const { schemas } = (await answer.json()).components;
  const of = (name: string): Ranges => {
    const known = schemas[name].properties as Record<string, Property>;
    return Object.fromEntries(
      Object.entries(known).map(([key, one]) => [
        key,
        { low: one.minimum ?? Number.NaN, high: one.maximum ?? Number.NaN, standard: one.default },
      ]),
    );
  };
  ranges.value = { settings: of("CampaignSettings"), amd: of("AmdParameters") };
}
