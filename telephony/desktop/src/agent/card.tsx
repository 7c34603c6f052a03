/** The contact: label, name, numbers with the one to be dialed, fields in their order, local time, history. */

import { useComputed } from "@preact/signals";
import { beat } from "../clock.ts";
import { sentence } from "../codes.ts";
import type { Card, Offer } from "../desk.ts";
import { decimal, moment, timeIn } from "../format.ts";
import { fill, named, texts } from "../language.ts";
import { desk } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { DoNotCall } from "./donotcall.tsx";
import { minimize } from "./minimized.ts";

/** Characters from which a field gets a box of its own to scroll in. */
const LONG = 400;

/** Characters of a name from which it may have to be scrolled. */
const LONG_NAME = 60;

/** Characters from which a field takes the whole width. */
const WIDE = 45;

export function CardPanel({ offer }: { offer: Offer }) {
  const t = texts.value;
  const { card, campaign } = offer;
  const open = desk.value?.offer?.id === offer.id;
  const counts = [
    card.attempts > 0 && fill(t.card.attempts, { n: card.attempts }),
    card.skips > 0 && fill(t.card.skips, { n: card.skips }),
    card.consent && t.card.consent,
  ].filter(Boolean);
  return (
    <section class="panel card" id="card" tabIndex={-1} data-testid="card" aria-labelledby="card-name">
      <div class="heading">
        <Icon name="campaign" />
        <span data-testid="card-label">{t.card.label}</span>
        <span class="muted" dir="auto" title={campaign.name}>
          {campaign.name}
        </span>
        <LocalTime card={card} />
        {open && offer.mode !== "preview" && (
          <Button
            icon="minimize"
            compact
            kind="plain"
            label={t.offer.minimize}
            testid="minimize"
            onPress={() => minimize(offer.id)}
          />
        )}
      </div>
      <h1 id="card-name" dir="auto" tabIndex={card.name.length > LONG_NAME ? 0 : undefined} data-testid="card-name">
        {card.name}
      </h1>
      <div class="reach">
        <ul class="numbers" aria-label={t.card.numbers} data-testid="card-numbers">
          {card.numbers.map((one) => (
            <li
              key={one.id}
              class={one.id === card.number.id ? "dials" : ""}
              data-testid={one.id === card.number.id ? "card-number" : "card-other-number"}
              data-e164={one.e164}
            >
              {one.id === card.number.id && <Icon name="phone" />}
              <span class="digits" dir="ltr">
                {one.e164}
              </span>
              {one.label && (
                <span class="one-line" dir="auto">
                  {one.label}
                </span>
              )}
              {one.id === card.number.id ? (
                <span class="tag">{open ? t.card.dials : t.card.called}</span>
              ) : (
                one.status && <span class="muted">{named(t.card.status, one.status)}</span>
              )}
            </li>
          ))}
        </ul>
        {open && <DoNotCall about={{ offer: offer.id }} name={card.name} ends={offer.expires_at} />}
      </div>
      {card.callback_at && (
        <p class="callout" data-testid="card-callback">
          <Icon name="clock" />
          {fill(t.card.callback, { time: moment(card.callback_at) })}
        </p>
      )}
      {card.fields.length > 0 && (
        <dl>
          {card.fields.map((one) => (
            <div key={one.name} class={isLong(one.value) ? "wide" : ""} data-testid="card-field" data-field={one.name}>
              <dt dir="auto" class={one.label === one.name ? "unnamed" : ""}>
                {one.label === one.name ? one.name.replaceAll("_", " ") : one.label}
              </dt>
              <Value value={one.value} label={one.label} />
            </div>
          ))}
        </dl>
      )}
      {counts.length > 0 && <p class="muted">{counts.join(" · ")}</p>}
      <History card={card} />
    </section>
  );
}

function Value({ value, label }: { value: unknown; label: string }) {
  const text = shown(value);
  if (text.length <= LONG) return <dd dir="auto">{text}</dd>;
  return (
    <dd>
      <div dir="auto" class="long" tabIndex={0} role="region" aria-label={label}>
        {text}
      </div>
    </dd>
  );
}

/** A field's value as text. */
export function shown(value: unknown): string {
  const t = texts.value;
  if (typeof value === "boolean") return value ? t.card.yes : t.card.no;
  if (typeof value === "number") return decimal(value);
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

const isLong = (value: unknown): boolean => typeof value === "string" && value.length > WIDE;

function LocalTime({ card }: { card: Card }) {
  const { zone } = card;
  const time = useComputed(() => (zone ? timeIn(zone, beat.value) : ""));
  const t = texts.value;
  return (
    <span class="there" data-testid="card-local-time" title={zone ? fill(t.card.zone, { zone }) : undefined}>
      <Icon name="clock" />
      {time.value ? fill(t.card.thereNow, { time: time.value }) : t.card.noZone}
    </span>
  );
}

function History({ card }: { card: Card }) {
  const t = texts.value;
  if (card.history.length === 0) return <p class="muted">{t.card.noHistory}</p>;
  return (
    <section class="history" data-testid="card-history">
      <h2>{t.card.history}</h2>
      <ol>
        {card.history.map((past) => (
          <li key={past.attempt}>
            <span class="muted">{moment(past.at)}</span> {sentence(past.outcome)}
            {past.agent && (
              <>
                {" · "}
                <bdi>{past.agent}</bdi>
              </>
            )}
            {past.note && (
              <blockquote
                dir="auto"
                class={past.note.length > LONG ? "long" : ""}
                tabIndex={past.note.length > LONG ? 0 : undefined}
              >
                {past.note}
              </blockquote>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
