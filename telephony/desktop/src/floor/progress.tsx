/** How far a campaign is: outcomes, contacts left, retry times, abandoned calls, and why nothing is dialing. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type Schemas } from "../api.ts";
import { sentence } from "../codes.ts";
import { moment, percent, whole } from "../format.ts";
import { fill, locale, named } from "../language.ts";
import { user } from "../store.ts";
import { Icon } from "../ui/icon.tsx";
import { type Bar, Bars, Columns } from "./chart.tsx";
import { type Campaign, progressed, told } from "./data.ts";
import { words } from "./words.ts";

type Progress = Schemas["Progress"];
type Why = Schemas["WhyNot"];
type Abandoned = Schemas["Abandoned"];

export function ProgressView({ campaign }: { campaign: Campaign }) {
  const w = words.value.progress;
  const progress = useSignal<Progress | null>(null);
  const why = useSignal<Why | null>(null);
  const abandoned = useSignal<Abandoned | null>(null);
  useEffect(() => {
    let here = true;
    const path = `/campaigns/${campaign.id}`;
    const read = <T,>(address: string, into: (found: T) => void) =>
      api<T>("GET", address)
        .then((found) => {
          if (here) into(found);
        })
        .catch(told);
    void read<Progress>(`${path}/progress`, (found) => {
      progress.value = found;
    });
    void read<Why>(`${path}/why`, (found) => {
      why.value = found;
    });
    void read<Schemas["CampaignDetails"]>(path, (found) => {
      abandoned.value = found.abandoned;
    });
    return () => {
      here = false;
    };
  }, [campaign.id, campaign.running, campaign.version, progressed.value, user.value?.language]);
  if (!progress.value) return <p class="panel">{words.value.reading}</p>;
  return (
    <div class="two-columns">
      <div class="column">
        {why.value && <WhyPanel why={why.value} />}
        {abandoned.value && <AbandonedPanel abandoned={abandoned.value} />}
      </div>
      <div class="column">
        <section class="panel">
          <h2>{w.outcomes}</h2>
          {progress.value.outcomes.length === 0 ? (
            <p class="muted">{w.noCalls}</p>
          ) : (
            <Bars
              heads={[w.outcome, w.all, w.today]}
              bars={progress.value.outcomes.map((one) => ({
                key: one.outcome,
                label: sentence(one.outcome),
                n: one.n,
                part: one.today,
              }))}
            />
          )}
        </section>
        <section class="panel">
          <h2>{w.contacts}</h2>
          <Bars
            heads={[w.contactState, w.count]}
            bars={Object.entries(progress.value.contacts).map(([state, n]) => ({
              key: state,
              label: named(words.value.contactStates, state),
              n: n ?? 0,
            }))}
          />
        </section>
        <DuePanel progress={progress.value} />
      </div>
    </div>
  );
}

function WhyPanel({ why }: { why: Why }) {
  const w = words.value.progress;
  const at = Date.parse(why.at);
  const soon = (when: string | null): boolean => when !== null && Date.parse(when) <= at + 1000;
  const standing = why.contacts.filter((one) => one.count > 0);
  return (
    <section class="panel why" data-testid="why" data-blocked={why.in_the_way.length > 0}>
      <h2>{w.why}</h2>
      {why.in_the_way.length > 0 ? (
        <>
          <p>{w.blocked}</p>
          <ul class="obstacles">
            {why.in_the_way.map((one) => (
              <li key={`${one.code} ${one.name}`} data-code={one.code}>
                <Icon name="warning" />
                <span>
                  {one.text}
                  {one.name && <b dir="auto"> {one.name}</b>}
                  {one.limit !== null && (
                    <span class="digits"> {fill(w.of, { n: whole(one.used ?? 0), total: whole(one.limit) })}</span>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p class="callout">
          <Icon name="check" />
          {why.dials_at === null
            ? w.nothing
            : soon(why.dials_at)
              ? w.dialsNow
              : fill(w.dialsAt, { time: moment(why.dials_at) })}
        </p>
      )}
      {why.in_the_way.length > 0 && why.next_contact_at && (
        <p class="muted">
          {soon(why.next_contact_at) ? w.nextNow : fill(w.contactAt, { time: moment(why.next_contact_at) })}
        </p>
      )}
      {standing.length > 0 && (
        <>
          <h3>{w.where}</h3>
          <ul class="standing">
            {standing.map((one) => (
              <li key={one.code} data-code={one.code}>
                <b class="digits">{whole(one.count)}</b>
                <span>
                  {one.text}
                  {one.until && <small> {fill(w.until, { time: moment(one.until) })}</small>}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {why.agents.length > 0 && (
        <>
          <h3>{w.agents}</h3>
          <ul class="standing">
            {why.agents.map((one) => (
              <li key={`${one.state} ${one.reason}`}>
                <b class="digits">{whole(one.count)}</b>
                <span>
                  {named(words.value.state, one.state)}
                  {one.reason && <small> {named(words.value.idle, one.reason)}</small>}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function AbandonedPanel({ abandoned }: { abandoned: Abandoned }) {
  const w = words.value.progress;
  const spans = [
    [w.abandoned24, abandoned.hours_24],
    [w.abandoned30, abandoned.days_30],
  ] as const;
  return (
    <section class="panel" data-testid="abandoned">
      <h2>{w.abandoned}</h2>
      <p class="muted small">{w.abandonedHint}</p>
      <dl class="figures-list">
        {spans.map(([label, one]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <b class="digits">{percent(one.rate)}</b>{" "}
              <small>{fill(w.of, { n: whole(one.abandoned), total: whole(one.abandoned + one.connected) })}</small>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function DuePanel({ progress }: { progress: Progress }) {
  const w = words.value.progress;
  const counts = [
    [w.dueNow, progress.due_now],
    [w.dueLater, progress.due_later],
    [w.neverDue, progress.never_due],
  ] as const;
  const hours = byHour(progress);
  return (
    <section class="panel" data-testid="due">
      <h2>{w.due}</h2>
      <dl class="figures-list">
        {counts.map(([label, n]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class="digits">
              <b>{whole(n)}</b>
            </dd>
          </div>
        ))}
      </dl>
      {progress.next_due.length === 0 ? (
        <p class="muted">{w.noDue}</p>
      ) : (
        <>
          <Columns bars={hours} label={w.due} heads={[w.hour, w.count]} />
          <p class="axis" aria-hidden="true">
            <span>{hours[0]?.label}</span>
            <span>{hours[Math.floor(hours.length / 2)]?.label}</span>
            <span>{hours.at(-1)?.label}</span>
          </p>
          <details>
            <summary>{words.value.table}</summary>
            <Bars heads={[w.hour, w.count]} bars={hours.filter((one) => one.n > 0)} />
          </details>
        </>
      )}
    </section>
  );
}

/** All hours up to the last one in which something becomes due, the empty ones too. */
function byHour(progress: Progress): Bar[] {
  const known = new Map(progress.next_due.map((one) => [Date.parse(one.at), one.n]));
  if (known.size === 0) return [];
  const first = Math.min(...known.keys());
  const last = Math.max(...known.keys());
  const made: Bar[] = [];
  for (let at = first; at <= Math.max(last, first + 11 * 3_600_000); at += 3_600_000) {
    const label = new Date(at).toLocaleTimeString(locale.value, { hour: "2-digit", minute: "2-digit" });
    made.push({ key: String(at), label, n: known.get(at) ?? 0 });
  }
  return made;
}
