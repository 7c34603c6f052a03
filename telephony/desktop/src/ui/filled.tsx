/** A text with "{name}" places that are filled with elements. */

import type { ComponentChildren } from "preact";

export function Filled({ text, values }: { text: string; values: Record<string, ComponentChildren> }) {
  return <>{text.split(/{(\w+)}/).map((part, at) => (at % 2 ? values[part] : part))}</>;
}
