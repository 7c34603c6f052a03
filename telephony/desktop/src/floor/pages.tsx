/** A list that is read page by page, as a table with a button for more. */

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api.ts";
import { Button } from "../ui/button.tsx";
import { told } from "./data.ts";
import { words } from "./words.ts";

/** Rows of one page. */
const PAGE = 50;

export interface Pages<T> {
  /** Null until the first page is there. */
  rows: Signal<T[] | null>;
  /** Reads the next page; null: there is none. */
  more: (() => void) | null;
}

/** The list at an API path; another path (a filter, say) begins anew, and what was asked for before is not shown. */
export function usePages<T>(path: string): Pages<T> {
  const rows = useSignal<T[] | null>(null);
  const next = useSignal<string | null>(null);
  const asked = useRef("");
  const read = async (after: string): Promise<void> => {
    const query = `limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`;
    const page = await api<{ items: T[]; next: string | null }>(
      "GET",
      `${path}${path.includes("?") ? "&" : "?"}${query}`,
    );
    if (asked.current !== path) return;
    rows.value = after ? [...(rows.peek() ?? []), ...page.items] : page.items;
    next.value = page.next;
  };
  useEffect(() => {
    asked.current = path;
    read("").catch(told);
  }, [path]);
  const after = next.value;
  return { rows, more: after ? () => void read(after).catch(told) : null };
}

export interface Column {
  name: string;
  /** A number: on the right. */
  figure?: boolean;
}

interface TableProps<T> {
  pages: Pages<T>;
  label: string;
  columns: Column[];
  /** What is said where there are no rows. */
  empty: ComponentChildren;
  row: (one: T) => ComponentChildren;
}

export function PagedTable<T>({ pages, label, columns, empty, row }: TableProps<T>) {
  const rows = pages.rows.value;
  return (
    <>
      {rows?.length === 0 && <p class="panel empty">{empty}</p>}
      {rows && rows.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label={label}>
          <table class="grid">
            <thead>
              <tr>
                {columns.map((one) => (
                  <th scope="col" key={one.name} class={one.figure ? "figure" : undefined}>
                    {one.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{rows.map(row)}</tbody>
          </table>
        </div>
      )}
      {pages.more && <Button label={words.value.more} testid="more" onPress={pages.more} />}
    </>
  );
}
