/** The agent's page: campaign icon and tasks on the left, the contact in the middle, what can be done on the right. */

import { useEffect } from "preact/hooks";
import type { Call, Offer } from "../desk.ts";
import { fill, texts } from "../language.ts";
import { agent, desk } from "../store.ts";
import { announce } from "../ui/announce.tsx";
import { Button } from "../ui/button.tsx";
import { Until } from "../ui/timer.tsx";
import { CallPanel } from "./call.tsx";
import { CardPanel } from "./card.tsx";
import { Decide } from "./decide.tsx";
import { Hint } from "./hint.tsx";
import { minimized, restore } from "./minimized.ts";
import { Notices } from "./notices.tsx";
import { Tasks } from "./tasks.tsx";
import { WrapUp } from "./wrap.tsx";

export function AgentPage() {
  const now = desk.value;
  const me = agent.value;
  const offer = now?.offer ?? null;
  const t = texts.value;
  useEffect(() => {
    if (offer) announce(fill(t.offered, { name: offer.card.name, campaign: offer.campaign.name }));
  }, [offer?.id]);
  if (!now || !me) return null;
  const { call, accepted } = now;
  const shown = offer ?? (call && accepted && call.offer === accepted.id ? accepted : null);
  const aside = offer !== null && minimized.value === offer.id;
  return (
    <main
      class={shown ? "desk" : "desk empty"}
      data-testid="agent-page"
      data-state={me.state}
      data-reason={me.reason ?? ""}
      data-offer={shown?.id ?? ""}
      data-call={call?.id ?? ""}
      data-call-state={call?.state ?? ""}
      data-pbx={now.pbx ? "up" : "down"}
    >
      <Tasks />
      <div class="middle">
        <Notices />
        {aside ? <Aside offer={offer} /> : shown ? <CardPanel key={shown.id} offer={shown} /> : <Hint />}
      </div>
      {(offer || call) && !aside && (
        <div class="right">
          {offer ? <Decide key={offer.id} offer={offer} /> : call && <OfCall call={call} state={me.state} />}
        </div>
      )}
    </main>
  );
}

function OfCall({ call, state }: { call: Call; state: string }) {
  if (state === "wrap_up") return <WrapUp key={call.id} call={call} />;
  return call.state === "ended" ? null : <CallPanel key={call.id} call={call} />;
}

/** An offer whose card was put aside; its time runs on. */
function Aside({ offer }: { offer: Offer }) {
  const t = texts.value;
  return (
    <section class="panel hint" data-testid="minimized">
      <h1>{t.offer.minimized}</h1>
      {offer.expires_at && (
        <p class="count">
          <Until at={offer.expires_at} testid="countdown" action={offer.timeout_action} />{" "}
          {t.countdown[offer.timeout_action]}
        </p>
      )}
      <Button icon="campaign" kind="main" label={t.campaign.openNow} testid="restore" onPress={restore} />
    </section>
  );
}
