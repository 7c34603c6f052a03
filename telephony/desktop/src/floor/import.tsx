/** Import of a list: the file, what its columns are, the first rows, the progress, and what was rejected. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address, api, Problem, type Schemas, upload } from "../api.ts";
import { moment, whole } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { all, type Campaign, readCampaigns, told } from "./data.ts";
import { PreviewTable } from "./import_preview.tsx";
import { type Sending, send } from "./send.ts";
import { words } from "./words.ts";

type Import = Schemas["Import"];
export type Preview = Schemas["Preview"];

const HEAD = 256 * 1024; // bytes of a file that the service looks at for a preview
const COUNTS_EVERY = 5_000; // ms

const ENCODINGS = ["utf-8", "utf-16", "windows-1252"] as const;
const DELIMITERS = [",", ";", "\t", "|"] as const;

/** What was said about the file; what was not is found out by the service. */
interface Said {
  encoding?: string;
  delimiter?: string;
  header?: boolean;
  columns?: string[];
}

type Stage =
  | { at: "choose" }
  | { at: "look"; file: File; preview: Preview | null; said: Said }
  | { at: "run"; file: File; sent: number; counts: Import | null }
  | { at: "done"; done: Import };

const mime = (file: File): string => (/\.(json|jsonl|ndjson)$/i.test(file.name) ? "application/json" : "text/csv");

function shape(said: Said): URLSearchParams {
  const query = new URLSearchParams();
  if (said.encoding) query.set("encoding", said.encoding);
  if (said.delimiter) query.set("delimiter", said.delimiter);
  if (said.header === false) query.set("header", "false");
  for (const one of said.columns ?? []) query.append("column", one);
  return query;
}

export function ImportView({ campaign }: { campaign: Campaign }) {
  const w = words.value.import;
  const stage = useSignal<Stage>({ at: "choose" });
  const list = useSignal("");
  const fault = useSignal("");
  const sending = useRef<Sending<Import> | null>(null);
  const formerRead = useSignal(0);

  const look = async (file: File, said: Said): Promise<void> => {
    fault.value = "";
    const before = stage.peek();
    stage.value = { at: "look", file, said, preview: before.at === "look" ? before.preview : null };
    const type = mime(file);
    const query = type === "text/csv" ? shape(said) : new URLSearchParams();
    try {
      const preview = await upload<Preview>(
        "POST",
        `/campaigns/${campaign.id}/contacts/preview?${query}`,
        type,
        file.slice(0, HEAD),
      );
      const now = stage.peek();
      if (now.at === "look" && now.file === file && now.said === said) stage.value = { ...now, preview };
    } catch (error) {
      fault.value = message(error);
    }
  };

  const choose = (file: File | undefined) => {
    if (!file) return;
    list.value = file.name.replace(/\.[^.]*$/, "").slice(0, 200) || "Contacts";
    stage.value = { at: "choose" };
    void look(file, {});
  };

  const run = async (): Promise<void> => {
    const now = stage.peek();
    if (now.at !== "look" || !now.preview) return;
    const { file, preview } = now;
    const type = mime(file);
    const query = type === "text/csv" ? shape(found(preview)) : new URLSearchParams();
    query.set("list", list.peek().trim() || "Contacts");
    query.set("source", file.name.slice(0, 200));
    stage.value = { at: "run", file, sent: 0, counts: null };
    fault.value = "";
    sending.current = send<Import>("POST", `/campaigns/${campaign.id}/contacts?${query}`, type, file, (sent) => {
      const running = stage.peek();
      if (running.at === "run") stage.value = { ...running, sent };
    });
    try {
      stage.value = { at: "done", done: await sending.current.done };
    } catch (error) {
      fault.value = message(error);
      stage.value = { at: "look", file, preview, said: found(preview) };
    }
    sending.current = null;
    formerRead.value += 1;
    void readCampaigns().catch(told);
  };

  useEffect(() => () => sending.current?.stop(), []);
  const again = () => {
    stage.value = { at: "choose" };
    fault.value = "";
  };
  const now = stage.value;
  return (
    <div class="column" data-testid="import" data-stage={now.at}>
      <section class="panel column">
        <h2>{w.head}</h2>
        {fault.value && (
          <p class="fault" role="alert" data-testid="import-fault">
            <Icon name="warning" /> <span>{fault.value}</span>
          </p>
        )}
        {now.at === "choose" && <FileChoice onFile={choose} />}
        {now.at === "look" && (
          <>
            <p class="file">
              <b dir="auto">{now.file.name}</b> <small>{size(now.file.size)}</small>
              <Button icon="undo" label={w.startOver} testid="start-over" onPress={again} />
            </p>
            {!now.preview && !fault.value && <p aria-live="polite">{w.reading}</p>}
            {now.preview && (
              <Shape
                preview={now.preview}
                list={list.value}
                onList={(name) => {
                  list.value = name;
                }}
                onSaid={(said) => void look(now.file, said)}
                onRun={() => void run()}
              />
            )}
          </>
        )}
        {now.at === "run" && (
          <Running file={now.file} sent={now.sent} campaign={campaign.id} onStop={() => sending.current?.stop()} />
        )}
        {now.at === "done" && <Done done={now.done} onAgain={again} />}
      </section>
      <Former campaign={campaign.id} when={formerRead.value} />
    </div>
  );
}

/** The shape of a file as a preview found it. */
function found(preview: Preview): Said {
  return {
    encoding: preview.encoding,
    delimiter: preview.delimiter ?? undefined,
    header: preview.header,
    columns: preview.columns.map((one) => one.column),
  };
}

function message(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  if (error.code === "NETWORK") return texts.value.unreachable;
  if (error.code === "STOPPED") return `${words.value.import.failedHead}. ${words.value.import.kept}`;
  return [error.body.detail, ...(error.body.errors ?? []).map((one) => one.message)].filter(Boolean).join(": ");
}

function size(bytes: number): string {
  return bytes < 1_000_000 ? `${whole(Math.ceil(bytes / 1000))} kB` : `${whole(bytes / 1_000_000)} MB`;
}

function FileChoice({ onFile }: { onFile: (file: File | undefined) => void }) {
  const w = words.value.import;
  const over = useSignal(false);
  return (
    <label
      class={over.value ? "filedrop over" : "filedrop"}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        onFile(event.dataTransfer?.files[0]);
      }}
    >
      <Icon name="upload" />
      <b>{w.choose}</b>
      <span>{w.drop}</span>
      <small>{w.fileHint}</small>
      <input
        type="file"
        accept=".csv,.txt,.tsv,.json,.jsonl,.ndjson,text/csv,application/json"
        data-testid="import-file"
        aria-label={w.file}
        onChange={(event) => {
          onFile(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

interface ShapeProps {
  preview: Preview;
  list: string;
  onList: (name: string) => void;
  onSaid: (said: Said) => void;
  onRun: () => void;
}

function Shape({ preview, list, onList, onSaid, onRun }: ShapeProps) {
  const w = words.value.import;
  const said = found(preview);
  const csv = preview.columns.length > 0;
  // the columns are guessed anew where the file is read in another way
  const reshape = (change: Said) => onSaid({ ...said, columns: undefined, ...change });
  return (
    <>
      {csv && (
        <div class="fields">
          <Field label={w.delimiter}>
            <select
              value={preview.delimiter ?? ""}
              data-testid="import-delimiter"
              onChange={(event) => reshape({ delimiter: event.currentTarget.value })}
            >
              {DELIMITERS.map((one) => (
                <option value={one} key={one}>
                  {w.delimiters[one]}
                </option>
              ))}
            </select>
          </Field>
          <Field label={w.encoding}>
            <select
              value={preview.encoding}
              data-testid="import-encoding"
              onChange={(event) => reshape({ encoding: event.currentTarget.value })}
            >
              {ENCODINGS.map((one) => (
                <option value={one} key={one}>
                  {one.toUpperCase()}
                </option>
              ))}
            </select>
          </Field>
          <label class="check">
            <input
              type="checkbox"
              checked={preview.header}
              data-testid="import-header"
              onChange={(event) => reshape({ header: event.currentTarget.checked })}
            />
            <span>{w.header}</span>
          </label>
        </div>
      )}
      <PreviewTable preview={preview} onColumns={(columns) => onSaid({ ...said, columns })} />
      <div class="fields">
        <Field label={w.list} hint={w.listHint}>
          <input
            value={list}
            maxLength={200}
            data-testid="import-list"
            onInput={(event) => onList(event.currentTarget.value)}
          />
        </Field>
      </div>
      <div class="row">
        <Button
          icon="upload"
          kind="main"
          label={w.start}
          off={preview.problem?.message ?? ""}
          testid="import-start"
          onPress={onRun}
        />
      </div>
    </>
  );
}

function Running({ file, sent, campaign, onStop }: { file: File; sent: number; campaign: string; onStop: () => void }) {
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

function Done({ done, onAgain }: { done: Import; onAgain: () => void }) {
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

function Former({ campaign, when }: { campaign: string; when: number }) {
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
