/** The service's API: one function, errors as `Problem`. */

import { signal } from "@preact/signals";
import { language } from "./language.ts";
import type { components } from "./schema.d.ts";

export type Schemas = components["schemas"];
export type ProblemBody = Partial<Schemas["ProblemDocument"]>;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const ROOT = "/api/v1";

/** ms until an answer counts as lost: a link that is dead without saying so would keep its button busy for ever. */
const PATIENCE = 30_000;

/** Whose data an installation's administrator looks at; everybody else belongs to a tenant and leaves it empty. */
export const tenant = signal<string>("");

/** The service said no, or could not be reached (`status` 0). */
export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemBody;

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? String(status));
    this.status = status;
    this.body = body;
  }

  get code(): string {
    return this.body.code ?? "";
  }
}

/** The address of an API path, with the tenant looked at. */
export function address(path: string): string {
  const asked = tenant.peek();
  return ROOT + path + (asked ? `${path.includes("?") ? "&" : "?"}tenant=${encodeURIComponent(asked)}` : "");
}

/** Ask the service; the answer's JSON, nothing for 204. Throws `Problem`. `last`: also where the page is just closed. */
export async function api<T = void>(method: Method, path: string, body?: unknown, last = false): Promise<T> {
  const headers: Record<string, string> = { "Accept-Language": language.peek() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined ? undefined : JSON.stringify(body);
  return send<T>(method, path, headers, { body: sent, keepalive: last, signal: AbortSignal.timeout(PATIENCE) });
}

/** Send a file or text as it is, for what the API takes beside JSON; it takes as long as it takes. */
export async function upload<T = void>(method: Method, path: string, type: string, body: BodyInit): Promise<T> {
  return send<T>(method, path, { "Accept-Language": language.peek(), "Content-Type": type }, { body });
}

async function send<T>(method: Method, path: string, headers: Record<string, string>, more: RequestInit): Promise<T> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address(path), { method, headers, ...more });
    text = await answer.text();
  } catch {
    throw new Problem(0, { code: "NETWORK" });
  }
  if (answer.status === 204) return undefined as T;
  const value = answer.headers.get("Content-Type")?.includes("json") ? parsed(text) : undefined;
  if (!answer.ok) throw new Problem(answer.status, (value as ProblemBody | undefined) ?? { detail: answer.statusText });
  return value as T;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
