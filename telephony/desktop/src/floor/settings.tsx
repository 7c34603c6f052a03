/** A campaign's settings: each with what it does, its range and unit; checked here, and again by the service. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, Problem, type Schemas } from "../api.ts";
import { fill } from "../language.ts";
import { once } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { atFields, checked } from "./checks.ts";
import { administers, all, type Campaign, campaigns, told } from "./data.ts";
import { Choices } from "./group.tsx";
import { readRanges, type Settings } from "./schema.ts";
import { type Key, Setting } from "./setting.tsx";
import { words } from "./words.ts";

const GROUPS = {
  dialing: ["mode", "caller_id", "keep_line"],
  offer: ["offer_timeout", "offer_timeout_action", "disabled_actions", "skip_retry_after", "max_skips"],
  ringing: ["ring_limit", "reservation_ring_limit", "end_call_enabled"],
  machine: ["amd", "amd_treatment", "amd_parameters"],
  result: ["wrap_up_limit", "dispositions", "default_disposition", "max_attempts", "retry_after"],
  hours: ["calling_hours", "holidays"],
  card: ["card_fields", "recording"],
} as const satisfies Record<string, readonly Key[]>;

interface Draft {
  name: string;
  priority: number;
  team_ids: string[];
  settings: Settings;
}

const drafted = (campaign: Campaign): Draft =>
  structuredClone({
    name: campaign.name,
    priority: campaign.priority,
    team_ids: campaign.team_ids,
    settings: campaign.settings as Settings,
  });

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function SettingsView({ campaign }: { campaign: Campaign }) {
  const w = words.value.settings;
  const draft = useSignal<Draft>(drafted(campaign));
  const errors = useSignal<Record<string, string>>({});
  const saved = useSignal(false);
  const teams = useSignal<Schemas["Team"][]>([]);
  useEffect(() => {
    readRanges().catch(() => {}); // without them the service alone checks
    all<Schemas["Team"]>("/teams")
      .then((found) => {
        teams.value = found;
      })
      .catch(told);
  }, []);
  const before = drafted(campaign);
  const now = draft.value;
  const changed = (Object.keys(now.settings) as Key[]).filter((key) => !same(now.settings[key], before.settings[key]));
  const general = (["name", "priority", "team_ids"] as const).filter((key) => !same(now[key], before[key]));
  const count = changed.length + general.length;
  const found = checked(now.settings);
  const wrong = Object.keys(found).length > 0;
  const faults = { ...errors.value, ...found };

  const set = (change: Partial<Settings>) => {
    saved.value = false;
    errors.value = without(errors.peek(), Object.keys(change));
    draft.value = { ...draft.peek(), settings: { ...draft.peek().settings, ...change } };
  };
  const setGeneral = (change: Partial<Draft>) => {
    saved.value = false;
    errors.value = without(errors.peek(), Object.keys(change));
    draft.value = { ...draft.peek(), ...change };
  };
  const save = () =>
    once(`settings ${campaign.id}`, async () => {
      const body: Record<string, unknown> = Object.fromEntries(general.map((key) => [key, now[key]]));
      if (changed.length) body.settings = Object.fromEntries(changed.map((key) => [key, now.settings[key]]));
      try {
        const after = await api<Campaign>("PATCH", `/campaigns/${campaign.id}`, body);
        campaigns.value = campaigns.peek()?.map((one) => (one.id === after.id ? after : one)) ?? null;
        draft.value = drafted(after);
        errors.value = {};
        saved.value = true;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        errors.value = atFields(error);
        requestAnimationFrame(() => document.querySelector<HTMLElement>('.settings [aria-invalid="true"]')?.focus());
      }
    });
  const own = (key: string) => faults[key] ?? "";
  return (
    <form
      class="settings column"
      data-testid="settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (count && !wrong) void save();
      }}
    >
      <div class="panel savebar">
        <span role="status" data-testid="settings-status">
          {!administers.value
            ? w.readOnly
            : saved.value && count === 0
              ? words.value.saved
              : count
                ? fill(w.changed, { n: count })
                : w.unchanged}{" "}
          <small>{w.effect}</small>
        </span>
        <span class="apart" />
        {administers.value && (
          <>
            <Button
              icon="undo"
              label={w.discard}
              off={count ? "" : true}
              testid="settings-discard"
              onPress={() => {
                draft.value = drafted(campaign);
                errors.value = {};
              }}
            />
            <Button
              submit
              kind="main"
              icon="check"
              label={w.save}
              off={count && !wrong ? "" : true}
              testid="settings-save"
            />
          </>
        )}
        {Object.keys(faults).length > 0 && (
          <p class="fault" role="alert" data-testid="settings-fault">
            <Icon name="warning" /> <span>{faults[""] ? `${w.errors} ${faults[""]}` : w.errors}</span>
          </p>
        )}
      </div>
      <fieldset class="plain-set column" disabled={!administers.value}>
        <section class="panel column">
          <h2>{w.general}</h2>
          <div class="fields">
            <Field label={words.value.campaigns.name} error={own("name")}>
              <input
                value={now.name}
                required
                maxLength={200}
                data-testid="setting-name"
                onInput={(event) => setGeneral({ name: event.currentTarget.value })}
              />
            </Field>
            <Field
              label={words.value.campaigns.priority}
              hint={words.value.campaigns.priorityHint}
              error={own("priority")}
            >
              <input
                type="number"
                min={1}
                max={100}
                value={now.priority}
                data-testid="setting-priority"
                onInput={(event) => setGeneral({ priority: event.currentTarget.valueAsNumber })}
              />
            </Field>
          </div>
          <Choices
            label={words.value.campaigns.teams}
            error={own("team_ids")}
            choices={teams.value.map((one) => [one.id, one.name])}
            chosen={now.team_ids}
            testid="setting-team"
            onChange={(ids) => setGeneral({ team_ids: ids })}
          />
        </section>
        {(Object.keys(GROUPS) as (keyof typeof GROUPS)[]).map((group) => (
          <section class="panel column" key={group}>
            <h2>{w.groups[group]}</h2>
            <div class="fields">
              {GROUPS[group].map((key) => (
                <Setting key={key} name={key} settings={now.settings} fault={own} set={set} />
              ))}
            </div>
          </section>
        ))}
      </fieldset>
    </form>
  );
}

function without(errors: Record<string, string>, keys: string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(errors).filter(
      ([key]) => key !== "" && !keys.some((one) => key === one || key.startsWith(`${one}.`)),
    ),
  );
}
