/** The contacts of a campaign: looked up, removed, and put back. */

import { useSignal } from "@preact/signals";
import { address, api, type Schemas } from "../api.ts";
import { moment, whole } from "../format.ts";
import { fill, named } from "../language.ts";
import { act } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { administers, type Campaign } from "./data.ts";
import { PagedTable, usePages } from "./pages.tsx";
import { link } from "./place.ts";
import { words } from "./words.ts";

type Contact = Schemas["Contact"];

const STATES = ["waiting", "callback", "offered", "in_attempt", "done", "removed", "blocked"] as const;
const REMOVABLE = new Set<Contact["state"]>(["waiting", "callback", "offered", "done"]);

export function ContactsView({ campaign }: { campaign: Campaign }) {
  const w = words.value.contacts;
  const text = useSignal("");
  const asked = useSignal("");
  const state = useSignal("");
  const note = useSignal<{ contact: Contact; removed: boolean } | null>(null);

  const query = new URLSearchParams();
  if (asked.value) query.set("text", asked.value);
  if (state.value) query.set("state", state.value);
  const pages = usePages<Contact>(`/campaigns/${campaign.id}/contacts?${query}`);
  const { rows } = pages;

  const changed = (contact: Contact, removed: boolean) => {
    rows.value = rows.peek()?.map((one) => (one.id === contact.id ? contact : one)) ?? null;
    note.value = { contact, removed };
  };
  const restore = (contact: Contact) =>
    act(`contact ${contact.id}`, async () => {
      changed(await api<Contact>("POST", `/contacts/${contact.id}/restore`), false);
    });

  const total = Object.values(campaign.counts).reduce((sum: number, n) => sum + (n ?? 0), 0);
  return (
    <div class="column">
      <form
        class="tools"
        onSubmit={(event) => {
          event.preventDefault();
          asked.value = text.peek().trim();
        }}
      >
        <input
          type="search"
          aria-label={w.search}
          placeholder={w.search}
          data-testid="contact-search"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            if (!text.peek()) asked.value = "";
          }}
        />
        <Button submit icon="search" label={w.searchDo} testid="contact-search-do" />
        <select
          aria-label={w.state}
          data-testid="contact-state"
          value={state.value}
          onChange={(event) => {
            state.value = event.currentTarget.value;
          }}
        >
          <option value="">{w.everyState}</option>
          {STATES.map((one) => (
            <option value={one} key={one}>
              {`${words.value.contactStates[one]} (${whole(campaign.counts[one] ?? 0)})`}
            </option>
          ))}
        </select>
        {administers.value && (
          <a class="button" href={address(`/campaigns/${campaign.id}/contacts.csv`)} download>
            {w.csv}
          </a>
        )}
      </form>
      {note.value && (
        <p class="callout" role="status" data-testid="contact-note">
          <span dir="auto">{fill(note.value.removed ? w.removed : w.restored, { name: note.value.contact.name })}</span>
          {note.value.removed && (
            <Button
              label={w.undo}
              testid="undo"
              onPress={() => note.peek() && void restore((note.peek() as { contact: Contact }).contact)}
            />
          )}
        </p>
      )}
      <PagedTable
        pages={pages}
        label={words.value.views.contacts}
        columns={[
          { name: w.name },
          { name: w.numbers },
          { name: w.state },
          { name: w.due },
          { name: w.tries, figure: true },
          { name: words.value.actions },
        ]}
        empty={total === 0 ? <a href={link("campaigns", campaign.id, "import")}>{w.empty}</a> : w.none}
        row={(one) => (
          <ContactRow
            contact={one}
            key={one.id}
            onRemoved={(after) => changed(after, true)}
            onRestore={() => void restore(one)}
          />
        )}
      />
    </div>
  );
}

interface RowProps {
  contact: Contact;
  onRemoved: (after: Contact) => void;
  onRestore: () => void;
}

function ContactRow({ contact, onRemoved, onRestore }: RowProps) {
  const w = words.value.contacts;
  const asking = useSignal(false);
  const due = contact.state === "callback" ? contact.callback_at : contact.due_at;
  const rests = contact.state === "waiting" || contact.state === "callback";
  return (
    <tr data-testid="contact" data-contact={contact.id} data-state={contact.state}>
      <th scope="row" data-label={w.name}>
        <span class="two">
          <b dir="auto">{contact.name}</b>
          <small dir="auto">{contact.external_id}</small>
        </span>
      </th>
      <td data-label={w.numbers}>
        {contact.numbers.map((one) => (
          <span class="number-line" key={one.id}>
            <span class="digits">{one.e164}</span>
            {one.label && <small dir="auto"> {one.label}</small>}
            {one.status !== "open" && <small class="warn"> {named(w.numberStatus, one.status)}</small>}
          </span>
        ))}
      </td>
      <td data-label={w.state}>
        <span class="two">
          <span>{words.value.contactStates[contact.state]}</span>
          {contact.why && <small dir="auto">{contact.why}</small>}
        </span>
      </td>
      <td data-label={w.due}>{rests ? (due ? (Date.parse(due) <= Date.now() ? w.now : moment(due)) : w.never) : ""}</td>
      <td data-label={w.tries} class="figure">
        {whole(contact.attempts)}
      </td>
      <td data-label={words.value.actions}>
        {contact.state === "removed" && <Button icon="undo" label={w.restore} testid="restore" onPress={onRestore} />}
        {REMOVABLE.has(contact.state) && (
          <Button
            icon="remove"
            compact
            label={`${w.remove}: ${contact.name}`}
            testid="remove-contact"
            onPress={() => {
              asking.value = true;
            }}
          />
        )}
        {asking.value && (
          <RemoveDialog
            contact={contact}
            onRemoved={onRemoved}
            onClose={() => {
              asking.value = false;
            }}
          />
        )}
      </td>
    </tr>
  );
}

interface RemoveProps {
  contact: Contact;
  onRemoved: (after: Contact) => void;
  onClose: () => void;
}

function RemoveDialog({ contact, onRemoved, onClose }: RemoveProps) {
  const w = words.value.contacts;
  const why = useSignal("");
  const never = useSignal(false);
  const remove = (event: Event) => {
    event.preventDefault();
    onClose();
    const body = { ...(why.peek().trim() ? { why: why.peek() } : {}), do_not_call: never.peek() };
    void act(`contact ${contact.id}`, async () => {
      onRemoved(await api<Contact>("POST", `/contacts/${contact.id}/remove`, body));
    });
  };
  return (
    <Dialog
      head={<span dir="auto">{fill(w.removeHead, { name: contact.name })}</span>}
      testid="remove-dialog"
      onClose={onClose}
    >
      <form class="column" onSubmit={remove}>
        <p>{w.removeText}</p>
        <Field label={w.reason}>
          <input
            maxLength={200}
            value={why.value}
            data-testid="remove-why"
            onInput={(event) => {
              why.value = event.currentTarget.value;
            }}
          />
        </Field>
        <label class="check">
          <input
            type="checkbox"
            checked={never.value}
            data-testid="remove-never"
            onChange={(event) => {
              never.value = event.currentTarget.checked;
            }}
          />
          <span>{w.alsoDoNotCall}</span>
        </label>
        <div class="row">
          <Button submit kind="stop" icon="remove" label={w.remove} testid="remove-do" />
        </div>
      </form>
    </Dialog>
  );
}
