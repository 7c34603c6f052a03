"""Every route of the service."""

from __future__ import annotations

from collections.abc import Iterator

from telephony.web import calls, health, live, me, metrics, offers, sessions
from telephony.web.routes import Route

ALL = (
    sessions.routes,
    me.routes,
    offers.routes,
    calls.routes,
    live.routes,
    health.routes,
    metrics.routes,
)


def all_routes() -> Iterator[Route]:
    for routes in ALL:
        yield from routes
