/** Import of a list: the file, what its columns are, the first rows, the progress, and what was rejected. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Problem, upload } from "../api.ts";
import { texts } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { type Campaign, readCampaigns, told } from "./data.ts";
import { Done, Former, type Import, Running, size } from "./import_done.tsx";
import { FileChoice, found, type Preview, type Said, Shape } from "./import_file.tsx";
import { type Sending, send } from "./send.ts";
import { words } from "./words.ts";

const HEAD = 256 * 1024; // bytes of a file that the service looks at for a preview

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

function message(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  if (error.code === "NETWORK") return texts.value.unreachable;
  if (error.code === "STOPPED") return `${words.value.import.failedHead}. ${words.value.import.kept}`;
  return [error.body.detail, ...(error.body.errors ?? []).map((one) => one.message)].filter(Boolean).join(": ");
}
