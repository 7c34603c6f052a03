/** A question before something that cannot be undone. */

import { texts } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

interface ConfirmProps {
  head: string;
  text: string;
  label: string;
  onYes: () => void;
  onClose: () => void;
}

export function Confirm({ head, text, label, onYes, onClose }: ConfirmProps) {
  return (
    <Dialog head={<span dir="auto">{head}</span>} testid="confirm" onClose={onClose}>
      <p>{text}</p>
      <div class="row">
        <Button label={texts.value.cancel} testid="confirm-no" onPress={onClose} />
        <Button
          kind="stop"
          label={label}
          testid="confirm-yes"
          onPress={() => {
            onClose();
            onYes();
          }}
        />
      </div>
    </Dialog>
  );
}
