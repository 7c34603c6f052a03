/** The agent's desk as the page knows it: what /me said, moved on by the events of the feed. No I/O, no texts.
 *
 * A step answers with the new desk and whether /me must be read again for what no event tells.
 */

import type { Schemas } from "./api.ts";

export type Me = Schemas["Me"];
export type Agent = Schemas["Agent"];
export type Offer = Schemas["Offer"];
export type Card = Schemas["Card"];
export type Choice = Schemas["DispositionChoice"];
export type Named = Schemas["Named"];

/** A call as the page shows it; what is set only while it is talked comes and goes. */
export type Call = Partial<Schemas["Call"]> & {
  id: string;
  state: Schemas["Call"]["state"];
  offer: string;
  name: string;
  e164: string;
  muted?: boolean;
  held?: boolean;
  away?: boolean;
  transfer?: Transfer | null;
  monitored?: { mode: string; by: string } | null;
};

export interface Transfer {
  state: "ringing" | "talking";
  to: string;
}

/** Something the agent is told beside the state; shown until it is closed or the next action. */
export type Notice =
  | { kind: "refused"; code: string; used?: number | null; limit?: number | null; detail?: string }
  | { kind: "ended"; name: string; outcome: string; code: string | null }
  | { kind: "withdrawn"; name: string; code: string }
  | { kind: "timed_out"; name: string; action: string }
  | { kind: "recording_failed" }
  | { kind: "message_left"; name: string }
  | { kind: "none_due"; campaign: string; due: string | null }
  | { kind: "do_not_call"; name: string }
  | { kind: "handed_over"; to: string };

export interface Desk {
  me: Me;
  /** The offer open now. */
  offer: Offer | null;
  /** The offer whose call is at hand: its card stays on the screen until the wrap-up. */
  accepted: Offer | null;
  call: Call | null;
  /** A recorded message that is being left in a mailbox while the agent goes on. */
  left: { id: string; name: string } | null;
  notices: Notice[];
  /** Whether the telephone system can be reached. */
  pbx: boolean;
}

export type Reread = "no" | "soon" | "now";
export type Step = [Desk, Reread];

const MOST_NOTICES = 3;

/** The desk as /me says it; what the agent was told before stays. */
export function loaded(me: Me, before: Desk | null): Desk {
  const open = me.offer?.state === "open" ? me.offer : null;
  return {
    me,
    offer: open,
    accepted: me.offer && !open ? me.offer : null,
    call: me.call as Call | null,
    left: before?.left ?? null,
    notices: before?.notices ?? [],
    pbx: before?.pbx ?? true,
  };
}

export function told(desk: Desk, notice: Notice): Desk {
  return { ...desk, notices: [...desk.notices, notice].slice(-MOST_NOTICES) };
}

/** An event of the feed. Of a supervisor's feed only what concerns the own desk counts. */
export function heard(desk: Desk, kind: string, data: Record<string, any>, at: string): Step {
  const { me } = desk;
  switch (kind) {
    case "agent.state":
      return data.agent === me.agent?.id ? stateChanged(desk, data, at) : [desk, "no"];
    case "offer.opened":
      return data.agent && data.agent !== me.agent?.id ? [desk, "no"] : [opened(desk, data), "no"];
    case "offer.closed":
      return [closed(desk, data), "no"];
    case "call.state":
      return callMoved(desk, data, at);
    case "call.amd":
      return [onCall(desk, data, { verdict: data.verdict, cause: data.cause, verdict_after: data.after }), "no"];
    case "call.beep":
      return [onCall(desk, data, { beep_after: data.after }), "no"];
    case "call.voicemail_left":
      return [onCall(desk, data, { voicemail_left: true }), "no"];
    case "call.controls": {
      const { call: _, ...controls } = data;
      return [onCall(desk, data, controls), "no"];
    }
    case "call.recording": {
      const after = onCall(desk, data, { recording: data.state });
      return [after !== desk && data.state === "failed" ? told(after, { kind: "recording_failed" }) : after, "no"];
    }
    case "call.wrapped_up":
      // also where the time for it ran out
      return [desk.call?.id === data.call ? { ...desk, call: null, accepted: null } : desk, "no"];
    case "limit.reached":
      if (data.agent && data.agent !== me.agent?.id) return [desk, "no"];
      return [told(desk, { kind: "refused", code: data.code, used: data.used, limit: data.limit }), "no"];
    case "campaign.state":
      // what may be asked for has changed
      return [desk, me.agent && ["idle", "available"].includes(me.agent.state) ? "soon" : "no"];
    case "pbx.state":
      return [{ ...desk, pbx: data.connected }, "no"];
    default:
      return [desk, "no"];
  }
}

function stateChanged(desk: Desk, data: Record<string, any>, at: string): Step {
  if (!desk.me.agent) return [desk, "now"];
  const { state, reason, since, wish, wrap_up_until } = data;
  const agent = { ...desk.me.agent, state, reason, since: since ?? at, wish, wrap_up_until };
  const after = { ...desk, me: { ...desk.me, agent } };
  if (state === "available") return [{ ...after, call: null, accepted: null }, "no"];
  // a page that was loaded while an offer was open does not know what may be chosen yet
  const unknown = state === "wrap_up" && desk.me.dispositions.length === 0;
  return [after, unknown ? "now" : state === "idle" || state === "offline" ? "soon" : "no"];
}

function opened(desk: Desk, data: Record<string, any>): Desk {
  const { offer: id, campaign, campaign_name: name, dispositions, agent: _, ...rest } = data;
  const offer = {
    ...rest,
    id,
    campaign: { id: campaign, name },
    state: "open",
    action: null,
    code: null,
    attempt: null,
  } as unknown as Offer;
  return { ...desk, me: { ...desk.me, dispositions }, offer, accepted: null, call: null };
}

function closed(desk: Desk, data: Record<string, any>): Desk {
  const { offer } = desk;
  if (offer?.id !== data.offer || !offer) return desk;
  const after = { ...desk, offer: null, accepted: data.state === "accepted" ? offer : desk.accepted };
  if (data.state === "withdrawn") return told(after, { kind: "withdrawn", name: offer.card.name, code: data.code });
  if (data.state !== "timed_out") return after;
  if (data.action === "accept") return { ...after, accepted: offer };
  return told(after, { kind: "timed_out", name: offer.card.name, action: data.action });
}

function onCall(desk: Desk, data: Record<string, any>, change: Partial<Call>): Desk {
  return desk.call && desk.call.id === data.call ? { ...desk, call: { ...desk.call, ...change } } : desk;
}

/** The call of an offer that was accepted begins. */
export function begun(desk: Desk, offer: Offer, call: string): Desk {
  if (desk.call?.id === call) return { ...desk, offer: desk.offer?.id === offer.id ? null : desk.offer };
  const { card, campaign, mode } = offer;
  const made: Call = {
    id: call,
    state: "granted",
    offer: offer.id,
    campaign,
    mode,
    contact: card.contact,
    name: card.name,
    e164: card.number.e164,
  };
  return { ...desk, offer: desk.offer?.id === offer.id ? null : desk.offer, accepted: offer, call: made };
}

function callMoved(desk: Desk, data: Record<string, any>, at: string): Step {
  const { call: id, offer, ...rest } = data;
  if (desk.left?.id === id && data.state === "ended") {
    const after = { ...desk, left: null };
    return [told(after, { kind: "ended", name: desk.left?.name ?? "", outcome: data.outcome, code: data.code }), "no"];
  }
  if (data.state === "message") {
    // a dropped message needs no agent
    const left = desk.call?.id === id ? { id, name: desk.call?.name ?? "" } : desk.left;
    return [desk.call?.id === id ? { ...desk, call: null, accepted: null, left } : desk, "no"];
  }
  const own = desk.offer?.id === offer ? desk.offer : desk.accepted?.id === offer ? desk.accepted : null;
  const known = desk.call?.id !== id && own ? begun(desk, own, id) : desk;
  if (known.call?.id !== id || !known.call) return [desk, data.state === "ended" || !mine(desk, data) ? "no" : "now"];
  const call: Call = { ...known.call, ...rest };
  if (data.state === "ringing") call.ringing_at ??= at;
  if (data.state === "talking") call.joined_at ??= at;
  if (data.state !== "ended") return [{ ...known, call }, "no"];
  call.ended_at ??= at;
  const after = { ...known, call };
  return [told(after, { kind: "ended", name: call.name, outcome: data.outcome, code: data.code ?? null }), "no"];
}

// a supervisor's feed tells of others' calls too, and those say whose they are
function mine(desk: Desk, data: Record<string, any>): boolean {
  return desk.me.agent !== null && (data.agent === undefined || data.agent === desk.me.agent?.id);
}
