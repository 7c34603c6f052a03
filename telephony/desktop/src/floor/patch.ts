/** The floor moved on by the events of the feed, without asking again. No I/O, no texts.
 *
 * A step answers with the new floor and what no event tells and must be read again: agents by their ids, or all calls.
 */

import type { Schemas } from "../api.ts";
import type { LiveEvent } from "../live.ts";

export type Agent = Schemas["FloorAgent"];
export type Call = Partial<Schemas["Call"]> & {
  id: string;
  state: Schemas["Call"]["state"];
  agent: Schemas["Named"];
  name: string;
  granted_at: string;
  monitored?: { mode: string; by: string } | null;
};

export interface Floor {
  agents: ReadonlyMap<string, Agent>;
  calls: ReadonlyMap<string, Call>;
  /** Names of campaigns by their ids: events bring ids. */
  campaigns: Readonly<Record<string, string>>;
}

export interface Step {
  floor: Floor;
  agents?: string[];
  calls?: boolean;
}

const OVER = new Set(["ended"]);

export function heard(floor: Floor, event: LiveEvent): Step {
  const id = event.agent ?? (event.data.agent as string | undefined);
  if (!id) return { floor };
  const agent = floor.agents.get(id);
  if (!agent) return event.kind === "agent.state" ? { floor, agents: [id] } : { floor };
  switch (event.kind) {
    case "agent.state":
      return stateChanged(floor, agent, event.data);
    case "offer.opened":
      return {
        floor: withAgent(floor, agent, {
          contact: { id: event.data.card.contact, name: event.data.card.name },
          campaign: { id: event.data.campaign, name: event.data.campaign_name },
          offer_until: event.data.expires_at,
          call: null,
        }),
      };
    case "offer.closed": {
      const called = event.data.state === "accepted" || event.data.action === "accept";
      return { floor: withAgent(floor, agent, { offer_until: null, ...(called ? {} : { contact: null }) }) };
    }
    case "call.state":
      return callMoved(floor, agent, event);
    case "call.monitored": {
      const known = floor.calls.get(event.data.call);
      const { mode, by } = event.data;
      return known ? { floor: withCall(floor, { ...known, monitored: mode ? { mode, by } : null }) } : { floor };
    }
    case "call.controls": {
      const { call, ...controls } = event.data;
      const known = floor.calls.get(call);
      return known ? { floor: withCall(floor, { ...known, ...controls }) } : { floor };
    }
    case "call.amd":
    case "call.beep": {
      const known = floor.calls.get(event.data.call);
      const found = event.kind === "call.amd" ? { verdict: event.data.verdict } : { beep_after: event.data.after };
      return known ? { floor: withCall(floor, { ...known, ...found }) } : { floor };
    }
    default:
      return { floor };
  }
}

function stateChanged(floor: Floor, agent: Agent, data: Record<string, any>): Step {
  const { state, reason, since, wish, wrap_up_until, campaign } = data;
  const change: Partial<Agent> = { state, reason, since, wish, wrap_up_until };
  if (!data.call) change.call = null;
  if (!data.call && !data.offer) {
    change.contact = null;
    change.offer_until = null;
  }
  if (!campaign) change.campaign = null;
  else if (floor.campaigns[campaign]) change.campaign = { id: campaign, name: floor.campaigns[campaign] };
  const unknown = campaign && !floor.campaigns[campaign] && agent.campaign?.id !== campaign;
  return { floor: withAgent(floor, agent, change), agents: unknown ? [agent.id] : undefined };
}

function callMoved(floor: Floor, agent: Agent, event: LiveEvent): Step {
  const { call: id, state } = event.data;
  const over = OVER.has(state);
  const known = floor.calls.get(id);
  let next = floor;
  // a message that is being left in a mailbox is no longer the agent's own call
  if (state !== "message" && (agent.call?.id === id || !over))
    next = withAgent(next, agent, { call: { id, state, since: event.at } });
  if (over) {
    const calls = new Map(next.calls);
    calls.delete(id);
    return { floor: { ...next, calls } };
  }
  const made: Call = known ?? {
    id,
    state,
    agent: { id: agent.id, name: agent.name },
    campaign: agent.campaign ?? undefined,
    name: agent.contact?.name ?? "",
    granted_at: event.at,
  };
  const moment = { ringing: "ringing_at", answered: "answered_at", talking: "joined_at" }[state as string];
  next = withCall(next, { ...made, state, ...(moment ? { [moment]: event.at } : {}) });
  return { floor: next, calls: !known };
}

function withAgent(floor: Floor, agent: Agent, change: Partial<Agent>): Floor {
  return { ...floor, agents: new Map(floor.agents).set(agent.id, { ...agent, ...change }) };
}

function withCall(floor: Floor, call: Call): Floor {
  return { ...floor, calls: new Map(floor.calls).set(call.id, call) };
}
