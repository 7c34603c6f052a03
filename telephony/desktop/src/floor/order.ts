/** In which order the agents stand. No page: a column's name, and a row's place in it. */

import type { Agent } from "./patch.ts";

export const COLUMNS = ["name", "state", "since", "campaign", "contact"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Order {
  by: Column;
  /** The last one first. */
  down: boolean;
}

/** What the columns are sorted by: texts as a reader expects them, states by their names, the longest in it first. */
function place(agent: Agent, by: Column, states: Record<string, string>): string {
  switch (by) {
    case "name":
      return agent.name;
    case "state":
      return states[agent.state] ?? agent.state;
    case "since":
      return agent.since;
    case "campaign":
      return agent.campaign?.name ?? "";
    case "contact":
      return agent.contact?.name ?? "";
  }
}

/** The agents in this order; those without a value stand last either way, equals stay as they were. */
export function sorted(agents: Agent[], { by, down }: Order, states: Record<string, string>, locale: string): Agent[] {
  const texts = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });
  const places = new Map(agents.map((one) => [one, place(one, by, states)]));
  return [...agents].sort((one, other) => {
    const [a, b] = [places.get(one) ?? "", places.get(other) ?? ""];
    if (!a || !b) return Number(!a) - Number(!b);
    const step = by === "since" ? Date.parse(a) - Date.parse(b) : texts.compare(a, b);
    return down ? -step : step;
  });
}

/** A press on a column's head: that column, the other way round where it is the one already. */
export const pressed = (order: Order, by: Column): Order => ({ by, down: order.by === by && !order.down });
