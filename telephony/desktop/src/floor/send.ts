/** A file sent with its progress; `fetch` tells none. */

import { address, Problem, type ProblemBody } from "../api.ts";
import { language } from "../language.ts";

export interface Sending<T> {
  done: Promise<T>;
  /** Break it off; `done` is refused with the code STOPPED. */
  stop: () => void;
}

export function send<T>(
  method: string,
  path: string,
  type: string,
  file: Blob,
  onSent: (bytes: number) => void,
): Sending<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.open(method, address(path));
    request.setRequestHeader("Content-Type", type);
    request.setRequestHeader("Accept-Language", language.peek());
    request.responseType = "json";
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      if (request.status < 300) resolve(request.response as T);
      else reject(new Problem(request.status, (request.response ?? {}) as ProblemBody));
    };
    request.onerror = () => reject(new Problem(0, { code: "NETWORK" }));
    request.onabort = () => reject(new Problem(0, { code: "STOPPED" }));
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}
