/** The campaigns: which run, how far they are; and one of them with its progress, contacts, import and settings. */

import { useSignal } from "@preact/signals";
import { api } from "../api.ts";
import { whole } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { act } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Confirm } from "./confirm.tsx";
import { ContactsView } from "./contacts.tsx";
import { administers, type Campaign, campaigns, readCampaigns } from "./data.ts";
import { ImportView } from "./import.tsx";
import { MessagesView } from "./messages.tsx";
import { link, place, VIEWS } from "./place.ts";
import { ProgressView } from "./progress.tsx";
import { SettingsView } from "./settings.tsx";
import { words } from "./words.ts";

/** States of contacts that are still to be called. */
const LEFT = ["waiting", "offered", "in_attempt", "callback"] as const;

export function left(campaign: Campaign): { left: number; total: number } {
  const total = Object.values(campaign.counts).reduce((sum: number, n) => sum + (n ?? 0), 0);
  return { left: LEFT.reduce((sum, one) => sum + (campaign.counts[one] ?? 0), 0), total };
}

export function CampaignsPart() {
  const w = words.value.campaigns;
  const known = campaigns.value;
  const chosen = known?.find((one) => one.id === place.value.campaign);
  if (!known) return <p class="panel">{words.value.reading}</p>;
  if (chosen) return <OneCampaign campaign={chosen} />;
  return (
    <div class="part">
      {administers.value && (
        <div class="tools">
          <NewCampaign />
        </div>
      )}
      {known.length === 0 && (
        <p class="panel empty">
          {w.none} {administers.value && w.noneHint}
        </p>
      )}
      <ul class="campaigns">
        {known.map((one) => (
          <CampaignCard campaign={one} key={one.id} />
        ))}
      </ul>
    </div>
  );
}

function CampaignCard({ campaign }: { campaign: Campaign }) {
  const w = words.value.campaigns;
  const { left: n, total } = left(campaign);
  return (
    <li class="panel campaign" data-testid="floor-campaign" data-campaign={campaign.id} data-running={campaign.running}>
      <h2>
        <a href={link("campaigns", campaign.id)} data-testid="open" dir="auto">
          {campaign.name}
        </a>
      </h2>
      <p class="facts">
        <Running on={campaign.running} />
        <span class="tag">{words.value.modes[campaign.settings.mode]}</span>
        {campaign.team_ids.length === 0 && (
          <span class="warn">
            <Icon name="warning" /> {w.noTeam}
          </span>
        )}
      </p>
      <div class="share">
        <progress max={Math.max(1, total)} value={total - n} aria-label={fill(w.done, { n: whole(total - n) })} />
        <small class="digits">{fill(w.leftOf, { n: whole(n), total: whole(total) })}</small>
      </div>
      <StartStop campaign={campaign} />
    </li>
  );
}

function Running({ on }: { on: boolean }) {
  const w = words.value.campaigns;
  return (
    <span class={on ? "chip available" : "chip offline"}>
      <Icon name={on ? "play" : "stop"} />
      {on ? w.running : w.stopped}
    </span>
  );
}

function StartStop({ campaign }: { campaign: Campaign }) {
  const w = words.value.campaigns;
  const asking = useSignal(false);
  const run = (word: "start" | "stop") =>
    act(`run ${campaign.id}`, async () => {
      const changed = await api<Campaign>("POST", `/campaigns/${campaign.id}/${word}`);
      campaigns.value = campaigns.peek()?.map((one) => (one.id === changed.id ? changed : one)) ?? null;
    });
  return (
    <>
      {campaign.running ? (
        <Button
          icon="stop"
          label={w.stop}
          testid="stop"
          onPress={() => {
            asking.value = true;
          }}
        />
      ) : (
        <Button icon="play" kind="main" label={w.start} testid="start" onPress={() => void run("start")} />
      )}
      {asking.value && (
        <Confirm
          head={fill(w.stopHead, { name: campaign.name })}
          text={w.stopText}
          label={w.stop}
          onYes={() => void run("stop")}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </>
  );
}

function OneCampaign({ campaign }: { campaign: Campaign }) {
  const w = words.value;
  const view = place.value.view;
  return (
    <div class="part" data-testid="campaign" data-campaign={campaign.id}>
      <header class="panel campaign-head">
        <a class="button plain compact" href={link("campaigns")} data-testid="back" aria-label={w.back} title={w.back}>
          <Icon name="back" />
        </a>
        <h1 dir="auto">{campaign.name}</h1>
        <Running on={campaign.running} />
        <span class="tag">{named(w.modes, campaign.settings.mode)}</span>
        <span class="apart" />
        <StartStop campaign={campaign} />
      </header>
      <nav class="parts small" aria-label={campaign.name}>
        {VIEWS.map((one) => (
          <a
            href={link("campaigns", campaign.id, one)}
            key={one}
            aria-current={view === one ? "page" : undefined}
            data-testid={`view-${one}`}
          >
            {w.views[one]}
          </a>
        ))}
      </nav>
      {view === "progress" && <ProgressView campaign={campaign} key={campaign.id} />}
      {view === "contacts" && <ContactsView campaign={campaign} key={campaign.id} />}
      {view === "import" && <ImportView campaign={campaign} key={campaign.id} />}
      {view === "settings" && <SettingsView campaign={campaign} key={campaign.id} />}
      {view === "messages" && <MessagesView campaign={campaign} key={campaign.id} />}
    </div>
  );
}

function NewCampaign() {
  const w = words.value.campaigns;
  const open = useSignal(false);
  const name = useSignal("");
  const create = (event: Event) => {
    event.preventDefault();
    void act("create campaign", async () => {
      const made = await api<Campaign>("POST", "/campaigns", { name: name.peek() });
      await readCampaigns();
      open.value = false;
      name.value = "";
      location.hash = link("campaigns", made.id, "settings");
    });
  };
  return (
    <>
      <Button
        icon="plus"
        label={w.create}
        testid="new-campaign"
        onPress={() => {
          open.value = true;
        }}
      />
      {open.value && (
        <Dialog
          head={w.create}
          testid="new-campaign-dialog"
          onClose={() => {
            open.value = false;
          }}
        >
          <form onSubmit={create}>
            <Field label={w.name}>
              <input
                data-testid="campaign-name"
                required
                maxLength={200}
                value={name.value}
                onInput={(event) => {
                  name.value = event.currentTarget.value;
                }}
              />
            </Field>
            <div class="row">
              <Button kind="main" submit label={texts.value.save} testid="create" />
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
