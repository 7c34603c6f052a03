/** What a supervisor does; each once, and what the service refuses is told. */

import { api } from "../api.ts";
import { act } from "../store.ts";

export type Mode = "listen" | "whisper" | "barge";

export const setState = (agent: string, state: "available" | "idle"): Promise<void> =>
  act(`state ${agent}`, () => api("POST", `/agents/${agent}/state`, { state }));

export const free = (agent: string): Promise<void> => act(`free ${agent}`, () => api("POST", `/agents/${agent}/free`));

export const hangUp = (call: string): Promise<void> =>
  act(`hang up ${call}`, () => api("POST", `/calls/${call}/hang-up`));

export const monitor = (call: string, mode: Mode): Promise<void> =>
  act(`monitor ${call}`, () => api("POST", `/calls/${call}/monitor`, { mode }));

export const stopMonitoring = (call: string): Promise<void> =>
  act(`monitor ${call}`, () => api("DELETE", `/calls/${call}/monitor`));
