// The agent's page. What is true is on the service: the page reads /me, follows /live from there, and shows it.
import { TEXTS } from "/texts.js";
import { CODES } from "/codes.js";

const API = "/api/v1";
const BREAKS = ["break", "lunch", "meeting", "training", "other"];
const SILENCE = 45000; // ms without a tick (they come every 20 s): the line is dead though nobody said so
const PHONE_FREE = new Set(["offline", "idle", "available"]);

let me = null; // the last /me, kept current by events
let clock = 0; // the service's clock minus ours, ms
let last = null; // the offer decided last: its card stays on the screen during the call
let line = null; // the WebSocket
let cursor = "";
let retry = 0;
let lastHeard = 0;
let busy = false;
let notice = null; // { kind: "bad" | "info", head, text }
let wanted = null; // timer of a refresh under way

const language = () => (me?.user.language ?? navigator.language ?? "en").slice(0, 2) === "es" ? "es" : "en";
const texts = () => TEXTS[language()];
const t = (key, values = {}) =>
  String(key.split(".").reduce((at, part) => at?.[part], texts()) ?? key.split(".").pop())
    .replace(/{(\w+)}/g, (_, name) => values[name] ?? "");
const sentence = (code) => CODES[language()][code] ?? code;
const now = () => Date.now() + clock;

// ---- page building: text only ever becomes text

function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A part is rebuilt only when what it shows has changed, so that typing and focus survive other changes.
function part(parent, name, key, build) {
  let element = parent.querySelector(`:scope > [data-part="${name}"]`);
  const text = JSON.stringify([language(), key]);
  if (element?.dataset.key === text) return element;
  const made = build();
  made.dataset.part = name;
  made.dataset.key = text;
  if (element) element.replaceWith(made);
  else parent.append(made);
  return made;
}

function show(parent, parts) {
  const names = parts.map(([name]) => name);
  for (const child of [...parent.children]) if (!names.includes(child.dataset.part)) child.remove();
  for (const [name, key, build] of parts) parent.append(part(parent, name, key, build));
}

// ---- talking to the service

class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? String(status));
    Object.assign(this, { status, body });
  }
}

async function api(method, path, body) {
  const headers = { "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { detail: t("network"), code: "NETWORK" });
  }
  if (answer.status === 204) return null;
  const type = answer.headers.get("Content-Type") ?? "";
  const value = type.includes("json") ? await answer.json() : { detail: answer.statusText };
  if (!answer.ok) throw new Problem(answer.status, value);
  return value;
}

// One action at a time: a second press while the first is under way does nothing.
async function act(work) {
  if (busy) return;
  busy = true;
  document.body.classList.add("busy");
  try {
    notice = null;
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 && me) signedOut();
    else say("bad", me?.offer ? t("refused") : "", problemText(error.body));
    if (error.body.code === "OFFER_CLOSED" || error.status === 404) refresh(0);
  } finally {
    busy = false;
    document.body.classList.remove("busy");
    render();
  }
}

function problemText(body) {
  const fields = (body.errors ?? []).map((one) => `${one.field}: ${one.message}`);
  return [body.detail, ...fields].join(" · ");
}

function say(kind, head, text) {
  notice = { kind, head, text };
  render();
}

async function load() {
  const before = Date.now();
  me = await api("GET", "/me");
  clock = Date.parse(me.now) - (before + Date.now()) / 2;
  cursor ||= me.cursor;
  last = null;
  if (me.offer && me.offer.state !== "open") [last, me.offer] = [me.offer, null];
  document.documentElement.lang = language();
  render();
}

function refresh(wait = 150) {
  clearTimeout(wanted);
  wanted = setTimeout(() => load().catch((error) => error.status === 401 && signedOut()), wait);
}

function signedOut() {
  me = null;
  cursor = "";
  const old = line;
  line = null;
  old?.close();
  render();
}

// ---- the live feed

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${API}/live?since=${encodeURIComponent(cursor)}`);
  line = socket;
  lastHeard = Date.now();
  socket.onmessage = (message) => {
    lastHeard = Date.now();
    retry = 0;
    const event = JSON.parse(message.data);
    cursor = event.cursor;
    if (event.kind === "reset") refresh(0);
    else heard(event);
    render();
  };
  socket.onclose = (closed) => {
    if (line !== socket) return;
    line = null;
    if (closed.code === 4401) return signedOut();
    render();
    retry += 1;
    setTimeout(back, Math.min(10000, 250 * 2 ** retry) * (0.5 + Math.random() / 2));
  };
}

// A refused upgrade tells a page nothing; /me says whether it is the session.
async function back() {
  if (line || !me) return;
  try {
    await load();
    connect();
  } catch (error) {
    if (error.status === 401) return signedOut();
    retry += 1;
    setTimeout(back, Math.min(10000, 250 * 2 ** retry));
  }
}

setInterval(() => {
  if (line?.readyState === WebSocket.OPEN && Date.now() - lastHeard > SILENCE) line.close();
}, 5000);

function heard({ kind, data, at }) {
  if (!me) return;
  if (kind === "agent.state" && data.agent === me.agent?.id) {
    const { state, reason, since, wish, wrap_up_until } = data;
    me.agent = { ...me.agent, state, reason, since: since ?? at, wish, wrap_up_until };
    if (state === "available") me.call = null;
    // a page that was loaded while an offer was open does not know what may be chosen yet
    if (["idle", "offline"].includes(state) || (state === "wrap_up" && !me.dispositions.length)) refresh();
  } else if (kind === "offer.opened") {
    const { offer: id, campaign, campaign_name: name, dispositions, ...rest } = data;
    last = null;
    me.offer = { ...rest, id, campaign: { id: campaign, name } };
    me.dispositions = dispositions;
    me.call = null;
  } else if (kind === "offer.closed" && me.offer?.id === data.offer) {
    const { code, state, action } = data;
    last = me.offer;
    if (state === "withdrawn") say("info", t("contactGone"), sentence(code));
    else if (state === "timed_out") say("info", t("timedOut"), t(`countdown.${action}`));
    me.offer = null;
  } else if (kind === "call.state") {
    changed(data, at);
  } else if (kind === "call.amd" && me.call?.id === data.call) {
    Object.assign(me.call, { verdict: data.verdict, cause: data.cause, verdict_after: data.after });
  } else if (kind === "call.beep" && me.call?.id === data.call) {
    me.call.beep_after = data.after;
  } else if (kind === "call.recording" && me.call?.id === data.call) {
    me.call.recording = data.state;
    if (data.state === "failed") say("bad", "", t("recording.failed"));
  } else if (kind === "campaign.state" && ["idle", "available"].includes(me.agent?.state)) {
    refresh(1000); // what may be asked for has changed
  } else if (kind === "call.wrapped_up" && me.call?.id === data.call) {
    me.call = null; // also where the time for it ran out
  } else if (kind === "limit.reached") {
    say("bad", t("refused"), limitText(data));
  } else if (kind === "pbx.state") {
    notice = data.connected ? null : { kind: "bad", head: "", text: t("pbxLost") };
  }
}

function begin(offer, id) {
  if (!offer || !id || me.call?.id === id) return;
  const { card, campaign } = offer;
  me.call = { id, state: "granted", offer: offer.id, campaign, name: card.name, e164: card.number.e164 };
}

function changed(data, at) {
  const { call: id, ...rest } = data;
  if (data.state === "message" && me.call?.id === id) me.call = null; // a dropped message needs no agent
  if (data.state === "message") return;
  if (data.outcome?.startsWith("MESSAGE_") && me.call?.id !== id) return say("info", t("lastCall"), ended(data));
  if (me.call?.id !== id && data.offer === (me.offer ?? last)?.id) begin(me.offer ?? last, id);
  if (me.call?.id !== id) {
    if (data.state !== "ended") refresh(0);
    return;
  }
  Object.assign(me.call, rest);
  if (data.state === "ringing") me.call.ringing_at ??= at;
  if (data.state === "talking") me.call.joined_at ??= at;
  if (data.state === "ended") {
    me.call.ended_at ??= at;
    say("info", t("lastCall"), ended(data));
  }
}

const ended = ({ outcome, code }) => sentence(outcome) + (code ? ` · ${sentence(code)}` : "");
const limitText = ({ code, used, limit }) => sentence(code) + (limit ? ` · ${t("figures", { used, limit })}` : "");

// ---- what the agent does

const signIn = (username, password) => act(async () => {
  await api("POST", "/sessions", { username, password });
  await load();
  connect();
});
const signOut = () => act(async () => {
  await api("DELETE", "/sessions/current");
  signedOut();
});
const setState = (state, reason) => act(async () => {
  await api("PUT", "/me/state", reason ? { state, reason } : { state });
  refresh(); // a wish for after the call comes with no event
});
const setPhone = (phone) => act(async () => {
  await api("PUT", "/me/phone", { phone });
  me.agent.phone = phone;
});
const decide = (action) => act(async () => {
  const offer = me.offer;
  const done = await api("POST", `/offers/${offer.id}/${action}`);
  if (done.attempt) begin(offer, done.attempt);
  last = offer;
  if (me.offer?.id === offer.id) me.offer = null;
});
const onCall = (action) => act(async () => {
  await api("POST", `/calls/${me.call.id}/${action}`);
  if (action === "voicemail-left") me.call.voicemail_left = true;
  if (action === "cancel") me.call.cancel_asked = true;
});
const dropMessage = () => act(async () => {
  await api("POST", `/calls/${me.call.id}/drop-message`, {});
  me.call = null;
  say("info", "", t("messageDropped"));
});
const record = (action) => act(() => api("POST", `/calls/${me.call.id}/recording`, { action }));
const askFor = (campaign) => act(async () => {
  const { offer, next_due: due } = await api("POST", `/campaigns/${campaign.id}/next`);
  if (offer?.state === "open") [last, me.call, me.offer] = [null, null, offer];
  else if (offer) refresh(0); // dialed at once
  else say("info", campaign.name, due ? t("nextDue", { time: moment(due) }) : t("nobodyDue"));
});
const wrapUp = (form) => act(async () => {
  const value = Object.fromEntries(new FormData(form));
  const body = { disposition: value.disposition, note: value.note };
  if (value.at) body.callback = { at: new Date(value.at).toISOString(), mine: value.mine === "on" };
  await api("POST", `/calls/${me.call.id}/wrap-up`, body);
  me.call = null;
});

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const button = document.querySelector(`button[data-key="${event.code}"]:not(:disabled)`);
  if (button) {
    event.preventDefault();
    button.click();
  }
});

// ---- showing it

function render() {
  document.title = me?.agent ? `${t(`state.${me.agent.state}`)} · ${t("title")}` : t("title");
  show(document.getElementById("top"), topParts());
  show(document.getElementById("notice"), notice ? [["notice", notice, noticeBox]] : []);
  show(document.getElementById("main"), mainParts());
  tick();
}

function topParts() {
  const name = ["name", 0, () => h("strong", { class: "brand" }, t("title"))];
  if (!me) return [name];
  return [
    name,
    me.agent && ["state", [me.agent.state, me.agent.since], () => h("span", { class: `chip ${me.agent.state}` },
      t(`state.${me.agent.state}`), " ", h("span", { data: { since: me.agent.since } }))],
    ["line", line?.readyState === 1, () => h("span", { class: line?.readyState === 1 ? "line up" : "line down" },
      line?.readyState === 1 ? t("online") : t("offline"))],
    ["who", me.user.name, () => h("span", { class: "who" }, me.user.name, " ",
      h("button", { class: "plain", onclick: signOut }, t("signOut")))],
  ].filter(Boolean);
}

function noticeBox() {
  return h("p", { class: notice.kind }, notice.head && h("strong", {}, notice.head), notice.head && " ", notice.text);
}

function mainParts() {
  if (!me) return [["signIn", 0, signInBox]];
  if (!me.agent) return [["none", 0, () => h("p", { class: "panel" }, t("noDesk"))]];
  const { agent, offer, call } = me;
  const shownOffer = offer ?? (call && call.offer === last?.id ? last : null);
  const parts = [];
  if (offer) parts.push(["decide", [offer.id, offer.expires_at], () => decideBox(offer)]);
  else if (agent.state === "wrap_up" && call) parts.push(["wrap", [call.id, agent.wrap_up_until, me.dispositions], wrapBox]);
  else if (call && call.state !== "ended") parts.push(["call", [call, last?.end_call_enabled, last?.recording], callBox]);
  else parts.push(["hint", [agent.state, agent.reason, agent.phone === "", me.pull_campaigns], hintBox]);
  if (shownOffer) parts.push(["card", [shownOffer, Boolean(offer)], () => cardBox(shownOffer.card, shownOffer.campaign, Boolean(offer))]);
  parts.push(["desk", [agent.state, agent.reason, agent.wish, agent.phone], deskBox]);
  return parts;
}

function signInBox() {
  const form = h("form", { class: "panel signin", onsubmit: (event) => {
    event.preventDefault();
    signIn(form.username.value, form.password.value);
  } },
  h("h1", {}, t("signIn")),
  h("label", {}, t("username"), h("input", { name: "username", autocomplete: "username", required: true, autofocus: true })),
  h("label", {}, t("password"), h("input", { name: "password", type: "password", autocomplete: "current-password", required: true })),
  h("button", { class: "main" }, t("signIn")));
  return form;
}

function hintBox() {
  const { state, reason, phone } = me.agent;
  const why = state === "idle" && reason ? t(`idle.${reason}`) : "";
  const asks = state === "available" && me.pull_campaigns.length > 0;
  return h("section", { class: `panel big ${state}` },
    h("h1", {}, t(`state.${state}`), why && h("small", {}, why)),
    h("p", {}, phone ? t(asks ? "askHint" : `hint.${state}`) : t("phoneNeeded")),
    asks && h("div", { class: "actions" },
      me.pull_campaigns.map((one, at) => h("button", { data: at ? {} : { key: "KeyN" }, onclick: () => askFor(one) },
        h("b", {}, t("next")), h("small", {}, one.name), at ? null : key("N")))));
}

function key(letter) {
  return h("kbd", {}, `Alt ${letter}`);
}

function decideBox(offer) {
  const off = new Set(offer.disabled_actions);
  const button = (action, letter) => h("button", {
    class: action === "accept" ? "main" : "", disabled: off.has(action), data: { key: `Key${letter}` },
    title: off.has(action) ? t("notAllowed") : undefined, onclick: () => decide(action),
  }, h("b", {}, t(action)), h("small", {}, off.has(action) ? t("notAllowed") : t(`${action}Hint`)), key(letter));
  const ends = offer.expires_at
    ? [h("span", { class: "time", data: { until: offer.expires_at } }), " ", h("small", {}, t(`countdown.${offer.timeout_action}`))]
    : [h("small", {}, t("noLimit"))];
  return h("section", { class: "panel actions" },
    h("p", { class: "count" }, ...ends),
    offer.expires_at && h("progress", { max: "1", value: "1", data: { from: offer.opened_at, to: offer.expires_at } }),
    button("accept", "A"), button("skip", "S"),
    offer.mode !== "preview" && [button("remove", "R"), button("leave", "L")]);
}

function callBox() {
  const { call } = me;
  const talking = call.state === "talking";
  const waiting = ["granted", "calling_agent", "placing", "ringing"].includes(call.state);
  const cancelled = call.cancel_asked || call.state === "cancelling";
  const since = talking ? call.joined_at : call.ringing_at ?? call.placed_at ?? call.granted_at;
  return h("section", { class: `panel actions call ${call.state}` },
    h("p", { class: "count" }, t(`call.${cancelled && waiting ? "cancelling" : call.state}`), " ",
      since && h("span", { class: "time", data: { since } })),
    h("p", { class: "number" }, call.name, " ", h("span", { class: "digits" }, call.e164)),
    talking && call.verdict && h("p", { class: "verdict" }, t(`verdict.${call.verdict}`), " ",
      h("small", {}, t("after", { s: seconds(call.verdict_after) }), call.cause ? ` · ${call.cause}` : "")),
    talking && call.beep_after != null && h("p", { class: "beep" }, t("beep", { s: seconds(call.beep_after) })),
    waiting && h("button", {
      disabled: cancelled || last?.end_call_enabled === false, data: { key: "KeyC" }, class: "stop",
      onclick: () => onCall("cancel"),
    }, h("b", {}, t("cancel")), last?.end_call_enabled === false && h("small", {}, t("notAllowed")), key("C")),
    talking && h("button", { disabled: call.voicemail_left, data: { key: "KeyV" }, onclick: () => onCall("voicemail-left") },
      h("b", {}, call.voicemail_left ? t("voicemailDone") : t("voicemailLeft")), key("V")),
    talking && h("button", { data: { key: "KeyD" }, onclick: dropMessage },
      h("b", {}, t("dropMessage")), h("small", {}, t("dropHint")), key("D")),
    talking && recordButton(call),
    (talking || call.state === "answered") && h("button", { class: "stop", data: { key: "KeyH" }, onclick: () => onCall("hang-up") },
      h("b", {}, t("hangUp")), key("H")));
}

function recordButton({ recording }) {
  const running = ["recording", "paused"].includes(recording);
  const action = last?.recording === "on_demand" ? (running ? "stop" : "start")
    : running && (recording === "paused" ? "resume" : "pause");
  return action && h("button", { data: { key: "KeyR" }, onclick: () => record(action) },
    h("b", {}, t(`record.${action}`)), h("small", {}, t(`recording.${running ? recording : "off"}`)), key("R"));
}

function wrapBox() {
  const { call, dispositions, agent } = me;
  const callback = h("fieldset", { hidden: true },
    h("label", {}, t("callbackAt"), h("input", { type: "datetime-local", name: "at" })),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "mine" }), t("callbackMine")));
  const choose = h("select", { name: "disposition", required: true, onchange: () => {
    const chosen = dispositions.find((one) => one.code === choose.value);
    callback.hidden = chosen?.rule !== "callback";
    callback.querySelector("[name=at]").required = !callback.hidden;
    callback.disabled = callback.hidden;
  } }, h("option", { value: "" }, t("choose")), dispositions.map((one) => h("option", { value: one.code }, one.label)));
  callback.disabled = true;
  const form = h("form", { class: "panel actions wrap", onsubmit: (event) => {
    event.preventDefault();
    wrapUp(form);
  } },
  h("p", { class: "count" }, t("state.wrap_up"), " ", agent.wrap_up_until && h("small", {},
    ...around(t("wrapUpEnds", { time: "\u0000" }), h("span", { data: { until: agent.wrap_up_until } })))),
  h("p", { class: "number" }, call.outcome ? sentence(call.outcome) : call.name),
  h("label", {}, t("result"), choose),
  callback,
  h("label", {}, t("note"), h("textarea", { name: "note", rows: "3", maxlength: "4000" })),
  h("button", { class: "main", data: { key: "KeyA" } }, h("b", {}, t("finish")), key("A")));
  return form;
}

function around(text, element) {
  const [before, behind] = text.split("\u0000");
  return [before, element, behind ?? ""];
}

function cardBox(card, campaign, offered) {
  const seen = new Date(now());
  let there = "";
  try {
    there = card.zone && seen.toLocaleTimeString(language(), { timeZone: card.zone, hour: "2-digit", minute: "2-digit" });
  } catch { /* a zone this browser does not know */ }
  return h("section", { class: "panel card" },
    h("p", { class: "campaign" }, campaign?.name ?? "", there && h("span", {}, t("thereNow", { time: there }))),
    h("h1", {}, card.name),
    h("ul", { class: "numbers" }, card.numbers.map((number) => h("li", { class: number.id === card.number.id ? "dials" : "" },
      h("span", { class: "digits" }, number.e164), " ", h("small", {}, [number.label, numberNote(number, card, offered)].filter(Boolean).join(" · "))))),
    card.callback_at && h("p", { class: "verdict" }, t("callbackAgreed", { time: moment(card.callback_at) })),
    h("dl", {}, card.fields.map((field) => [h("dt", {}, field.label), h("dd", {}, shown(field.value))])),
    h("p", { class: "small" }, [card.attempts ? t("attempts", { n: card.attempts }) : "",
      card.skips ? t("skips", { n: card.skips }) : ""].filter(Boolean).join(" · ")),
    card.history.length > 0 && h("details", { open: true }, h("summary", {}, t("history")),
      h("ul", { class: "history" }, card.history.map((past) => h("li", {}, h("span", {}, moment(past.at)), " ",
        past.outcome ? sentence(past.outcome) : "", past.agent ? ` · ${past.agent}` : "", past.note && h("q", {}, past.note))))));
}

function numberNote(number, card, offered) {
  if (number.id === card.number.id) return offered ? t("dials") : "";
  return number.status ? t(`status.${number.status}`) : "";
}

function deskBox() {
  const { agent } = me;
  const inCall = ["dialing", "talking", "wrap_up"].includes(agent.state);
  const phone = h("input", { name: "phone", value: agent.phone, pattern: "[A-Za-z0-9_.\\-]{1,80}", required: true,
    placeholder: "agent-1", title: t("phoneHint"), disabled: !PHONE_FREE.has(agent.state) });
  const reason = h("select", { "aria-label": t("reason"), onchange: () => reason.value && setState("idle", reason.value) },
    h("option", { value: "" }, t("goIdle")), BREAKS.map((code) => h("option", { value: code }, t(`idle.${code}`))));
  if (agent.state === "idle" && BREAKS.includes(agent.reason)) reason.value = agent.reason;
  const is = (state) => (inCall ? agent.wish : agent.state) === state;
  return h("section", { class: "panel desk" },
    h("div", { class: "states" },
      h("button", { "aria-pressed": String(is("available")), disabled: !agent.phone, onclick: () => setState("available") }, t("goAvailable")),
      h("span", { class: "pressable", "aria-pressed": String(is("idle")) }, reason),
      h("button", { "aria-pressed": String(is("offline")), onclick: () => setState("offline") }, t("goOffline"))),
    inCall && agent.wish && h("p", { class: "small" }, t("afterCall", { state: t(`state.${agent.wish}`) })),
    h("form", { class: "phone", onsubmit: (event) => { event.preventDefault(); setPhone(phone.value); } },
      h("label", {}, t("phone"), phone), h("button", { disabled: phone.disabled }, t("save"))));
}

const shown = (value) => value === true ? "✓" : value === false ? "✗" : value ?? "";
const seconds = (value) => value == null ? "" : Number(value).toLocaleString(language(), { maximumFractionDigits: 1 });
const moment = (value) => {
  const at = new Date(value);
  return Number.isNaN(at.valueOf()) ? String(value) : at.toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });
};

function span(ms) {
  const all = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function tick() {
  const at = now();
  for (const element of document.querySelectorAll("[data-since]")) element.textContent = span(at - Date.parse(element.dataset.since));
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Date.parse(element.dataset.until) - at;
    element.textContent = span(left);
    element.classList.toggle("soon", left < 10000);
  }
  for (const element of document.querySelectorAll("progress")) {
    const [from, to] = [Date.parse(element.dataset.from), Date.parse(element.dataset.to)];
    element.value = Math.max(0, (to - at) / (to - from));
  }
}
setInterval(tick, 500);

load().then(connect, () => render());
