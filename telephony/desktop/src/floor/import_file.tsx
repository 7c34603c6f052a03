/** The file of an import: chosen, and told how it is written. */

import { useSignal } from "@preact/signals";
import type { Schemas } from "../api.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { PreviewTable } from "./import_preview.tsx";
import { words } from "./words.ts";

export type Preview = Schemas["Preview"];

const ENCODINGS = ["utf-8", "utf-16", "windows-1252"] as const;
const DELIMITERS = [",", ";", "\t", "|"] as const;

/** What was said about the file; what was not is found out by the service. */
export interface Said {
  encoding?: string;
  delimiter?: string;
  header?: boolean;
  columns?: string[];
}

/** The shape of a file as a preview found it. */
export function found(preview: Preview): Said {
  return {
    encoding: preview.encoding,
    delimiter: preview.delimiter ?? undefined,
    header: preview.header,
    columns: preview.columns.map((one) => one.column),
  };
}

export function FileChoice({ onFile }: { onFile: (file: File | undefined) => void }) {
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

export function Shape({ preview, list, onList, onSaid, onRun }: ShapeProps) {
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
