/** The campaign icon and the list of what the agent has at hand. */

import type { Offer } from "../desk.ts";
import { named, texts } from "../language.ts";
import { agent, desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Drop } from "../ui/drop.tsx";
import { Icon } from "../ui/icon.tsx";
import { Since } from "../ui/timer.tsx";
import { askFor } from "./actions.ts";
import { shown } from "./card.tsx";
import { restore } from "./minimized.ts";

/** Fields of the card that the list shows. */
const SHOWN_FIELDS = 2;

export function Tasks() {
  const t = texts.value;
  const now = desk.value;
  if (!now) return null;
  const task = now.offer ?? (now.call ? now.accepted : null);
  return (
    <aside class="tasks" aria-label={t.tasks.head}>
      <CampaignButton />
      <ul class="tasklist">
        {task && <Task offer={task} />}
        {now.left.map((one) => (
          <li class="task" key={one.call} data-testid="task-message">
            <Icon name="message" />
            <span class="what">
              <b>{t.tasks.message}</b>
              <span dir="auto">{one.name}</span>
            </span>
          </li>
        ))}
        {!task && now.left.length === 0 && <li class="none">{t.tasks.none}</li>}
      </ul>
    </aside>
  );
}

function Task({ offer }: { offer: Offer }) {
  const t = texts.value;
  const now = desk.value;
  const me = agent.value;
  const state = now?.offer
    ? t.state.previewing
    : me?.state === "wrap_up"
      ? t.state.wrap_up
      : named(t.call, now?.call?.state);
  return (
    <li class="task" aria-current="true" data-testid="task">
      <Icon name="campaign" />
      <span class="what">
        <small>{t.card.label}</small>
        <b dir="auto">{offer.card.name}</b>
        <span class="muted one-line" dir="auto">
          {offer.campaign.name}
        </span>
        {offer.card.fields.slice(0, SHOWN_FIELDS).map((one) => (
          <span class="muted one-line" key={one.name} dir="auto">
            {shown(one.value)}
          </span>
        ))}
        <span>{state}</span>
      </span>
      <span class="when" title={t.tasks.since}>
        <Since at={offer.opened_at} testid="timer" />
        <span class="unseen">{t.tasks.since}</span>
      </span>
    </li>
  );
}

/** Opens the current offer; with campaigns to ask, and nothing at hand, the list of them. */
function CampaignButton() {
  const t = texts.value;
  const now = desk.value;
  const me = agent.value;
  const campaigns = now?.me.pull_campaigns ?? [];
  const offer = now?.offer ?? null;
  const asks = me?.state === "available" && !offer && campaigns.length > 0;
  const shows = offer !== null && offer.mode !== "preview";
  const off = shows ? "" : now?.call ? t.campaign.inCall : campaigns.length ? t.campaign.notAvailable : t.campaign.none;
  if (!asks) {
    return (
      <div class="campaign-button">
        <Button
          icon="campaign"
          label={t.campaign.open}
          shortcut="KeyN"
          off={off}
          testid="campaign-icon"
          onPress={restore}
        />
      </div>
    );
  }
  return (
    <Drop
      class="campaign-button"
      testid="campaigns"
      label={t.campaign.choose}
      button={(open, toggle) => (
        <Button
          icon="campaign"
          label={t.campaign.ask}
          shortcut="KeyN"
          expanded={open}
          testid="campaign-icon"
          onPress={toggle}
        />
      )}
    >
      {(close) =>
        campaigns.map((one) => (
          <Button
            key={one.id}
            label={one.name}
            testid="pull-campaign"
            value={one.id}
            onPress={() => {
              close();
              void askFor(one);
            }}
          />
        ))
      }
    </Drop>
  );
}
