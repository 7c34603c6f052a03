"""Presence: an open live feed, or any authenticated request in the last 30 s (SPEC section 4).

Kept in memory on the monotonic clock; after a start of the service everybody counts as just seen.
"""

from __future__ import annotations

import time

KEPT = 30.0
"""Seconds a request keeps an agent present."""


class Presence:
    """Who is at their desktop."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._open: dict[str, int] = {}
        self._since = time.monotonic()

    def seen(self, agent_id: str) -> None:
        self._seen[agent_id] = time.monotonic()

    def opened(self, agent_id: str) -> None:
        self._open[agent_id] = self._open.get(agent_id, 0) + 1

    def closed(self, agent_id: str) -> None:
        self._open[agent_id] = max(0, self._open.get(agent_id, 0) - 1)
        self.seen(agent_id)

    def restart(self) -> None:
        """Begin the clock anew for everybody: nobody could reach us until now."""
        self._since = time.monotonic()

    def holds(self, agent_id: str) -> bool:
        """True where the agent is present."""
        if self._open.get(agent_id):
            return True
        return time.monotonic() - max(self._seen.get(agent_id, 0.0), self._since) < KEPT
