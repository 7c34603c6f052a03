"""The live feed: one reader follows the outbox and hands each event to the open desktops it is for.

A cursor is the id of the last event a client has; ids are in the order of commits. A client is joined to the
feed first and then given what it missed up to that moment, so nothing falls between.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from telephony.dialer.changes import Changes
from telephony.store import outbox, tail
from telephony.store.accounts import Role
from telephony.store.controls import FLOOR_ONLY
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.sessions import Caller
from telephony.store.tail import Line
from telephony.web.audience import Audience
from telephony.web.guard import Watched

log = logging.getLogger("telephony.web.feed")

LONGEST_WAIT = 1.0
"""Seconds between looks without a wake-up: what other processes wrote is seen that late at most."""

GATHER = 0.01
"""Seconds between a ring and the look: the few transactions of one step of a call are read at once."""

BATCH = 500
"""Events read at once."""

MOST_MISSED = 2_000
"""Events a returning client is given; with more it is quicker to read afresh."""

QUEUE = 256
"""Events that wait for one client: some minutes of a busy agent; a client that lags more is closed."""

CURSOR_PREFIX = "e"


Agents = frozenset[str] | None
"""Whose events are seen; None: those of all agents of the tenant."""


class Subscriber(Watched):
    """One open desktop: what it may see, and what waits for it. `now` tells whose events it may see by now."""

    def __init__(
        self, *, token: str, caller: Caller, tenant_id: str, agent_ids: Agents, now: Callable[[], Awaitable[Agents]]
    ) -> None:
        super().__init__(token=token, caller=caller)
        self.tenant_id = tenant_id
        self.agent_ids = agent_ids
        self._now = now
        self.queue: asyncio.Queue[tuple[int, str]] = asyncio.Queue(QUEUE)

    async def outdated(self) -> bool:
        return await self._now() != self.agent_ids

    def may_see(self, line: Line) -> bool:
        if line.kind == FLOOR_ONLY and self.caller.role is Role.AGENT:
            return False
        return line.tenant_id == self.tenant_id and (
            line.agent_id is None or self.agent_ids is None or line.agent_id in self.agent_ids
        )


class Feed:
    """Follows the outbox while started; `position` is the last event handed out."""

    def __init__(self, store: Store, changes: Changes, *, too_slow: int) -> None:
        self._store = store
        self._changes = changes
        self._too_slow = too_slow
        self._subscribers: Audience[Subscriber] = Audience()
        self._task: asyncio.Task[None] | None = None
        self._stopped: int | None = None
        self.position = 0
        self.lag = 0.0  # seconds from the moment of the last event to its handing out
        self.outcomes: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.recordings: Counter[str] = Counter()

    async def start(self) -> None:
        self.position = await self._store.run(outbox.latest)
        self._task = asyncio.create_task(self._follow(), name="live feed")

    async def stop(self, code: int) -> None:
        """Stop following and close every subscriber with this code, also one who joins from now on."""
        self._stopped = code
        for subscriber in self._subscribers:
            subscriber.end(code)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def subscribers(self) -> frozenset[Subscriber]:
        return frozenset(self._subscribers)

    def join(self, subscriber: Subscriber) -> int:
        """Hand events to it from now on; the cursor after which they begin."""
        self._subscribers.add(subscriber)
        if self._stopped is not None:
            subscriber.end(self._stopped)
        return self.position

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    async def missed(self, subscriber: Subscriber, since: str, joined_at: int) -> list[Line] | None:
        """What a returning client missed between its cursor and its joining; None: it must read afresh."""
        after = cursor_id(since)
        if after is None:
            return None

        def read(conn: Connection) -> list[Line] | None:
            if not outbox.oldest(conn) - 1 <= after <= outbox.latest(conn):
                return None
            return tail.between(conn, after, joined_at, tenant_id=subscriber.tenant_id, most=MOST_MISSED + 1)

        found = await self._store.run(read)
        if found is None or len(found) > MOST_MISSED:
            return None
        return [line for line in found if subscriber.may_see(line)]

    async def _follow(self) -> None:
        seen = 0  # what was written between the start and the first look counts as a ring
        while True:
            seen = await self._changes.wait(seen=seen, timeout=LONGEST_WAIT)
            await asyncio.sleep(GATHER)
            try:
                while len(await self._hand_out()) == BATCH:
                    pass
            except (SQLAlchemyError, StoreUnavailable) as error:
                log.warning("the outbox cannot be read: %s", type(error).__name__)
                await asyncio.sleep(LONGEST_WAIT)

    async def _hand_out(self) -> list[Line]:
        lines = await self._store.run(lambda conn: tail.after(conn, self.position, most=BATCH))
        for line in lines:
            self._count(line)
            viewers = self._subscribers.of(line.tenant_id, line.agent_id)
            message = message_of(line) if viewers else ""
            for subscriber in viewers:
                if not subscriber.may_see(line):
                    continue  # their agent's, and not for them
                try:
                    subscriber.queue.put_nowait((line.id, message))
                except asyncio.QueueFull:
                    subscriber.end(self._too_slow)
            self.position = line.id
        if lines:
            self.lag = (datetime.now(UTC) - lines[-1].at).total_seconds()
        return lines

    def _count(self, line: Line) -> None:
        if line.kind == "call.state" and '"outcome"' in line.payload:
            outcome = json.loads(line.payload).get("outcome")
            if outcome:
                self.outcomes[str(outcome)] += 1
        elif line.kind == "call.recording":
            told = json.loads(line.payload)
            if told.get("state") in ("kept", "failed"):
                self.recordings[str(told.get("error") or "kept")] += 1
        elif line.kind == "limit.reached":
            self.refusals[str(json.loads(line.payload).get("code"))] += 1


def message_of(line: Line) -> str:
    """The event as the client gets it; the payload is JSON text already."""
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    agent = f'"{line.agent_id}"' if line.agent_id else "null"
    return f'{{"kind":"{line.kind}","cursor":"{cursor(line.id)}","at":"{at}","agent":{agent},"data":{line.payload}}}'


def cursor(event_id: int) -> str:
    return f"{CURSOR_PREFIX}{event_id:x}"


def cursor_id(text: str) -> int | None:
    """The event id in a cursor; None for what is not one of ours."""
    try:
        return int(text.removeprefix(CURSOR_PREFIX), 16) if text.startswith(CURSOR_PREFIX) and len(text) < 20 else None
    except ValueError:
        return None
