/** What a reload of this tab must not lose although the service does not know it: a note half written, what was told. */

const PREFIX = "telephony.";

export function kept<T>(name: string): T | null {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

/** The session is over: nothing of its user stays. */
export function forget(): void {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
  } catch {
    // nothing is kept
  }
}

export function keep(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // it then lasts as long as the page
  }
}
