/** What each column of a file is, and its first rows with what would reject them. */

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../api.ts";
import { whole } from "../format.ts";
import { fill } from "../language.ts";
import { Icon } from "../ui/icon.tsx";
import { all, told } from "./data.ts";
import type { Preview } from "./import_file.tsx";
import { words } from "./words.ts";

const MOST_NUMBERS = 5; // offered to choose from; the service knows ten

const ROLES = [
  "external_id",
  "name",
  "number",
  ...Array.from({ length: MOST_NUMBERS - 1 }, (_, at) => `number_${at + 2}`),
  "label",
  ...Array.from({ length: MOST_NUMBERS - 1 }, (_, at) => `label_${at + 2}`),
  "zone",
  "consent",
];

type FieldOf = Schemas["ContactField"];

interface PreviewProps {
  preview: Preview;
  onColumns: (columns: string[]) => void;
}

export function PreviewTable({ preview, onColumns }: PreviewProps) {
  const w = words.value.import;
  const fields = useSignal<FieldOf[]>([]);
  useEffect(() => {
    all<FieldOf>("/fields")
      .then((found) => {
        fields.value = found;
      })
      .catch(told);
  }, []);
  const bad = preview.rows.filter((one) => one.problem).length;
  const columns = preview.columns.map((one) => one.column);
  return (
    <>
      {preview.columns.length > 0 && (
        <div class="column">
          <h3>{w.columns}</h3>
          <p class="muted small">{w.columnsHint}</p>
          <ul class="mapping">
            {preview.columns.map((one, at) => {
              const heading = one.heading || fill(w.column, { n: at + 1 });
              return (
                <li key={at}>
                  <span class="two">
                    <b dir="auto">{heading}</b>
                    <small class="one-line" dir="auto">
                      {preview.rows[0]?.cells[at] ?? ""}
                    </small>
                  </span>
                  <Icon name="right" />
                  <Meaning
                    heading={heading}
                    column={one.column}
                    own={one.heading}
                    fields={fields.value}
                    onChange={(name) => onColumns(columns.with(at, name))}
                  />
                </li>
              );
            })}
          </ul>
        </div>
      )}
      {preview.problem && (
        <p class="fault" role="alert" data-testid="import-problem">
          <Icon name="warning" /> <span>{preview.problem.message}</span>
        </p>
      )}
      <h3>{w.preview}</h3>
      {!preview.problem && (
        <p class={bad ? "warn" : "muted"} role="status" data-testid="import-verdict" data-bad={bad}>
          {bad ? fill(w.bad, { n: whole(bad), total: whole(preview.rows.length) }) : w.good}
        </p>
      )}
      <div class="table-box" tabIndex={0} role="region" aria-label={w.preview}>
        <table class="grid preview">
          <thead>
            <tr>
              <th scope="col" class="figure">
                {w.row}
              </th>
              {preview.columns.map((one, at) => (
                <th scope="col" key={at} class={one.column ? "" : "left-out"} dir="auto">
                  {one.column ? meaning(one.column) : w.skipped}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.map((row) => (
              <Fragment key={row.row}>
                <tr class={row.problem ? "bad" : ""} data-testid="preview-row" data-bad={!!row.problem}>
                  <td class="figure">{whole(row.row)}</td>
                  {row.cells.map((cell, at) => (
                    <td key={at} dir="auto" class={preview.columns[at]?.column === "" ? "left-out" : ""}>
                      {cell}
                    </td>
                  ))}
                </tr>
                {row.problem && (
                  <tr class="bad">
                    <td />
                    <td colSpan={Math.max(1, preview.columns.length, row.cells.length)} class="error reason">
                      <Icon name="warning" />{" "}
                      {[spoken(row.problem.field), row.problem.message].filter(Boolean).join(": ")}
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** The name of a field at fault as the mapping shows it. */
const spoken = (field: string): string => (field ? meaning(field) : "");

function meaning(column: string): string {
  const w = words.value.import;
  const [, kind, n] = /^(number|label)_?(\d*)$/.exec(column) ?? [];
  if (kind === "number" && n) return fill(w.means.numberN, { n });
  if (kind === "label") return fill(w.means.label, { n: n || 1 });
  return (w.means as Record<string, string>)[column] ?? fill(w.field, { name: column });
}

interface MeaningProps {
  heading: string;
  column: string;
  /** The heading in the file, as which the column may become a field of its own. */
  own: string;
  fields: FieldOf[];
  onChange: (name: string) => void;
}

function Meaning({ heading, column, own, fields, onChange }: MeaningProps) {
  const w = words.value.import;
  const known = new Set(["", ...ROLES, ...fields.map((one) => one.name)]);
  const others = [...new Set([column, own])].filter((one) => one && !known.has(one));
  return (
    <select
      aria-label={`${heading}: ${w.meaning}`}
      value={column}
      data-testid="import-column"
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="">{w.skipped}</option>
      {ROLES.map((one) => (
        <option value={one} key={one}>
          {meaning(one)}
        </option>
      ))}
      {fields.map((one) => (
        <option value={one.name} key={one.id}>
          {fill(w.field, { name: one.label })}
        </option>
      ))}
      {others.map((one) => (
        <option value={one} key={one}>
          {fill(w.field, { name: one })}
        </option>
      ))}
    </select>
  );
}
