/** Choices that this browser keeps; a browser that keeps nothing (private mode) works with the defaults. */

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`telephony.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`telephony.${name}`);
    else localStorage.setItem(`telephony.${name}`, value);
  } catch {
    // the choice then lasts as long as the page
  }
}
