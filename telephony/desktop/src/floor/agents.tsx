/** The agents as they are now. */

import { signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { whole } from "../format.ts";
import { fill, locale, named } from "../language.ts";
import { agent as desk } from "../store.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Since, Until } from "../ui/timer.tsx";
import { AgentDeeds, type Monitored } from "./agent_deeds.tsx";
import { agents, floor } from "./data.ts";
import { COLUMNS, type Column, type Order, pressed, sorted } from "./order.ts";
import type { Agent } from "./patch.ts";
import { words } from "./words.ts";

export const STATE_ICONS: Record<Agent["state"], IconName> = {
  offline: "out",
  idle: "pause",
  available: "check",
  ringing: "bell",
  reserved: "clock",
  previewing: "card",
  dialing: "transfer",
  talking: "phone",
  wrap_up: "edit",
};

export function AgentsPart() {
  const w = words.value;
  const text = useSignal("");
  const team = useSignal("");
  const state = useSignal<Agent["state"] | "">("");
  const rows = useRows();
  const known = agents.value;
  const teams = new Map(known.flatMap((one) => one.teams).map((one) => [one.id, one.name]));
  const inTeam = known.filter((one) => !team.value || one.teams.some((of) => of.id === team.value));
  const found = inTeam.filter((one) => (!state.value || one.state === state.value) && has(one, text.value));
  const shown = sorted(found, order.value, w.state, locale.value);
  return (
    <div class="part">
      <div class="tools">
        <input
          type="search"
          aria-label={w.agents.search}
          placeholder={w.agents.search}
          data-testid="agent-search"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        {teams.size > 1 && (
          <select
            aria-label={w.agents.team}
            value={team.value}
            data-testid="agent-team"
            onChange={(event) => {
              team.value = event.currentTarget.value;
            }}
          >
            <option value="">{w.agents.everyTeam}</option>
            {[...teams].map(([id, name]) => (
              <option value={id} key={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        <div class="states" role="group" aria-label={w.agents.states}>
          {(Object.keys(STATE_ICONS) as Agent["state"][]).map((one) => {
            const count = inTeam.filter((agent) => agent.state === one).length;
            return (
              <button
                type="button"
                key={one}
                class={`chip ${one}`}
                aria-pressed={state.value === one}
                data-testid="state-filter"
                data-value={one}
                onClick={() => {
                  state.value = state.value === one ? "" : one;
                }}
              >
                <Icon name={STATE_ICONS[one]} />
                <span>{w.state[one]}</span>
                <b class="digits">{whole(count)}</b>
              </button>
            );
          })}
        </div>
      </div>
      {known.length === 0 && <p class="panel empty">{w.agents.none}</p>}
      {known.length > 0 && shown.length === 0 && <p class="panel empty">{w.agents.nobody}</p>}
      {shown.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label={w.agents.head}>
          <table class="grid agents">
            <thead>
              <tr>
                {COLUMNS.map((one) => (
                  <Head column={one} key={one} />
                ))}
                <th scope="col">{w.actions}</th>
              </tr>
            </thead>
            <tbody>{shown.map((one) => rows(one))}</tbody>
          </table>
        </div>
      )}
      {known.length > 0 && (
        <p class="muted small" role="status">
          {fill(w.agents.count, { n: whole(shown.length), total: whole(known.length) })}
        </p>
      )}
    </div>
  );
}

/** Kept while other parts of the floor are looked at. */
const order = signal<Order>({ by: "name", down: false });

/** A column's head: pressed, the agents stand in its order. */
function Head({ column }: { column: Column }) {
  const { by, down } = order.value;
  const mine = by === column;
  return (
    <th scope="col" aria-sort={mine ? (down ? "descending" : "ascending") : undefined} data-testid={`head-${column}`}>
      <button
        type="button"
        class="sort"
        data-testid={`sort-${column}`}
        onClick={() => {
          order.value = pressed(order.peek(), column);
        }}
      >
        {words.value.agents[column]}
        {mine && <Icon name={down ? "down" : "up"} />}
      </button>
    </th>
  );
}

/** The row of an agent; the same one as before where nothing of it has changed, so that it is not compared again. */
function useRows(): (agent: Agent) => VNode {
  const drawn = useRef(new Map<string, { of: unknown[]; row: VNode }>());
  const calls = floor.value.calls;
  const [w, phone] = [words.value, desk.value?.phone];
  return (agent) => {
    const monitored = calls.get(agent.call?.id ?? "")?.monitored ?? null;
    const of = [agent, monitored, w, phone];
    const before = drawn.current.get(agent.id);
    if (before?.of.every((one, at) => one === of[at])) return before.row;
    const row = <AgentRow agent={agent} monitored={monitored} key={agent.id} />;
    drawn.current.set(agent.id, { of, row });
    return row;
  };
}

function has(agent: Agent, text: string): boolean {
  const wanted = text.trim().toLocaleLowerCase();
  const where = [agent.name, agent.username, agent.phone, agent.campaign?.name, agent.contact?.name];
  return !wanted || where.some((one) => one?.toLocaleLowerCase().includes(wanted));
}

function AgentRow({ agent, monitored }: { agent: Agent; monitored: Monitored }) {
  const w = words.value;
  const call = agent.call && agent.call.state !== "ended" ? agent.call : null;
  const detail =
    agent.state === "idle"
      ? named(w.idle, agent.reason)
      : call && agent.state !== "talking"
        ? named(w.call, call.state)
        : "";
  const teams = agent.teams.map((one) => one.name).join(", ");
  return (
    <tr data-testid="floor-agent" data-agent={agent.id} data-state={agent.state} data-reason={agent.reason ?? ""}>
      <th scope="row" data-label={w.agents.name}>
        <span class="two">
          <b dir="auto">{agent.name}</b>
          <small class="one-line" title={teams}>
            {agent.username}
            {teams && ` · ${teams}`}
          </small>
        </span>
      </th>
      <td data-label={w.agents.state}>
        <span class="two">
          <span class={`chip ${agent.state}`}>
            <Icon name={STATE_ICONS[agent.state]} />
            {w.state[agent.state]}
          </span>
          {detail && <small>{detail}</small>}
          {agent.wish && <small>{fill(w.agents.wish, { state: named(w.state, agent.wish) })}</small>}
        </span>
      </td>
      <td data-label={w.agents.since}>
        <Since at={agent.since} />
        {agent.offer_until && (
          <small class="left">
            <Icon name="clock" /> <Until at={agent.offer_until} />
          </small>
        )}
      </td>
      <td data-label={w.agents.campaign} dir="auto">
        {agent.campaign?.name ?? ""}
      </td>
      <td data-label={w.agents.contact} dir="auto">
        {agent.contact?.name ?? ""}
      </td>
      <td data-label={w.actions}>
        <AgentDeeds agent={agent} call={call?.id ?? ""} monitored={monitored} />
      </td>
    </tr>
  );
}
