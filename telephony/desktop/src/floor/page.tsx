/** The supervisor's page: agents, campaigns, calls and limits as they are now, and what administrators set up. */

import "../styles/floor.css";
import { useEffect } from "preact/hooks";
import { Notices } from "../agent/notices.tsx";
import { tenant } from "../api.ts";
import { whole } from "../format.ts";
import { look, placed } from "../store.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { AgentsPart } from "./agents.tsx";
import { CallsPart } from "./calls.tsx";
import { CampaignsPart } from "./campaigns.tsx";
import { administers, agents, all, calls, campaigns, limits, role, tenants, told, watch } from "./data.ts";
import { LimitsPart, pressing } from "./limits.tsx";
import { PeoplePart } from "./people.tsx";
import { link, type Part, place } from "./place.ts";
import { words } from "./words.ts";

const ICONS: Record<Part, IconName> = {
  agents: "person",
  campaigns: "campaign",
  calls: "phone",
  limits: "gauge",
  people: "gear",
};

export function FloorPage() {
  const w = words.value;
  useEffect(watch, []);
  useEffect(() => {
    if (role.value === "admin") void chooseFrom();
  }, [role.value]);
  return (
    <main class="floor" data-testid="floor-page" aria-label={w.label}>
      <div class="floor-bar">
        <Parts />
        {role.value === "admin" && <TenantChoice />}
      </div>
      <Notices />
      {!place.value.campaign && <h1 class="unseen">{w.parts[place.value.part]}</h1>}
      {placed.value ? <Shown /> : <p class="panel">{tenants.value.length ? w.chooseTenant : w.noTenants}</p>}
    </main>
  );
}

function Shown() {
  switch (place.value.part) {
    case "agents":
      return <AgentsPart />;
    case "campaigns":
      return <CampaignsPart />;
    case "calls":
      return <CallsPart />;
    case "limits":
      return <LimitsPart />;
    case "people":
      return administers.value ? <PeoplePart /> : <AgentsPart />;
  }
}

function Parts() {
  const w = words.value;
  const counts: Record<Part, number | null> = {
    agents: agents.value.filter((one) => one.state !== "offline").length,
    campaigns: campaigns.value?.filter((one) => one.running).length ?? null,
    calls: calls.value.length,
    limits: null,
    people: null,
  };
  const parts = (Object.keys(w.parts) as Part[]).filter((one) => one !== "people" || administers.value);
  return (
    <nav class="parts" aria-label={w.label}>
      {parts.map((one) => (
        <a
          href={link(one)}
          key={one}
          aria-current={place.value.part === one ? "page" : undefined}
          data-testid={`tab-${one}`}
        >
          <Icon name={one === "limits" && limits.value.some(pressing) ? "warning" : ICONS[one]} />
          <span>{w.parts[one]}</span>
          {counts[one] !== null && <span class="badge">{whole(counts[one])}</span>}
        </a>
      ))}
    </nav>
  );
}

async function chooseFrom(): Promise<void> {
  try {
    tenants.value = await all("/tenants");
    const only = tenants.value[0];
    if (only && !tenant.peek()) await look(only.id);
  } catch (error) {
    told(error);
  }
}

function TenantChoice() {
  return (
    <label class="inline">
      <span>{words.value.tenant}</span>
      <select
        data-testid="tenant"
        value={tenant.value}
        onChange={(event) => void look(event.currentTarget.value).catch(told)}
      >
        {tenants.value.map((one) => (
          <option value={one.id} key={one.id}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}
