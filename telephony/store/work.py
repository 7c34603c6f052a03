"""One transaction's hands: the connection, its moment, and what it has to tell the world once committed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from telephony.store import outbox
from telephony.store.engine import Store

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """What a transaction function gets. `now` is one moment for the whole transaction (aware UTC).

    `limits`: use and limit of each scope that this transaction has locked (store/grants.py), so that it asks once.
    """

    conn: Connection
    now: datetime
    limits: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    events: list[outbox.Event] = field(default_factory=list)
    steps: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    def tell(self, tenant_id: str, kind: str, payload: dict[str, Any], agent_id: str | None = None) -> None:
        """Put an event of the live feed into the outbox, to be seen when this transaction is committed."""
        self.events.append(outbox.Event(tenant_id=tenant_id, agent_id=agent_id, kind=kind, payload=payload))

    def stepped(self, what: str, id_: str, before: str, event: str, after: str) -> None:
        self.steps.append((what, id_, before, event, after))


async def change(store: Store, fn: Callable[[Work], T], *, urgent: bool = False) -> T:
    """Run `fn(work)` in one transaction, its events last; logs its steps, all in one line, once they are true.

    `urgent` as in `Store.run`.
    """
    works: list[Work] = []

    def transaction(conn: Connection) -> T:
        work = Work(conn, datetime.now(UTC))
        result = fn(work)
        outbox.write(conn, work.events, work.now)
        works.append(work)
        return result

    result = await store.run(transaction, urgent=urgent)
    if steps := works[-1].steps:
        log.info("%s", "; ".join(f"{what} {id_}: {old} --{event}--> {new}" for what, id_, old, event, new in steps))
    return result
