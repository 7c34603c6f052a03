/** An import under way, how one ended, and those before. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { address, api, type Schemas } from "../api.ts";
import { moment, whole } from "../format.ts";
import { fill, named } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { all, told } from "./data.ts";
import { words } from "./words.ts";

export type Import = Schemas["Import"];

const COUNTS_EVERY = 5_000; // ms

export function size(bytes: number): string {
  return bytes < 1_000_000 ? `${whole(Math.ceil(bytes / 1000))} kB` : `${whole(bytes / 1_000_000)} MB`;
}

export function Running({
  file,
  sent,
  campaign,
  onStop,
}: {
  file: File;
  sent: number;
  campaign: string;
  onStop: () => void;
}) {
  const w = words.value.import;
  const counts = useSignal<Import | null>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      api<{ items: Import[] }>("GET", `/imports?campaign=${campaign}&limit=1`)
        .then((page) => {
          counts.value = page.items.find((one) => one.state === "running") ?? counts.peek();
        })
        .catch(told);
    }, COUNTS_EVERY);
    return () => clearInterval(timer);
  }, []);
  const name = fill(w.running, { name: file.name });
  return (
    <div class="column" data-testid="import-running">
      <p dir="auto">{name}</p>
      <progress max={Math.max(1, file.size)} value={sent} aria-label={name} data-testid="import-progress" />
      <p class="muted" aria-live="off">
        {fill(w.sent, { sent: size(sent), total: size(file.size) })}
        {counts.value && ` · ${told3(counts.value)}`}
      </p>
      <p class="muted small">{w.keep}</p>
      <div class="row">
        <Button kind="stop" icon="stop" label={w.stop} testid="import-stop" onPress={onStop} />
      </div>
    </div>
  );
}

const told3 = (one: Import): string =>
  fill(words.value.import.counts, {
    added: whole(one.added),
    updated: whole(one.updated),
    rejected: whole(one.rejected),
  });

export function Done({ done, onAgain }: { done: Import; onAgain: () => void }) {
  const w = words.value.import;
  return (
    <div class="column" role="status" data-testid="import-done" data-state={done.state}>
      <p class="callout">
        <Icon name="check" /> <b>{w.doneHead}</b> <span dir="auto">{done.source}</span>
      </p>
      <dl class="figures-list">
        {(["added", "updated", "rejected"] as const).map((one) => (
          <div key={one} data-testid={`import-${one}`} data-n={done[one]}>
            <dt>{w[one]}</dt>
            <dd class="digits">
              <b>{whole(done[one])}</b>
            </dd>
          </div>
        ))}
      </dl>
      <div class="row">
        {done.rejected > 0 && <Rejected id={done.id} />}
        <Button icon="upload" label={w.again} testid="import-again" onPress={onAgain} />
      </div>
    </div>
  );
}

function Rejected({ id }: { id: string }) {
  const w = words.value.import;
  return (
    <a
      class="button"
      href={address(`/imports/${id}/rejections.csv`)}
      download
      title={w.rejectionsHint}
      data-testid="rejections"
    >
      <Icon name="download" /> <span class="label">{w.rejections}</span>
    </a>
  );
}

export function Former({ campaign, when }: { campaign: string; when: number }) {
  const w = words.value.import;
  const rows = useSignal<Import[] | null>(null);
  useEffect(() => {
    all<Import>(`/imports?campaign=${campaign}`)
      .then((found) => {
        rows.value = found;
      })
      .catch(told);
  }, [campaign, when]);
  return (
    <section class="panel column">
      <h2>{w.former}</h2>
      {rows.value?.length === 0 && <p class="muted">{w.noFormer}</p>}
      <ul class="formers">
        {rows.value?.map((one) => (
          <li key={one.id} data-testid="former-import" data-state={one.state}>
            <span class="two">
              <b dir="auto">{one.source || w.file}</b>
              <small>
                {moment(one.started_at)} · {named(w.states, one.state)}
              </small>
              {one.error && <small class="error">{one.error}</small>}
            </span>
            <span>{told3(one)}</span>
            {one.rejected > 0 && <Rejected id={one.id} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
