"""Every route of the service."""

from __future__ import annotations

from collections.abc import Iterator

from telephony.web import (
    administration_campaigns,
    administration_contacts,
    administration_detection,
    administration_imports,
    administration_installation,
    administration_messages,
    administration_people,
    calls,
    controls,
    floor,
    health,
    live,
    me,
    metrics,
    offers,
    phone,
    phone_socket,
    recordings,
    sessions,
)
from telephony.web.routes import Route

ALL = (
    sessions.routes,
    me.routes,
    phone.routes,
    offers.routes,
    calls.routes,
    controls.routes,
    recordings.routes,
    floor.routes,
    administration_campaigns.routes,
    administration_messages.routes,
    administration_detection.routes,
    administration_contacts.routes,
    administration_imports.routes,
    administration_people.routes,
    administration_installation.routes,
    live.routes,
    phone_socket.routes,
    health.routes,
    metrics.routes,
)


def all_routes() -> Iterator[Route]:
    for routes in ALL:
        yield from routes
