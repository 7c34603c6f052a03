/** Handing the call to a colleague or to a number: at once, or after asking there while the customer waits. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, Problem } from "../api.ts";
import type { Call } from "../desk.ts";
import { fill, named, texts } from "../language.ts";
import { refused, say } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { transfer } from "./actions.ts";

export interface Colleague {
  id: string;
  name: string;
  state: string;
}

/** With more colleagues than these there is a field to search in. */
const FEW = 6;

const E164 = /^\+[1-9]\d{6,14}$/;

/** What people write between digits. */
const tidy = (number: string): string => number.replace(/[\s().-]/g, "").replace(/^00/, "+");

export function TransferDialog({ onClose }: { onClose: () => void }) {
  const t = texts.value;
  const colleagues = useSignal<Colleague[] | null>(null);
  const search = useSignal("");
  const chosen = useSignal("");
  const number = useSignal("");
  useEffect(() => {
    api<Colleague[]>("GET", "/me/colleagues").then(
      (found) => {
        colleagues.value = found;
      },
      (error: unknown) => {
        colleagues.value = [];
        if (error instanceof Problem) say(refused(error));
      },
    );
  }, []);
  const known = colleagues.value ?? [];
  const wanted = search.value.trim().toLowerCase();
  const shown = wanted ? known.filter((one) => one.name.toLowerCase().includes(wanted)) : known;
  const dialed = tidy(number.value);
  const to = dialed ? { number: dialed } : { agent: chosen.value };
  const off = dialed ? !E164.test(dialed) : !chosen.value;
  const hand = (action: "blind" | "consult") => () => {
    onClose();
    void transfer(action, to);
  };
  return (
    <Dialog head={t.transfer.head} testid="transfer-dialog" onClose={onClose}>
      <div class="transfer">
        {known.length > FEW && (
          <Field label={t.transfer.search}>
            <input
              type="search"
              value={search.value}
              onInput={(event) => {
                search.value = event.currentTarget.value;
              }}
            />
          </Field>
        )}
        <fieldset>
          <legend>{t.transfer.colleague}</legend>
          {colleagues.value && shown.length === 0 && <p class="muted">{t.transfer.none}</p>}
          <div class="colleagues">
            {shown.map((one) => (
              <label class="choice" key={one.id}>
                <input
                  type="radio"
                  name="colleague"
                  data-testid="colleague"
                  data-agent={one.id}
                  checked={chosen.value === one.id && !dialed}
                  onChange={() => {
                    chosen.value = one.id;
                    number.value = "";
                  }}
                />
                <span dir="auto">{one.name}</span>
                <small>{named(t.state, one.state)}</small>
              </label>
            ))}
          </div>
        </fieldset>
        <Field label={t.transfer.number} hint={t.transfer.numberHint}>
          <input
            type="tel"
            dir="ltr"
            data-testid="transfer-number"
            value={number.value}
            onInput={(event) => {
              number.value = event.currentTarget.value;
            }}
          />
        </Field>
        <div class="pair">
          <Button
            icon="transfer"
            label={t.transfer.blind}
            hint={t.transfer.blindHint}
            off={off}
            testid="transfer-blind"
            onPress={hand("blind")}
          />
          <Button
            icon="person"
            kind="main"
            label={t.transfer.consult}
            hint={t.transfer.consultHint}
            off={off}
            testid="transfer-consult"
            onPress={hand("consult")}
          />
        </div>
      </div>
    </Dialog>
  );
}

/** A transfer under way. */
export function Consultation({ call }: { call: Call }) {
  const t = texts.value;
  const { transfer: now } = call;
  if (!now) return null;
  return (
    <div class="consultation" data-testid="consultation" data-transfer={now.state}>
      <p role="status">
        <Icon name="transfer" />{" "}
        {fill(now.state === "talking" ? t.transfer.talking : t.transfer.ringing, { to: now.to })}
      </p>
      <div class="column">
        <Button
          icon="person"
          label={t.transfer.cancel}
          testid="transfer-cancel"
          onPress={() => void transfer("cancel")}
        />
        <Button
          icon="transfer"
          kind="main"
          label={t.transfer.complete}
          off={now.state !== "talking"}
          testid="transfer-complete"
          onPress={() => void transfer("complete")}
        />
      </div>
    </div>
  );
}
