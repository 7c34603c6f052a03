/** The agent's page: campaign icon and tasks on the left, the contact in the middle, what can be done on the right. */

import { useEffect } from "preact/hooks";
import { fill, texts } from "../language.ts";
import { agent, desk } from "../store.ts";
import { announce } from "../ui/announce.tsx";
import { CallPanel } from "./call.tsx";
import { CardPanel } from "./card.tsx";
import { Decide } from "./decide.tsx";
import { Hint } from "./hint.tsx";
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
  const wrapping = me.state === "wrap_up" && call;
  const shown = offer ?? (call && accepted && call.offer === accepted.id ? accepted : null);
  return (
    <main
      class={shown ? "desk" : "desk empty"}
      data-testid="agent-page"
      data-state={me.state}
      data-reason={me.reason ?? ""}
      data-pbx={now.pbx ? "up" : "down"}
      data-call-state={call?.state ?? ""}
      data-call={call?.id ?? ""}
      data-offer={shown?.id ?? ""}
    >
      <Tasks />
      <div class="middle">
        <Notices />
        {shown ? <CardPanel key={shown.id} offer={shown} /> : <Hint />}
      </div>
      {(offer || call) && (
        <div class="right">
          {offer ? (
            <Decide key={offer.id} offer={offer} />
          ) : wrapping ? (
            <WrapUp key={call.id} call={call} />
          ) : call && call.state !== "ended" ? (
            <CallPanel key={call.id} call={call} />
          ) : (
            <Hint />
          )}
        </div>
      )}
    </main>
  );
}
