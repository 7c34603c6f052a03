/** The microphone: asked for once, kept over all calls, chosen, and measured. */

import { remember, remembered } from "../remembered.ts";
import { devices, type PhoneState } from "./state.ts";

/** The microphone cannot be had; `state` says why. */
export class NoMicrophone extends Error {
  readonly state: PhoneState;

  constructor(state: PhoneState) {
    super(state);
    this.state = state;
  }
}

const WHY: Record<string, PhoneState> = {
  NotAllowedError: "microphone_blocked",
  SecurityError: "microphone_blocked",
  NotFoundError: "microphone_missing",
  OverconstrainedError: "microphone_missing",
  NotReadableError: "microphone_in_use",
  AbortError: "microphone_in_use",
};

/** Open the chosen microphone, the standard one where that is gone. Throws `NoMicrophone`. */
export async function open(id = remembered("microphone") ?? ""): Promise<MediaStream> {
  const { mediaDevices } = navigator as { mediaDevices?: MediaDevices };
  if (!mediaDevices) throw new NoMicrophone("insecure");
  try {
    const stream = await mediaDevices.getUserMedia({ audio: id ? { deviceId: { exact: id } } : true });
    await list();
    return stream;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (id && (name === "NotFoundError" || name === "OverconstrainedError")) return open("");
    throw new NoMicrophone(WHY[name] ?? "microphone_in_use");
  }
}

/** Read which devices there are; names are told only once the microphone was allowed. */
export async function list(): Promise<void> {
  const all = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((one) => one.kind === kind && one.deviceId && one.deviceId !== "default")
      .map((one, at) => ({ id: one.deviceId, name: one.label || String(at + 1) }));
  const [microphones, speakers] = [of("audioinput"), of("audiooutput")];
  const there = (found: { id: string }[], id: string | null) => found.find((one) => one.id === id)?.id ?? "";
  devices.value = {
    microphones,
    speakers,
    microphone: there(microphones, remembered("microphone")),
    speaker: there(speakers, remembered("speaker")),
  };
}

export function choose(kind: "microphone" | "speaker", id: string): void {
  remember(kind, id || null);
  devices.value = { ...devices.peek(), [kind]: id };
}

/** Measures how loud a stream is, 0 to 1, until `close`. */
export class Meter {
  readonly #context = new AudioContext();
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(stream: MediaStream) {
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const mean = this.#samples.reduce((sum, one) => sum + one * one, 0) / this.#samples.length;
    // speech is around -30 to -10 dB; the bar is full at -6
    return mean ? Math.min(1, Math.max(0, (10 * Math.log10(mean) + 60) / 54)) : 0;
  }

  close(): void {
    void this.#context.close();
  }
}
