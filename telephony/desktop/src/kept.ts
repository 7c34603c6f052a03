/** What a reload of this tab must not lose although the service does not know it: a note half written, what was told. */

export function kept<T>(name: string): T | null {
  try {
    const text = sessionStorage.getItem(`telephony.${name}`);
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

export function keep(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(`telephony.${name}`);
    else sessionStorage.setItem(`telephony.${name}`, JSON.stringify(value));
  } catch {
    // it then lasts as long as the page
  }
}
