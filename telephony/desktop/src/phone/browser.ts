/** The phone in this browser: SIP over the service's own WebSocket, by JsSIP. A chunk of its own, loaded where chosen.
 *
 * A call that carries a leg id in `X-Reservation` is the agent's own line and is answered at once; others ring. The
 * service is told after each registration which line is still held (`/me/phone/attached`): a line that a reload lost is
 * then called again, and replaces what is left of the old one here.
 */

import { UA, WebSocketInterface } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { IncomingRTCSessionEvent, RTCSessionEvent, UAConfiguration } from "jssip/lib/UA";
import { api, type Schemas } from "../api.ts";
import { agent, desk } from "../store.ts";
import * as microphone from "./microphone.ts";
import { ring } from "./ring.ts";
import { devices, phone, reset, set } from "./state.ts";

type Account = NonNullable<Schemas["Phone"]["browser"]>;

const RESERVATION = "X-Reservation";
const TAKEN_OVER = 4409;
const MEDIA = { iceServers: [] }; // page and telephone system share a network

/** ms without a packet after which the far end counts as silent. */
const SILENCE = 5_000;
const LOOK = 1_000; // ms between looks at what arrives

/** A way that is not opened again once it was given up: JsSIP goes on trying for two seconds after `stop`. */
class Way extends WebSocketInterface {
  #retired = false;

  retire(): void {
    this.#retired = true;
  }

  override connect(): void {
    if (!this.#retired) super.connect();
  }
}

interface Line {
  session: RTCSession;
  /** The leg id of a reservation; "" for other calls. */
  leg: string;
  echo: boolean;
  packets: number;
  heardAt: number;
  told: boolean;
}

export class BrowserPhone {
  #ua: UA | null = null;
  #way: Way | null = null;
  #account: Account | null = null;
  #stream: MediaStream | null = null;
  #line: Line | null = null;
  #waiting: Line | null = null;
  #wasDown = false;
  /** The service was told which line is held over this connection. */
  #told = false;
  #stopped = false;
  /** Counts starts: what an earlier one was answered, after a stop or another start, is of no use. */
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #sound: HTMLAudioElement;
  readonly #watch: ReturnType<typeof setInterval>;
  #stopRing = () => {};

  constructor() {
    this.#sound = document.createElement("audio");
    this.#sound.autoplay = true;
    this.#sound.dataset.testid = "phone-audio";
    document.body.append(this.#sound);
    this.#watch = setInterval(() => void this.#listen(), LOOK);
    navigator.mediaDevices?.addEventListener("devicechange", this.#devicesChanged);
  }

  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** Get the microphone, then register; told as states, never thrown. */
  async start(): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    set({ state: "asking" });
    const account = api<Schemas["Phone"]>("GET", "/me/phone");
    account.catch(() => {}); // looked at below
    try {
      this.#keep(await microphone.open(), attempt);
    } catch (error) {
      if (!(error instanceof microphone.NoMicrophone)) throw error;
      if (attempt === this.#attempt) this.#lacksMicrophone(error);
      return;
    }
    try {
      this.#account = (await account).browser;
    } catch {
      if (attempt === this.#attempt) this.#failed();
      return;
    }
    if (attempt !== this.#attempt) return;
    if (this.#account) this.#register(this.#account);
    else set({ state: "lost" }); // there are no such phones any more
  }

  /** Try again after the microphone was allowed or plugged in, or take the phone back from another tab. */
  async again(): Promise<void> {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#hangUpUa();
    await this.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#attempt += 1;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    navigator.mediaDevices?.removeEventListener("devicechange", this.#devicesChanged);
    this.#hangUpUa();
    this.#release();
    this.#sound.remove();
    reset();
  }

  answer(): void {
    const line = this.#waiting;
    if (!line) return;
    this.#quiet();
    this.#pickUp(line);
  }

  decline(): void {
    this.#waiting?.session.terminate({ status_code: 486 });
  }

  echo(): void {
    if (!this.#ua?.isRegistered() || this.#line || !this.#account) return;
    set({ echo: true });
    this.#ua.call(`sip:echo@${this.#account.domain}`, { mediaStream: this.#stream ?? undefined, pcConfig: MEDIA });
  }

  endEcho(): void {
    if (this.#line?.echo) this.#line.session.terminate();
  }

  /** The browser lets a page play sound after a click. */
  async play(): Promise<void> {
    try {
      await this.#sound.play();
      set({ gesture: false });
    } catch {
      set({ gesture: this.#sound.srcObject !== null });
    }
  }

  async useMicrophone(id: string): Promise<void> {
    microphone.choose("microphone", id);
    const attempt = this.#attempt;
    try {
      this.#keep(await microphone.open(id), attempt);
    } catch (error) {
      if (error instanceof microphone.NoMicrophone && attempt === this.#attempt) this.#lacksMicrophone(error);
      return;
    }
    const [track] = this.#stream?.getAudioTracks() ?? [];
    for (const sender of this.#line?.session.connection?.getSenders() ?? []) {
      if (track && sender.track?.kind === "audio") await sender.replaceTrack(track);
    }
  }

  async useSpeaker(id: string): Promise<void> {
    microphone.choose("speaker", id);
    await this.#toSpeaker();
  }

  // the service is away; it is asked again in a moment
  #failed(): void {
    set({ state: "lost" });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.again(), 2_000);
  }

  // -- registering

  #register(account: Account): void {
    this.#told = false;
    set({ state: "registering" });
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const way = new Way(`${scheme}//${location.host}${account.path}`);
    this.#way = way;
    const configuration: UAConfiguration = {
      sockets: [way],
      uri: `sip:${account.endpoint}@${account.domain}`,
      authorization_user: account.endpoint,
      password: account.password,
      register: true,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 4,
      user_agent: "telephony",
    };
    const ua = new UA(configuration);
    this.#ua = ua;
    const mine = () => this.#ua === ua && !this.#stopped;
    ua.on("registered", () => {
      if (mine()) void this.#registered();
    });
    ua.on("registrationFailed", () => {
      if (mine()) this.#down();
    });
    ua.on("disconnected", ({ code }) => {
      if (!mine()) return;
      if (code === TAKEN_OVER) this.#takenOver();
      else this.#down();
    });
    ua.on("newRTCSession", (event: RTCSessionEvent) => {
      if (mine()) this.#called(event);
    });
    ua.start();
  }

  async #registered(): Promise<void> {
    const line = this.#line;
    this.#show();
    // what Asterisk says within the call goes to the dead connection until the call was offered afresh over this one
    if (this.#wasDown && line?.session.isEstablished()) line.session.renegotiate();
    this.#wasDown = false;
    // not again when the registration is only refreshed: a line may be on its way here just then
    if (this.#told) return;
    await api("POST", "/me/phone/attached", { call_leg: line?.leg || null }).then(
      () => {
        this.#told = true;
      },
      () => {}, // the refresh tells
    );
  }

  #down(): void {
    this.#wasDown = true;
    this.#told = false;
    if (phone.peek().state !== "taken_over") set({ state: "lost" });
  }

  #takenOver(): void {
    set({ state: "taken_over", silent: false });
    this.#hangUpUa();
    this.#release();
    void api("POST", "/me/phone/trouble", { code: "taken_over" }).catch(() => {});
  }

  #hangUpUa(): void {
    const ua = this.#ua;
    this.#ua = null;
    this.#quiet();
    // no BYE: the call goes on elsewhere
    for (const line of [this.#line, this.#waiting]) line?.session.connection?.close();
    this.#line = null;
    this.#waiting = null;
    this.#sound.srcObject = null;
    this.#way?.retire();
    ua?.stop();
  }

  // -- calls

  #called({ session, originator, request }: RTCSessionEvent): void {
    const incoming = originator === "remote";
    const leg = incoming ? ((request as IncomingRTCSessionEvent["request"]).getHeader(RESERVATION) ?? "") : "";
    const line: Line = { session, leg, echo: !incoming, packets: 0, heardAt: performance.now(), told: false };
    this.#attend(line);
    if (!incoming) {
      this.#line = line;
      this.#show();
    } else if (leg) {
      this.#replaceBy(line);
    } else if (this.#line || this.#waiting) {
      session.terminate({ status_code: 486 });
    } else {
      this.#waiting = line;
      this.#stopRing = ring();
      this.#show();
    }
  }

  // a reservation while a call is there: that call is dead, or is the echo test
  #replaceBy(line: Line): void {
    const old = this.#line;
    if (this.#waiting) this.decline();
    this.#pickUp(line);
    if (old && !old.session.isEnded()) old.session.terminate();
  }

  #pickUp(line: Line): void {
    this.#waiting = null;
    this.#line = line;
    this.#show();
    line.session.answer({ mediaStream: this.#stream ?? undefined, pcConfig: MEDIA });
  }

  #attend(line: Line): void {
    const { session } = line;
    const hear = (connection: RTCPeerConnection) =>
      connection.addEventListener("track", ({ streams, track }) => {
        if (this.#line !== line) return;
        this.#sound.srcObject = streams[0] ?? new MediaStream([track]);
        void this.#toSpeaker();
        void this.play();
      });
    if (session.connection) hear(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => hear(peerconnection));
    // the first way on this network is enough; waiting for all costs a tenth of a second
    session.on("icecandidate", ({ candidate, ready }) => {
      if (candidate.type === "host") ready();
    });
    session.on("confirmed", () => {
      line.heardAt = performance.now();
      this.#show();
    });
    session.on("ended", () => this.#over(line));
    session.on("failed", () => this.#over(line));
  }

  #over(line: Line): void {
    if (this.#waiting === line) {
      this.#waiting = null;
      this.#quiet();
    }
    if (this.#line === line) {
      this.#line = null;
      this.#sound.srcObject = null;
    }
    this.#show();
  }

  #show(): void {
    if (this.#stopped || !this.#ua) return;
    const up = this.#ua.isRegistered();
    const state = this.#waiting ? "ringing" : this.#line ? "in_call" : up ? "ready" : "lost";
    const { remote_identity: who } = this.#waiting?.session ?? {};
    set({
      state,
      silent: this.#line?.told ?? false,
      gesture: this.#line ? phone.peek().gesture : false,
      caller: who ? who.display_name || who.uri.user : "",
      echo: this.#line?.echo ?? false,
    });
  }

  #quiet(): void {
    this.#stopRing();
    this.#stopRing = () => {};
  }

  // -- sound

  /** Look whether anything arrives. Only where people talk: who waits on the line may be sent nothing. */
  async #listen(): Promise<void> {
    const line = this.#line;
    const connection = line?.session.connection;
    if (!line || !connection || !line.session.isEstablished()) return;
    let packets = 0;
    for (const one of (await connection.getStats()).values()) {
      if (one.type === "inbound-rtp" && one.kind === "audio") packets += one.packetsReceived as number;
    }
    const now = performance.now();
    const state = agent.peek()?.state;
    const call = desk.peek()?.call;
    const talks = line.echo || (state === "talking" && call?.state === "talking" && !call.held && !call.transfer);
    if (packets !== line.packets || !(talks || state === "idle" || state === "offline")) {
      line.packets = packets;
      line.heardAt = now;
      if (line.told) {
        line.told = false;
        this.#show();
      }
    } else if (now - line.heardAt > SILENCE && !talks) {
      line.session.terminate(); // its end was told to a connection that is gone
    } else if (now - line.heardAt > SILENCE && !line.told) {
      line.told = true;
      this.#show();
      if (!line.echo) void api("POST", "/me/phone/trouble", { code: "no_sound", call: call?.id }).catch(() => {});
    }
  }

  async #toSpeaker(): Promise<void> {
    const { speaker } = devices.peek();
    const sound = this.#sound as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };
    await sound.setSinkId?.(speaker).catch(() => {}); // unplugged: the standard one plays
  }

  // -- microphone

  /** `attempt`: for which start it was asked for; a microphone that nobody wants any more is closed at once. */
  #keep(stream: MediaStream, attempt: number): void {
    if (attempt !== this.#attempt) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.#release();
    this.#stream = stream;
    stream.getAudioTracks()[0]?.addEventListener("ended", () => {
      if (this.#stream === stream) void this.useMicrophone(""); // unplugged: the standard one, or none
    });
  }

  #release(): void {
    const old = this.#stream;
    this.#stream = null;
    for (const track of old?.getTracks() ?? []) track.stop();
  }

  #lacksMicrophone({ state }: microphone.NoMicrophone): void {
    set({ state });
    const code =
      state === "microphone_missing" || state === "microphone_in_use" ? "microphone_missing" : "microphone_blocked";
    void api("POST", "/me/phone/trouble", { code, call: desk.peek()?.call?.id }).catch(() => {});
  }

  readonly #devicesChanged = (): void => {
    const lacking = phone.peek().state;
    if (lacking === "microphone_missing" || lacking === "microphone_in_use") void this.again();
    else void microphone.list();
  };
}
