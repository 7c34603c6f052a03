/** A button that opens a list beneath it; closed by Escape, by a press elsewhere, and by a choice. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface DropProps {
  /** The button, told whether the list is open. */
  button: (open: boolean, toggle: () => void) => ComponentChildren;
  children: (close: () => void) => ComponentChildren;
  class?: string;
  testid: string;
  label: string;
}

export function Drop({ button, children, class: kind, testid, label }: DropProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const close = () => {
    setOpen(false);
    box.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  return (
    <div
      class={`dropper ${kind ?? ""}`}
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        close();
      }}
    >
      {button(open, () => setOpen(!open))}
      {open && (
        <div class="drop" role="group" aria-label={label} data-testid={testid}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
