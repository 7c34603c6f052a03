"""The books: what the database says, what Asterisk has up and what the customers saw must be one story."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from telephony.demo.call_log import Call
from telephony.store import schema

EARLY, LATE = timedelta(milliseconds=50), timedelta(seconds=3)
"""An INVITE comes at the earliest with the placing that was stored for it (clocks of two programs), and at the latest
three seconds after: orders wait so long for a busy Asterisk (`originate_wait`)."""

HANGS_AFTER = timedelta(seconds=25)
"""Longer than any wait of this run: an agent rung, reserved or dialing for so long is hanging."""

OURS = 36
"""Characters of a leg id; other account codes are of other lengths."""


@dataclass(slots=True)
class Books:
    """What is wrong, in words without customers' numbers, and the figures of a row of the report."""

    wrong: list[str] = field(default_factory=list)
    attempts: int = 0
    invites: int = 0
    not_placed: int = 0
    in_doubt: int = 0
    live: int = 0
    latest: float = 0.0

    def hold(self, true: bool, what: str) -> None:
        if not true:
            self.wrong.append(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Legs that are up on Asterisk, and the pairs (customer's, agent's leg or the other way round) that talk."""

    legs: frozenset[str]
    pairs: frozenset[frozenset[str]]

    @classmethod
    def of(cls, channels: Sequence[dict[str, str]]) -> Lines:
        """From the rows of CoreShowChannels."""
        # a customer's leg that an agent's leg dialed bears its id as account code only
        ours = [row for row in channels if len(row.get("AccountCode", "")) == OURS]
        bridges: dict[str, set[str]] = defaultdict(set)
        for row in ours:
            if row.get("BridgeId"):
                bridges[row["BridgeId"]].add(row["AccountCode"])
        return cls(
            legs=frozenset(row["AccountCode"] for row in ours),
            pairs=frozenset(frozenset(legs) for legs in bridges.values() if len(legs) == 2),
        )


def audit(conn: Connection, *, lines: Lines, calls: Sequence[Call], contacts: int) -> Books:
    """Compare everything at one moment at which nobody acts."""
    books = Books()
    attempts = list(conn.execute(select(schema.attempts)))
    _contacts(conn, books, attempts, contacts)
    _limits(conn, books, attempts)
    _lines(conn, books, attempts, lines)
    _agents(conn, books)
    _customers(conn, books, attempts, calls)
    return books


def _rows(conn: Connection, table: Any, *where: Any) -> list[Any]:
    return list(conn.execute(select(table).where(*where)))


def _contacts(conn: Connection, books: Books, attempts: list[Any], expected: int) -> None:
    """No contact is lost, none is in two hands, the counts are right."""
    contacts = _rows(conn, schema.contacts)
    books.hold(len(contacts) == expected, f"{len(contacts)} contacts instead of {expected}")
    counted = {row.state: row.contacts for row in _rows(conn, schema.contact_counts) if row.contacts}
    real = dict(Counter(row.state for row in contacts))
    books.hold(counted == real, f"contact counts say {counted}, there are {real}")
    held = {row.id for row in contacts if row.state in ("offered", "in_attempt")}
    busy = [row.contact_id for row in _rows(conn, schema.busy_numbers)]
    books.hold(Counter(busy) == Counter(held), f"{len(busy)} numbers are busy for {len(held)} contacts held")
    hands: Counter[str] = Counter(row.contact_id for row in _rows(conn, schema.offers, schema.offers.c.state == "open"))
    ringing = _rows(conn, schema.agents, schema.agents.c.state == "ringing")
    rung = {row.reservation_id for row in ringing}
    open_lines = _rows(conn, schema.reservations, schema.reservations.c.ended_at.is_(None))
    hands.update(row.contact_id for row in open_lines if row.id in rung)
    hands.update(row.contact_id for row in attempts if _holds(row))
    books.hold(
        hands == Counter(held), f"{len(held)} contacts are held by {sum(hands.values())} offers, rings and calls"
    )


def _holds(attempt: Any) -> bool:
    """Live, or talked and not wrapped up yet."""
    return attempt.state != "ended" or (attempt.joined_at is not None and attempt.wrapped_up_at is None)


def _limits(conn: Connection, books: Books, attempts: list[Any]) -> None:
    """Places are held by what is live, and by nothing else; the counters are their sum."""
    held: Counter[tuple[str, str]] = Counter()
    owners: dict[str, set[str]] = defaultdict(set)
    for row in _rows(conn, schema.grants, schema.grants.c.released_at.is_(None)):
        held[(row.scope, row.scope_id)] += row.units
        owners[row.scope].add(row.owner_id)
    used = Counter({(row.scope, row.scope_id): row.used for row in _rows(conn, schema.usage) if row.used})
    books.hold(used == held, f"counters say {dict(used)}, grants held are {dict(held)}")
    live = {row.id for row in attempts if row.state != "ended"}
    legs = _rows(conn, schema.legs, schema.legs.c.ended_at.is_(None))
    customer_legs = {row.id for row in legs if row.kind == "customer"}
    books.live = len(live)
    books.hold(owners["tenant"] == live, f"{len(owners['tenant'])} places of the tenant for {len(live)} live calls")
    books.hold(owners["data_center"] == live, f"{len(owners['data_center'])} of the data center for {len(live)} calls")
    books.hold(owners["trunk"] == customer_legs, f"{len(owners['trunk'])} of the trunk for {len(customer_legs)} legs")
    books.hold(owners["cell"] == {row.id for row in legs}, f"{len(owners['cell'])} of the cell for {len(legs)} legs")
    on_the_line = Counter(row.e164 for row in attempts if row.id in live)
    books.hold(all(n == 1 for n in on_the_line.values()), "a number is in two live calls")


def _lines(conn: Connection, books: Books, attempts: list[Any], lines: Lines) -> None:
    """Every leg the database believes in is up on Asterisk, and no other; who talks there, talks here."""
    # granted and not placed: the agent's phone comes first
    up = (schema.legs.c.ended_at.is_(None), schema.legs.c.placed_at.is_not(None))
    known = {row.id for row in _rows(conn, schema.legs, *up)}
    books.hold(lines.legs >= known, f"{len(known - lines.legs)} legs are gone from Asterisk and not settled")
    books.hold(lines.legs <= known, f"{len(lines.legs - known)} legs on Asterisk belong to nobody")
    by_attempt = {row.attempt_id: row.id for row in _rows(conn, schema.legs, schema.legs.c.attempt_id.is_not(None))}
    talking = {by_attempt[row.id] for row in attempts if row.state == "talking"}
    joined = {leg for pair in lines.pairs for leg in pair}
    books.hold(talking <= joined, f"{len(talking - joined)} calls are said to talk and are not joined")
    unknown = sum(row.state == "unknown" for row in attempts)
    books.hold(unknown == 0, f"{unknown} attempts are still unknown")


def _agents(conn: Connection, books: Books) -> None:
    """Nobody hangs."""
    now = datetime.now(UTC)
    open_lines = {row.id for row in _rows(conn, schema.reservations, schema.reservations.c.ended_at.is_(None))}
    for row in _rows(conn, schema.agents):
        with_line = row.state in ("ringing", "reserved", "previewing", "dialing")
        with_line &= row.state != "previewing" or row.reservation_id is not None  # shown without a line
        books.hold(not with_line or row.reservation_id in open_lines, f"an agent is {row.state} without a line")
        waits = row.state in ("ringing", "reserved", "dialing")
        since = now - row.state_since
        books.hold(not waits or since < HANGS_AFTER, f"an agent is {row.state} for {since.total_seconds():.0f} s")


def _customers(conn: Connection, books: Books, attempts: list[Any], calls: Sequence[Call]) -> None:
    """Each call that went out is one INVITE at the customers', by number and time; there is no INVITE without one."""
    outcomes = {row.id: row.outcome for row in attempts}
    placed: dict[str, list[Any]] = defaultdict(list)
    order = schema.legs.c.placed_at
    dialed = (schema.legs.c.kind == "customer", order.is_not(None))
    for leg in conn.execute(select(schema.legs).where(*dialed).order_by(order)):
        outcome = outcomes[leg.attempt_id]
        books.not_placed += outcome == "NOT_PLACED"
        if outcome != "NOT_PLACED":
            placed[leg.e164].append(leg)
    invited: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        invited[call.number].append(call)
    books.attempts, books.invites = len(attempts), len(calls)
    for number in placed.keys() | invited.keys():
        # of a crash of Asterisk it cannot be known whether the INVITE was out: it counts as out, nobody is rung twice
        doubt = [leg for leg in placed[number] if outcomes[leg.attempt_id] == "PBX_LOST"]
        if len(invited[number]) < len(placed[number]) and doubt:
            books.in_doubt += 1
            placed[number].remove(doubt[0])
        legs, rings = placed[number], invited[number]
        states = [outcomes[leg.attempt_id] or "live" for leg in legs]
        books.hold(len(legs) == len(rings), f"a number was rung {len(rings)} times for {len(legs)} calls {states}")
        for leg, ring in zip(legs, rings, strict=False):
            late = datetime.fromtimestamp(ring.invited_at, UTC) - leg.placed_at
            books.latest = max(books.latest, late.total_seconds())
            books.hold(-EARLY <= late <= LATE, f"an INVITE came {late.total_seconds():.3f} s after its placing")
    twice = conn.execute(
        select(schema.attempts.c.e164)
        .where(schema.attempts.c.outcome.is_distinct_from("NOT_PLACED"))
        .group_by(schema.attempts.c.e164)
        .having(func.count() > 1)
    ).all()
    books.hold(not twice, f"{len(twice)} numbers were called twice within the hour between two tries")
