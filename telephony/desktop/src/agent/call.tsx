/** The call at hand: its state and time, who answered, and what can be done with it. */

import type { Call } from "../desk.ts";
import { decimal } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Since } from "../ui/timer.tsx";
import { cancel, dropMessage, hangUp, record, voicemailLeft } from "./actions.ts";

const WAITING = new Set(["granted", "calling_agent", "placing", "ringing"]);

export function CallPanel({ call }: { call: Call }) {
  const t = texts.value;
  const offer = desk.value?.accepted ?? null;
  const talking = call.state === "talking";
  const waiting = WAITING.has(call.state);
  const cancelled = waiting && call.cancel_asked;
  const since = talking ? call.joined_at : (call.ringing_at ?? call.placed_at ?? call.granted_at);
  return (
    <section class={`panel actions call ${call.state}`} data-testid="call">
      <p class="count">
        <span data-testid="call-state">{cancelled ? t.call.cancelling : named(t.call, call.state)}</span>{" "}
        {since && <Since at={since} testid="call-since" />}
      </p>
      <p class="number">
        <bdi>{call.name}</bdi>{" "}
        <span class="digits" dir="ltr">
          {call.e164}
        </span>
      </p>
      {talking && <Verdict call={call} />}
      {waiting && (
        <Button
          icon="phoneDown"
          kind="stop"
          label={t.controls.cancel}
          off={offer?.end_call_enabled === false ? t.controls.noCancel : Boolean(cancelled)}
          shortcut="KeyC"
          testid="cancel"
          onPress={() => void cancel()}
        />
      )}
      {talking && (
        <>
          <Button
            icon="voicemail"
            label={call.voicemail_left ? t.controls.voicemailDone : t.controls.voicemailLeft}
            off={call.voicemail_left}
            shortcut="KeyV"
            testid="voicemail-left"
            onPress={() => void voicemailLeft()}
          />
          <Button
            icon="message"
            label={t.controls.dropMessage}
            hint={t.controls.dropHint}
            shortcut="KeyD"
            testid="drop-message"
            onPress={() => void dropMessage()}
          />
          <RecordButton call={call} onDemand={offer?.recording === "on_demand"} />
        </>
      )}
      {(talking || call.state === "answered") && (
        <Button
          icon="phoneDown"
          kind="stop"
          label={t.controls.hangUp}
          shortcut="KeyH"
          testid="hang-up"
          onPress={() => void hangUp()}
        />
      )}
    </section>
  );
}

function Verdict({ call }: { call: Call }) {
  const t = texts.value;
  return (
    <>
      {call.verdict && (
        <p class={`verdict ${call.verdict}`} role="status" data-testid="verdict" data-verdict={call.verdict}>
          <Icon
            name={
              call.verdict === "HUMAN"
                ? "person"
                : call.verdict === "MACHINE" || call.verdict === "FAX"
                  ? "machine"
                  : "info"
            }
          />
          <strong>{named(t.verdict, call.verdict)}</strong>
          {call.verdict_after != null && <small>{fill(t.after, { s: decimal(call.verdict_after) })}</small>}
        </p>
      )}
      {call.beep_after != null && (
        <p class="beep" role="status" data-testid="beep">
          <Icon name="bell" />
          <strong>{t.beep.head}</strong>
          <small>{fill(t.beep.text, { s: decimal(call.beep_after) })}</small>
        </p>
      )}
    </>
  );
}

function RecordButton({ call, onDemand }: { call: Call; onDemand: boolean }) {
  const t = texts.value;
  const state = call.recording === "recording" || call.recording === "paused" ? call.recording : "off";
  const action = onDemand
    ? state === "off"
      ? "start"
      : "stop"
    : state === "paused"
      ? "resume"
      : state === "recording"
        ? "pause"
        : null;
  if (!action) return null;
  return (
    <Button
      icon={action === "start" ? "record" : action === "stop" ? "stop" : action === "pause" ? "pause" : "play"}
      label={t.record[action]}
      hint={t.recording[state]}
      shortcut="KeyR"
      testid="record"
      onPress={() => void record(action)}
    />
  );
}
