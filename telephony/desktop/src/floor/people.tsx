/** What administrators set up: users, teams, and the ways out. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, type Schemas } from "../api.ts";
import { decimal, whole } from "../format.ts";
import { named } from "../language.ts";
import { act } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { all, role, told } from "./data.ts";
import { type Draft, Edit } from "./edit.tsx";
import { words } from "./words.ts";

type User = Schemas["Account"];
type Team = Schemas["Team"];
type Trunk = Schemas["Trunk"];

/** What is being edited; an empty id: a new one. */
interface Edited {
  path: string;
  id: string;
  head: string;
  draft: Draft[];
}

export function PeoplePart() {
  const w = words.value.people;
  const users = useSignal<User[]>([]);
  const teams = useSignal<Team[]>([]);
  const trunks = useSignal<Trunk[]>([]);
  const cells = useSignal<Schemas["Cell"][]>([]);
  const edited = useSignal<Edited | null>(null);
  const read = async () => {
    [users.value, teams.value, trunks.value] = await Promise.all([
      all<User>("/users"),
      all<Team>("/teams"),
      all<Trunk>("/trunks"),
    ]);
    if (role.peek() === "admin") cells.value = await all("/cells");
  };
  useEffect(() => {
    read().catch(told);
  }, []);

  const userDraft = (one?: User): Draft[] => [
    { name: "username", kind: "text", label: w.username, value: one?.username ?? "", required: true },
    { name: "name", kind: "text", label: w.name, value: one?.name ?? "", required: true },
    {
      name: "role",
      kind: "choice",
      label: w.role,
      value: one?.role ?? "agent",
      choices: (["agent", "supervisor", "tenant_admin"] as const).map((key) => [key, w.roles[key]]),
    },
    {
      name: "password",
      kind: "password",
      label: w.password,
      value: "",
      hint: one ? w.passwordKeep : w.passwordHint,
      required: !one,
      leaveOut: true,
    },
    {
      name: "language",
      kind: "choice",
      label: w.language,
      value: one?.language ?? "en",
      choices: [
        ["en", "English"],
        ["es", "Español"],
      ],
    },
    { name: "phone", kind: "text", label: w.phone, value: one?.phone ?? "", hint: w.phoneHint, leaveOut: true },
    ...(one ? [{ name: "active", kind: "check", label: w.active, value: one.active } as Draft] : []),
  ];
  const teamDraft = (one?: Team): Draft[] => [
    { name: "name", kind: "text", label: w.name, value: one?.name ?? "", required: true },
    {
      name: "user_ids",
      kind: "several",
      label: w.members,
      value: one?.user_ids ?? [],
      choices: users.value.map((user) => [user.id, `${user.name} (${user.username})`]),
    },
  ];
  const trunkDraft = (one?: Trunk): Draft[] => [
    { name: "name", kind: "text", label: w.name, value: one?.name ?? "", required: true },
    {
      name: "dial_template",
      kind: "text",
      label: w.template,
      value: one?.dial_template ?? "PJSIP/{number}@",
      required: true,
    },
    { name: "max_channels", kind: "number", label: w.channels, value: one?.max_channels ?? 30 },
    { name: "max_calls_per_second", kind: "number", label: w.rate, value: one?.max_calls_per_second ?? 5 },
    { name: "max_ring", kind: "number", label: w.maxRing, value: one?.max_ring ?? 60 },
    { name: "position", kind: "number", label: w.position, value: one?.position ?? 1 },
    { name: "number_ranges", kind: "lines", label: w.ranges, hint: w.rangesHint, value: one?.number_ranges ?? [] },
    { name: "caller_ids", kind: "lines", label: w.callerIds, hint: w.callerIdsHint, value: one?.caller_ids ?? [] },
    {
      name: "cell_ids",
      kind: "several",
      label: w.cells,
      value: one?.cell_ids ?? cells.value.map((cell) => cell.id),
      choices: cells.value.map((cell) => [cell.id, cell.name]),
    },
    { name: "enabled", kind: "check", label: w.enabled, value: one?.enabled ?? true },
  ];
  const edit = (path: string, id: string, head: string, draft: Draft[]) => {
    edited.value = { path, id, head, draft };
  };
  const save = async (body: Record<string, unknown>) => {
    const now = edited.peek();
    if (!now) return;
    await (now.id ? api("PATCH", `${now.path}/${now.id}`, body) : api("POST", now.path, body));
    edited.value = null;
    await read();
  };
  return (
    <div class="part">
      <Block
        head={w.users}
        add={w.newUser}
        testid="new-user"
        onAdd={() => edit("/users", "", w.newUser, userDraft())}
        heads={[w.name, w.role, w.phone, w.active]}
        rows={users.value.map((one) => ({
          id: one.id,
          name: one.name,
          cells: [
            <span class="two" key="name">
              <b dir="auto">{one.name}</b>
              <small>{one.username}</small>
            </span>,
            named(w.roles, one.role),
            one.phone ?? "",
            one.active ? words.value.yes : w.inactive,
          ],
          onEdit: () => edit("/users", one.id, one.name, userDraft(one)),
        }))}
      />
      <Block
        head={w.teams}
        add={w.newTeam}
        testid="new-team"
        none={w.noTeams}
        onAdd={() => edit("/teams", "", w.newTeam, teamDraft())}
        heads={[w.name, w.members]}
        rows={teams.value.map((one) => ({
          id: one.id,
          name: one.name,
          cells: [
            <b dir="auto" key="name">
              {one.name}
            </b>,
            whole(one.user_ids.length),
          ],
          onEdit: () => edit("/teams", one.id, one.name, teamDraft(one)),
        }))}
      />
      <Block
        head={w.trunks}
        add={role.value === "admin" ? w.newTrunk : undefined}
        testid="new-trunk"
        none={w.noTrunks}
        onAdd={() => edit("/trunks", "", w.newTrunk, trunkDraft())}
        heads={[w.name, w.channels, w.rate, w.enabled]}
        rows={trunks.value.map((one) => ({
          id: one.id,
          name: one.name,
          cells: [
            <span class="two" key="name">
              <b dir="auto">{one.name}</b>
              <small>{one.dial_template}</small>
              <small>{one.tenant_id ? w.ofTenant : w.shared}</small>
            </span>,
            whole(one.max_channels),
            decimal(one.max_calls_per_second),
            one.enabled ? words.value.yes : words.value.no,
          ],
          onEdit: role.value === "admin" ? () => edit("/trunks", one.id, one.name, trunkDraft(one)) : undefined,
        }))}
      />
      {edited.value && (
        <Edit
          head={edited.value.head}
          drafts={edited.value.draft}
          isNew={!edited.value.id}
          onSave={save}
          onClose={() => {
            edited.value = null;
          }}
          onDelete={
            edited.value.id
              ? () =>
                  void act("delete", async () => {
                    const now = edited.peek();
                    edited.value = null;
                    if (now) await api("DELETE", `${now.path}/${now.id}`);
                    await read();
                  })
              : undefined
          }
        />
      )}
    </div>
  );
}

interface BlockRow {
  id: string;
  name: string;
  cells: preact.ComponentChildren[];
  onEdit?: () => void;
}

interface BlockProps {
  head: string;
  heads: string[];
  rows: BlockRow[];
  add?: string;
  none?: string;
  testid: string;
  onAdd: () => void;
}

function Block({ head, heads, rows, add, none, testid, onAdd }: BlockProps) {
  return (
    <section class="panel column">
      <header class="block-head">
        <h2>{head}</h2>
        {add && <Button icon="plus" label={add} testid={testid} onPress={onAdd} />}
      </header>
      {rows.length === 0 && none && <p class="muted">{none}</p>}
      {rows.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label={head}>
          <table class="grid">
            <thead>
              <tr>
                {heads.map((one) => (
                  <th scope="col" key={one}>
                    {one}
                  </th>
                ))}
                <th scope="col">{words.value.actions}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id} data-testid={`${testid.replace("new-", "")}-row`} data-value={row.id}>
                  {row.cells.map((cell, at) =>
                    at === 0 ? (
                      <th scope="row" key={at} data-label={heads[at]}>
                        {cell}
                      </th>
                    ) : (
                      <td key={at} data-label={heads[at]}>
                        {cell}
                      </td>
                    ),
                  )}
                  <td data-label={words.value.actions}>
                    {row.onEdit && (
                      <Button
                        icon="edit"
                        compact
                        label={`${words.value.edit}: ${row.name}`}
                        testid="edit"
                        onPress={row.onEdit}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
