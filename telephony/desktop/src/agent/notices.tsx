/** What the agent is told beside the state, the newest last; each can be closed. */

import { sentence } from "../codes.ts";
import type { Notice } from "../desk.ts";
import { moment } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { agent, desk, dismiss } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";

const BAD = new Set(["refused", "recording_failed", "transfer_failed", "do_not_call_failed"]);

export function Notices() {
  // the wrap-up itself says how its call ended
  const wrapping = agent.value?.state === "wrap_up";
  const notices = (desk.value?.notices ?? []).filter((one) => !wrapping || one.kind !== "ended");
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map((one, at) => {
        const { head, text } = worded(one);
        const bad = BAD.has(one.kind);
        return (
          <div
            class={bad ? "notice bad" : "notice"}
            key={at}
            data-testid={one.kind === "refused" ? "refusal" : one.kind === "ended" ? "failed" : "notice"}
            data-kind={one.kind}
            data-outcome={one.kind === "ended" ? one.outcome : ""}
            data-code={"code" in one ? (one.code ?? "") : ""}
          >
            <Icon name={bad ? "warning" : "info"} />
            <p>
              {head && (
                <>
                  <strong dir="auto">{head}</strong>
                  {" · "}
                </>
              )}
              <span dir="auto">{text}</span>
            </p>
            <Button
              icon="cross"
              compact
              kind="plain"
              label={texts.value.close}
              testid="notice-close"
              onPress={() => dismiss(one)}
            />
          </div>
        );
      })}
    </div>
  );
}

function worded(one: Notice): { head: string; text: string } {
  const t = texts.value;
  switch (one.kind) {
    case "refused": {
      const figures = one.limit != null ? fill(t.notice.figures, { used: one.used ?? 0, limit: one.limit }) : "";
      const said =
        one.code === "NETWORK"
          ? t.unreachable
          : one.limit != null
            ? sentence(one.code)
            : (one.detail ?? sentence(one.code));
      return { head: t.notice.refused, text: [said, figures].filter(Boolean).join(" · ") };
    }
    case "ended":
      return {
        head: fill(t.notice.ended, { name: one.name }),
        text: [one.outcome, one.code].filter(Boolean).map(sentence).join(" · "),
      };
    case "withdrawn":
      return { head: fill(t.notice.withdrawn, { name: one.name }), text: sentence(one.code) };
    case "timed_out":
      return { head: fill(t.notice.timedOut, { name: one.name }), text: named(t.notice.timedOutAction, one.action) };
    case "recording_failed":
      return { head: "", text: t.recording.failed };
    case "message_left":
      return { head: "", text: fill(t.notice.messageLeft, { name: one.name }) };
    case "none_due":
      return {
        head: "",
        text: one.due
          ? fill(t.campaign.nextDue, { campaign: one.campaign, time: moment(one.due) })
          : fill(t.campaign.nobodyDue, { campaign: one.campaign }),
      };
    case "do_not_call":
      return { head: "", text: fill(t.doNotCall[one.fate], { name: one.name || t.doNotCall.nameless }) };
    case "do_not_call_failed":
      return {
        head: fill(t.doNotCall.failed, { name: one.name || t.doNotCall.nameless }),
        text: sentence(one.code),
      };
    case "handed_over":
      return { head: "", text: fill(t.transfer.done, { to: one.to }) };
    case "transfer_failed":
      return { head: fill(t.transfer.failed, { to: one.to }), text: named(t.transfer.reasons, one.reason) };
  }
}
