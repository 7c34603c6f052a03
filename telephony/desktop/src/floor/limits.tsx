/** Limits as gauges, and what they refused in the last hour. */

import { sentence } from "../codes.ts";
import { decimal, moment, whole } from "../format.ts";
import { fill, named } from "../language.ts";
import { Icon } from "../ui/icon.tsx";
import { type Limit, limits, refusals } from "./data.ts";
import { words } from "./words.ts";

const NEARLY = 0.8; // of a limit from which it is worth a look

/** Whether a limit refuses calls now. */
export const pressing = (one: Limit): boolean => one.used >= one.limit;

export function LimitsPart() {
  const w = words.value.limits;
  return (
    <div class="part">
      {limits.value.length === 0 && <p class="panel empty">{w.none}</p>}
      <div class="gauges">
        {limits.value.map((one) => (
          <Gauge limit={one} key={`${one.scope} ${one.id}`} />
        ))}
      </div>
      <Refusals />
    </div>
  );
}

function Gauge({ limit }: { limit: Limit }) {
  const w = words.value.limits;
  const share = limit.limit ? Math.min(1, limit.used / limit.limit) : 1;
  const kind = pressing(limit) ? "full" : share >= NEARLY ? "nearly" : "room";
  const figures = fill(w.used, { used: whole(limit.used), limit: whole(limit.limit) });
  const note =
    limit.limit === 0
      ? w.closed
      : limit.used > limit.limit
        ? w.over
        : kind === "full"
          ? w.full
          : kind === "nearly"
            ? w.nearly
            : "";
  const label = named(w.scopes, limit.scope);
  return (
    <div
      class={`panel gauge ${kind}`}
      data-testid="limit"
      data-scope={limit.scope}
      data-used={limit.used}
      data-limit={limit.limit}
    >
      <p class="two">
        <small>{label}</small>
        <b dir="auto">{limit.name}</b>
      </p>
      <svg
        class="meter"
        role="meter"
        aria-label={`${label}: ${limit.name}`}
        aria-valuemin={0}
        aria-valuemax={limit.limit}
        aria-valuenow={Math.min(limit.used, limit.limit)}
        aria-valuetext={[figures, note].filter(Boolean).join(", ")}
        viewBox="0 0 100 8"
        preserveAspectRatio="none"
      >
        <rect class="room" width="100" height="8" />
        <rect class="used" width={share * 100} height="8" />
      </svg>
      <p class="figures">
        <span class="digits">{figures}</span>
        {limit.seconds !== null && <small>{fill(w.within, { s: decimal(limit.seconds) })}</small>}
        {note && (
          <span class="note">
            <Icon name={kind === "nearly" ? "info" : "warning"} /> {note}
          </span>
        )}
      </p>
    </div>
  );
}

function Refusals() {
  const w = words.value.limits;
  const items = refusals.value?.items ?? [];
  return (
    <div class="panel">
      <h2>{w.refusals}</h2>
      {items.length === 0 ? (
        <p class="muted">{w.noRefusals}</p>
      ) : (
        <div class="table-box" tabIndex={0} role="region" aria-label={w.refusals}>
          <table class="grid">
            <thead>
              <tr>
                <th scope="col">{w.code}</th>
                <th scope="col">{w.limit}</th>
                <th scope="col" class="figure">
                  {w.times}
                </th>
                <th scope="col">{w.last}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((one) => (
                <tr key={`${one.code} ${one.scope_id}`} data-testid="refused" data-code={one.code}>
                  <td data-label={w.code}>{sentence(one.code)}</td>
                  <td data-label={w.limit} dir="auto">
                    {one.name ?? ""}
                  </td>
                  <td data-label={w.times} class="figure">
                    {whole(one.n)}
                  </td>
                  <td data-label={w.last}>{moment(one.last_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
