/** The countdown with what will happen then, and the four decisions. */

import { useEffect } from "preact/hooks";
import { now } from "../clock.ts";
import type { Offer } from "../desk.ts";
import { fill, texts } from "../language.ts";
import { announce } from "../ui/announce.tsx";
import { Button } from "../ui/button.tsx";
import { Bar, Until } from "../ui/timer.tsx";
import { decide } from "./actions.ts";
import { isAsked } from "./donotcall.tsx";

/** Seconds before the end at which screen readers are told. */
const TOLD_AT = [30, 10];

export function Decide({ offer }: { offer: Offer }) {
  const t = texts.value;
  const then = t.countdown[offer.timeout_action];
  const asked = isAsked(offer.id) ? t.doNotCall.first : "";
  const refused = (action: string) => asked || (offer.disabled_actions.includes(action) ? t.offer.notAllowed : "");
  const pulled = offer.mode === "preview";
  useEffect(() => {
    if (!offer.expires_at) return;
    const left = Date.parse(offer.expires_at) - now();
    const timers = TOLD_AT.filter((s) => left > s * 1000).map((s) =>
      setTimeout(() => announce(fill(texts.peek().secondsLeft, { s, then })), left - s * 1000),
    );
    return () => timers.forEach(clearTimeout);
  }, [offer.expires_at]);
  return (
    <section class="panel actions" data-testid="decide">
      {offer.expires_at ? (
        <>
          <p class="count">
            <Until at={offer.expires_at} testid="countdown" action={offer.timeout_action} />{" "}
            <span data-testid="countdown-action">{then}</span>
          </p>
          <Bar from={offer.opened_at} to={offer.expires_at} />
        </>
      ) : (
        <p class="count">{t.noLimit}</p>
      )}
      <Button
        icon="phone"
        kind="main"
        label={t.offer.accept}
        hint={t.offer.acceptHint}
        off={asked}
        shortcut="KeyA"
        testid="accept"
        onPress={() => void decide("accept")}
      />
      <Button
        icon="skip"
        label={t.offer.skip}
        hint={t.offer.skipHint}
        off={refused("skip")}
        shortcut="KeyS"
        testid="skip"
        onPress={() => void decide("skip")}
      />
      {!pulled && (
        <>
          <Button
            icon="remove"
            label={t.offer.remove}
            hint={t.offer.removeHint}
            off={refused("remove")}
            shortcut="KeyR"
            testid="remove"
            onPress={() => void decide("remove")}
          />
          <Button
            icon="leave"
            label={t.offer.leave}
            hint={t.offer.leaveHint}
            off={asked}
            shortcut="KeyL"
            testid="leave"
            onPress={() => void decide("leave")}
          />
        </>
      )}
    </section>
  );
}
