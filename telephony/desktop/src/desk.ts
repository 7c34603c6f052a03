/** The agent's desk as the page knows it: what /me said, moved on by the events of the feed. No I/O, no texts.
 *
 * A step answers with the new desk and whether /me must be read again for what no event tells.
 */

import type { Schemas } from "./api.ts";
import type { LiveEvent } from "./live.ts";

export type Me = Schemas["Me"];
export type Agent = Schemas["Agent"];
export type Offer = Schemas["Offer"];
export type Card = Schemas["Card"];
export type Choice = Schemas["DispositionChoice"];
export type Named = Schemas["Named"];

/** A call as the page shows it; one that just began is not yet known in full. */
export type Call = Partial<Schemas["Call"]> & Pick<Schemas["Call"], "id" | "state" | "offer" | "name" | "e164">;

/** Something the agent is told beside the state; shown until it is closed, and most until the next action. */
export type Notice =
  | { kind: "refused"; code: string; used?: number | null; limit?: number | null; detail?: string }
  | { kind: "ended"; name: string; outcome: string; code: string | null }
  | { kind: "withdrawn"; name: string; code: string }
  | { kind: "timed_out"; name: string; action: string }
  | { kind: "recording_failed" }
  | { kind: "message_left"; name: string }
  | { kind: "none_due"; campaign: string; due: string | null }
  | { kind: "do_not_call"; name: string; fate: "done" | "kept" }
  | { kind: "do_not_call_failed"; name: string; code: string }
  | { kind: "handed_over"; to: string }
  | { kind: "transfer_failed"; to: string; reason: string };

/** A recorded message that is being left in a mailbox while the agent goes on. */
export type Left = Schemas["MessageLeft"];

export interface Desk {
  me: Me;
  /** What the agent is told and the service does not keep. */
  notices: Notice[];
  left: Left[];
  /** The offer open now. */
  offer: Offer | null;
  /** The offer whose call is at hand: its card stays on the screen until the wrap-up. */
  accepted: Offer | null;
  call: Call | null;
  /** Whether the telephone system can be reached. */
  pbx: boolean;
}

export type Reread = "no" | "soon" | "now";
export type Step = [Desk, Reread];

/** More than these nobody reads. */
const MOST_NOTICES = 3;

/** The desk as /me says it; what the agent was told before stays. */
export function loaded(me: Me, before: Desk | null, notices: Notice[] = before?.notices ?? []): Desk {
  const open = me.offer?.state === "open" ? me.offer : null;
  return {
    me,
    offer: open,
    accepted: me.offer && !open ? me.offer : null,
    call: me.call as Call | null,
    left: me.messages,
    notices,
    pbx: before?.pbx ?? true,
  };
}

/** Tell the agent something; the same thing again replaces what was told. */
export function told(desk: Desk, notice: Notice): Desk {
  const same = (one: Notice) =>
    one.kind === "refused" && notice.kind === "refused"
      ? one.code === notice.code // comes with the answer and with an event
      : JSON.stringify(one) === JSON.stringify(notice);
  const others = desk.notices.filter((one) => !same(one));
  return { ...desk, notices: [...others, notice].slice(-MOST_NOTICES) };
}

/** An event of the feed; those of others' desks, that a supervisor hears too, change nothing. */
export function heard(desk: Desk, { kind, data, at, agent: whose }: LiveEvent): Step {
  const { agent } = desk.me;
  if (whose && whose !== agent?.id) return [desk, "no"];
  switch (kind) {
    case "agent.state":
      return stateChanged(desk, data, at);
    case "offer.opened":
      return [opened(desk, data), "no"];
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
    case "call.transfer_failed": {
      if (desk.call?.id !== data.call) return [desk, "no"];
      return [told(desk, { kind: "transfer_failed", to: data.to, reason: data.why }), "no"];
    }
    case "call.recording": {
      const after = onCall(desk, data, { recording: data.state });
      return [after !== desk && data.state === "failed" ? told(after, { kind: "recording_failed" }) : after, "no"];
    }
    case "call.wrapped_up":
      // also where the time for it ran out
      return [desk.call?.id === data.call ? { ...desk, call: null, accepted: null } : desk, "no"];
    case "limit.reached":
      return [told(desk, { kind: "refused", code: data.code, used: data.used, limit: data.limit }), "no"];
    case "campaign.state":
      // what may be asked for has changed
      return [desk, agent && ["idle", "available"].includes(agent.state) ? "soon" : "no"];
    case "pbx.state":
      return [{ ...desk, pbx: data.connected }, "no"];
    default:
      return [desk, "no"];
  }
}

type Data = LiveEvent["data"];

function stateChanged(desk: Desk, data: Data, at: string): Step {
  if (!desk.me.agent) return [desk, "now"];
  const { state, reason, since, wish, wrap_up_until } = data;
  const agent = { ...desk.me.agent, state, reason, since: since ?? at, wish, wrap_up_until };
  const after = atHand({ ...desk, me: { ...desk.me, agent } });
  // a page that was loaded while an offer was open does not know what may be chosen yet
  const unknown = state === "wrap_up" && desk.me.dispositions.length === 0;
  return [after, unknown ? "now" : state === "idle" || state === "offline" ? "soon" : "no"];
}

function opened(desk: Desk, data: Data): Desk {
  const { offer: id, campaign, campaign_name: name, dispositions, ...rest } = data;
  const more = { id, campaign: { id: campaign, name }, state: "open", action: null, code: null, attempt: null };
  const offer = { ...rest, ...more } as unknown as Offer;
  return { ...desk, me: { ...desk.me, dispositions }, offer, accepted: null, call: null };
}

function closed(desk: Desk, data: Data): Desk {
  const { offer } = desk;
  if (!offer || offer.id !== data.offer) return desk;
  const called = data.state === "accepted" || (data.state === "timed_out" && data.action === "accept");
  const after = { ...desk, offer: null, accepted: called ? offer : desk.accepted };
  if (data.state === "withdrawn") return told(after, { kind: "withdrawn", name: offer.card.name, code: data.code });
  if (data.state !== "timed_out" || called) return after;
  return told(after, { kind: "timed_out", name: offer.card.name, action: data.action });
}

function onCall(desk: Desk, data: Data, change: Partial<Call>): Desk {
  return desk.call && desk.call.id === data.call ? { ...desk, call: { ...desk.call, ...change } } : desk;
}

/** The call of an offer that was accepted begins. */
export function begun(desk: Desk, offer: Offer, call: string): Desk {
  const open = desk.offer?.id === offer.id ? null : desk.offer;
  if (desk.call?.id === call) return { ...desk, offer: open };
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
  // there is room now: what was refused before is over
  const notices = desk.notices.filter((one) => one.kind !== "refused");
  return { ...desk, offer: open, accepted: offer, call: made, notices };
}

/** The call at hand goes on without the agent, with a recorded message. */
function messageBegun(desk: Desk, id: string): Desk {
  const { call, left } = desk;
  if (call?.id !== id) return desk;
  return { ...desk, call: null, accepted: null, left: [...left, { call: id, name: call.name }] };
}

/** The service took a message on its way; the feed may be ahead of that answer and tell even its end. */
export function messageDropped(desk: Desk, id: string): Desk {
  const after = messageBegun(desk, id);
  const message = after.left.find((one) => one.call === id);
  return message ? { ...after, notices: [{ kind: "message_left", name: message.name }] } : after;
}

function callMoved(desk: Desk, data: Data, at: string): Step {
  const { call: id, offer, at: _, ...rest } = data;
  const { state, outcome, code } = data;
  const message = desk.left.find((one) => one.call === id);
  if (message && state === "ended") {
    const left = desk.left.filter((one) => one !== message);
    return [told({ ...desk, left }, { kind: "ended", name: message.name, outcome, code: code ?? null }), "no"];
  }
  if (state === "message") {
    // a dropped message needs no agent
    return [messageBegun(desk, id), "no"];
  }
  const own = [desk.offer, desk.accepted].find((one) => one?.id === offer);
  const known = desk.call?.id !== id && own ? begun(desk, own, id) : desk;
  if (!known.call || known.call.id !== id) return [desk, state === "ended" ? "no" : "now"];
  const call: Call = { ...known.call, ...rest };
  if (state === "ringing") call.ringing_at ??= at;
  if (state === "talking") call.joined_at ??= at;
  if (state === "transferred") {
    // a link that came back tells the state again, and not to whom
    const to = data.transferred_to ?? known.call.transfer?.to;
    return [to ? told({ ...known, call }, { kind: "handed_over", to }) : { ...known, call }, "no"];
  }
  if (state !== "ended") return [{ ...known, call }, "no"];
  call.ended_at ??= at;
  const notice: Notice = { kind: "ended", name: call.name, outcome, code: code ?? null };
  return [told(atHand({ ...known, call }), notice), "no"];
}

/** States in which the agent has to do with a call. */
const IN_CALL = new Set(["dialing", "talking", "wrap_up"]);

/** A call that ended is at hand until it is wrapped up; one that failed is not. */
function atHand(desk: Desk): Desk {
  const over = desk.call?.state === "ended" && !IN_CALL.has(desk.me.agent?.state ?? "");
  return over ? { ...desk, call: null, accepted: null } : desk;
}
