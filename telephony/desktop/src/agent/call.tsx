/** The call at hand: its state and time, who answered, and what can be done with it. */

import { useSignal } from "@preact/signals";
import type { Call } from "../desk.ts";
import { decimal } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Since } from "../ui/timer.tsx";
import { cancel, dropMessage, hangUp, hold, mute, record, voicemailLeft } from "./actions.ts";
import { DoNotCall } from "./donotcall.tsx";
import { Keypad } from "./keypad.tsx";
import { Consultation, TransferDialog } from "./transfer.tsx";

const WAITING = new Set(["granted", "calling_agent", "placing", "ringing"]);

export function CallPanel({ call }: { call: Call }) {
  const t = texts.value;
  const talking = call.state === "talking";
  const waiting = WAITING.has(call.state);
  const verdict = talking || call.state === "answered" ? call.verdict : null;
  const state = waiting && call.cancel_asked ? "cancelling" : call.state;
  const since = talking ? call.joined_at : (call.ringing_at ?? call.placed_at ?? call.granted_at);
  return (
    <section class={`panel actions call ${state}`} data-testid="call" aria-label={t.controls.label}>
      <p class="count" role="status">
        <span data-testid="call-state">{named(t.call, state)}</span> {since && <Since at={since} testid="call-since" />}
      </p>
      {/* a verdict takes the place of what the card says, so that no button moves when it comes */}
      {!verdict && (
        <p class="number">
          <bdi>{call.name}</bdi>{" "}
          <span class="digits" dir="ltr">
            {call.e164}
          </span>
        </p>
      )}
      <Told call={call} verdict={verdict} />
      {waiting && <CancelButton call={call} />}
      {talking && <Controls call={call} />}
      {(talking || call.state === "answered") && (
        <Button
          icon="phoneDown"
          kind="end"
          label={t.controls.hangUp}
          shortcut="KeyH"
          testid="hang-up"
          onPress={() => void hangUp()}
        />
      )}
    </section>
  );
}

function CancelButton({ call }: { call: Call }) {
  const t = texts.value;
  if (desk.value?.accepted?.end_call_enabled === false) {
    return <Button icon="phone" label={named(t.call, call.state)} off={t.controls.noCancel} testid="cancel" />;
  }
  return (
    <Button
      icon="phoneDown"
      kind="end"
      label={t.controls.cancel}
      off={call.cancel_asked === true}
      shortcut="KeyC"
      testid="cancel"
      onPress={() => void cancel()}
    />
  );
}

/** What came up during the call: who or what answered, the beep, who else is in it. */
function Told({ call, verdict }: { call: Call; verdict: Call["verdict"] }) {
  const t = texts.value;
  const joined = call.state === "talking" || call.state === "answered";
  const { monitored } = call;
  return (
    <div class="told" role="status">
      {verdict && (
        <p class={`verdict ${verdict}`} data-testid="verdict" data-verdict={verdict}>
          <Icon name={verdict === "HUMAN" ? "person" : verdict === "NOT_SURE" ? "info" : "machine"} />
          <strong>{named(t.verdict, verdict)}</strong>
          {call.verdict_after != null && <small>{fill(t.after, { s: decimal(call.verdict_after) })}</small>}
        </p>
      )}
      {joined && call.beep_after != null && (
        <p class="beep" data-testid="beep">
          <Icon name="bell" />
          <strong>{t.beep.head}</strong>
          <small>{fill(t.beep.text, { s: decimal(call.beep_after) })}</small>
        </p>
      )}
      {call.away && (
        <p class="callout bad" data-testid="away">
          <Icon name="warning" /> {t.controls.away}
        </p>
      )}
      {call.muted && (
        <p class="callout warn" data-testid="muted">
          <Icon name="micOff" /> {t.controls.muted}
        </p>
      )}
      {call.held && !call.transfer && (
        <p class="callout warn" data-testid="held">
          <Icon name="pause" /> {t.controls.held}
        </p>
      )}
      {monitored && monitored.mode !== "listen" && (
        <p class="callout" data-testid="monitored" data-mode={monitored.mode}>
          <Icon name="ear" />
          {fill(monitored.mode === "whisper" ? t.controls.listening : t.controls.barged, { name: monitored.by })}
        </p>
      )}
    </div>
  );
}

function Controls({ call }: { call: Call }) {
  const t = texts.value;
  const keypad = useSignal(false);
  const transferring = useSignal(false);
  const onDemand = desk.value?.accepted?.recording === "on_demand";
  return (
    <>
      <Consultation call={call} />
      <div class="tiles">
        <Button
          icon={call.muted ? "micOff" : "mic"}
          label={call.muted ? t.controls.unmute : t.controls.mute}
          pressed={call.muted === true}
          shortcut="KeyM"
          testid="mute"
          onPress={() => void mute(!call.muted)}
        />
        <Button
          icon={call.held ? "play" : "pause"}
          label={call.held ? t.controls.resume : t.controls.hold}
          pressed={call.held === true}
          shortcut="KeyO"
          testid="hold"
          onPress={() => void hold(!call.held)}
        />
        <Button
          icon="keypad"
          label={t.controls.keypad}
          expanded={keypad.value}
          shortcut="KeyK"
          testid="keypad"
          onPress={() => {
            keypad.value = !keypad.value;
          }}
        />
        <Button
          icon="transfer"
          label={t.controls.transfer}
          off={Boolean(call.transfer)}
          shortcut="KeyT"
          testid="transfer"
          onPress={() => {
            transferring.value = true;
          }}
        />
      </div>
      {transferring.value && (
        <TransferDialog
          onClose={() => {
            transferring.value = false;
          }}
        />
      )}
      {keypad.value ? (
        <Keypad call={call.id} />
      ) : (
        <>
          {!call.transfer && <Mailbox call={call} />}
          <RecordButton call={call} onDemand={onDemand} />
          <DoNotCall about={{ call: call.id }} name={call.name} />
        </>
      )}
    </>
  );
}

/** What can be done with an answering machine. */
function Mailbox({ call }: { call: Call }) {
  const t = texts.value;
  const message = desk.value?.accepted?.card.message ?? "ready";
  const off = message === "ready" ? (call.held ? t.controls.heldFirst : "") : t.controls.noDrop[message];
  return (
    <>
      <Button
        icon="voicemail"
        label={call.voicemail_left ? t.controls.voicemailDone : t.controls.voicemailLeft}
        off={call.voicemail_left === true}
        shortcut="KeyV"
        testid="voicemail-left"
        onPress={() => void voicemailLeft()}
      />
      <Button
        icon="message"
        label={t.controls.dropMessage}
        hint={t.controls.dropHint}
        off={off}
        shortcut="KeyD"
        testid="drop-message"
        onPress={() => void dropMessage()}
      />
    </>
  );
}

function RecordButton({ call, onDemand }: { call: Call; onDemand: boolean }) {
  const t = texts.value;
  const state = call.recording === "recording" || call.recording === "paused" ? call.recording : "off";
  const action = onDemand ? (state === "off" ? "start" : "stop") : TOGGLES[state];
  if (!action) return null;
  const icons = { start: "record", stop: "stop", pause: "pause", resume: "play" } as const;
  return (
    <Button
      icon={icons[action]}
      label={t.record[action]}
      hint={t.recording[state]}
      shortcut="KeyR"
      testid="record"
      value={state}
      onPress={() => void record(action)}
    />
  );
}

/** What an agent may do with a recording that runs by itself. */
const TOGGLES = { off: null, recording: "pause", paused: "resume" } as const;
