"""Failed sign-ins make the next ones wait: by user and address, by address, and by user."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_TRIES = 5
"""Wrong passwords of one user from one address before waiting begins: a person's own mistakes."""

FREE_TRIES_WIDE = 50
"""The same for one address (an office behind one router) and for one user from anywhere (guessing by many)."""

FIRST_WAIT = 10.0
"""Seconds after the last free try; doubles with each further one."""

LONGEST_WAIT = 900.0
FORGET_AFTER = 3600.0
MOST_REMEMBERED = 20_000
"""Keys kept; the oldest go first, so that inventing user names cannot fill the memory."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Throttle:
    """Counts failures; times in seconds of the monotonic clock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, username: str, address: str) -> float:
        """Seconds until this user may try again from this address; 0: now."""
        now = self._clock()
        return max(
            self._remaining((username, address), FREE_TRIES, now),
            self._remaining(("", address), FREE_TRIES_WIDE, now),
            self._remaining((username, ""), FREE_TRIES_WIDE, now),
        )

    def tried(self, username: str, address: str) -> None:
        """Count a try before its password is checked, so that many at one moment are not all free."""
        self._count((username, address))

    def failed(self, username: str, address: str) -> None:
        # the wide counts grow only here: a whole office signing in at nine has not failed
        self._count(("", address))
        self._count((username, ""))

    def succeeded(self, username: str, address: str) -> None:
        """Forget this user's mistakes from this address; the wide counts stay."""
        self._failures.pop((username, address), None)

    def _count(self, key: tuple[str, str]) -> None:
        now = self._clock()
        found = self._failures.pop(key, None)
        if found is None or now - found.last > FORGET_AFTER:
            found = _Failures(0, now)
        found.count += 1
        found.last = now
        self._failures[key] = found
        while len(self._failures) > MOST_REMEMBERED:
            self._failures.popitem(last=False)

    def _remaining(self, key: tuple[str, str], free: int, now: float) -> float:
        found = self._failures.get(key)
        if found is None or found.count < free or now - found.last > FORGET_AFTER:
            return 0.0
        wait = min(FIRST_WAIT * 2.0 ** min(found.count - free, 16), LONGEST_WAIT)
        return max(0.0, found.last + wait - now)
