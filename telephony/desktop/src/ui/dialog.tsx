/** A question in front of the page; Escape closes it. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { texts } from "../language.ts";
import { Button } from "./button.tsx";

interface DialogProps {
  head: ComponentChildren;
  testid: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ head, testid, onClose, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const open = box.current;
    open?.showModal();
    return () => open?.close();
  }, []);
  return (
    <dialog ref={box} class="dialog" aria-labelledby={title} data-testid={testid} onCancel={onClose} onClose={onClose}>
      <header>
        <h2 id={title}>{head}</h2>
        <Button icon="cross" compact kind="plain" label={texts.value.close} testid="dialog-close" onPress={onClose} />
      </header>
      {children}
    </dialog>
  );
}
