/** What an agent does, each once at a time; the names keep apart what may be done side by side. */

import { api, type Schemas } from "../api.ts";
import { begun, messageDropped, type Named } from "../desk.ts";
import { act, change, desk, refresh, say } from "../store.ts";

export type WantedState = "available" | "idle" | "offline";
export type Decision = "accept" | "skip" | "remove" | "leave";

export const setState = (state: WantedState, reason?: string) =>
  act("state", async () => {
    await api("PUT", "/me/state", reason ? { state, reason } : { state });
    refresh(); // a wish for after the call comes with no event
  });

/** Be called on the SIP phone of this name, or in this browser. */
export const setPhone = (phone: string | null) =>
  act("phone", async () => {
    await api("PUT", "/me/phone", phone === null ? { kind: "browser" } : { kind: "sip", phone });
    refresh(0);
  });

export const decide = (action: Decision, body?: { do_not_call?: boolean; reason?: string }) =>
  act("desk", async () => {
    const offer = desk.peek()?.offer;
    if (!offer) return;
    change((now) => ({ ...now, notices: [] }));
    const { attempt } = await api<Schemas["Decision"]>("POST", `/offers/${offer.id}/${action}`, body);
    change((now) => {
      // the feed may be ahead of this answer: the call has failed, and the next contact is on the screen
      if (now.offer?.id !== offer.id && now.accepted?.id !== offer.id) return now;
      return attempt ? begun(now, offer, attempt) : { ...now, offer: null };
    });
  });

export const askFor = (campaign: Named) =>
  act("desk", async () => {
    const { offer, next_due: due } = await api<Schemas["Next"]>("POST", `/campaigns/${campaign.id}/next`);
    if (!offer) say({ kind: "none_due", campaign: campaign.name, due: due ?? null });
    else if (offer.state === "open") change((now) => ({ ...now, offer, accepted: null, call: null, notices: [] }));
    else refresh(0); // dialed at once
  });

/** An action on the call at hand. */
function onCall(name: string, work: (call: string) => Promise<void>): Promise<void> {
  return act(name, async () => {
    const call = desk.peek()?.call;
    if (call) await work(call.id);
  });
}

// ending a call waits for nothing else that is under way

export const cancel = () =>
  onCall("end", async (call) => {
    await api("POST", `/calls/${call}/cancel`);
    change((now) => (now.call?.id === call ? { ...now, call: { ...now.call, cancel_asked: true } } : now));
  });

export const hangUp = () => onCall("end", (call) => api("POST", `/calls/${call}/hang-up`));

export const voicemailLeft = () =>
  onCall("voicemail", async (call) => {
    await api("POST", `/calls/${call}/voicemail-left`);
    change((now) => (now.call?.id === call ? { ...now, call: { ...now.call, voicemail_left: true } } : now));
  });

export const dropMessage = () =>
  onCall("message", async (call) => {
    await api("POST", `/calls/${call}/drop-message`, {});
    change((now) => messageDropped(now, call));
  });

export const record = (action: string) =>
  onCall("record", (call) => api("POST", `/calls/${call}/recording`, { action }));

export const mute = (muted: boolean) =>
  onCall("mute", async (call) => {
    await api("POST", `/calls/${call}/mute`, { muted });
    change((now) => (now.call?.id === call ? { ...now, call: { ...now.call, muted } } : now));
  });

export const hold = (held: boolean) =>
  onCall("hold", async (call) => {
    await api("POST", `/calls/${call}/hold`, { held });
    change((now) => (now.call?.id === call ? { ...now, call: { ...now.call, held } } : now));
  });

export type TransferTo = { agent: string } | { number: string };

export const transfer = (action: "blind" | "consult" | "complete" | "cancel", to?: TransferTo) =>
  onCall("transfer", (call) => api("POST", `/calls/${call}/transfer`, to ? { action, to } : { action }));

export interface WrapUp {
  disposition: string;
  note: string;
  callback?: { at: string; mine: boolean };
}

export const wrapUp = (body: WrapUp) =>
  onCall("desk", async (call) => {
    await api("POST", `/calls/${call}/wrap-up`, body);
    change((now) => (now.call?.id === call ? { ...now, call: null, accepted: null, notices: [] } : now));
  });
