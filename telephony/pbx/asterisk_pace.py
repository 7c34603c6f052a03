"""The pace of Originates: each leg once, and not more at a time than Asterisk can carry."""

from __future__ import annotations

import asyncio

from telephony.pbx.port import OrderRefused, PbxUnreachable

# Leg ids that were ordered, kept to refuse a second Originate. The store already places each leg once; this catches a
# repeat by mistake, and a repeat that comes hours later would still be refused by Asterisk while the first is up.
ORDERED_KEPT = 20_000


class OriginatePace:
    """Admits an Originate when fewer than `at_once` others have no channel yet, within `patience` seconds."""

    def __init__(self, *, at_once: int, patience: float) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._patience = patience
        self._ordered: dict[str, None] = {}  # in their order
        self._underway: set[str] = set()

    def check_new(self, leg: str) -> None:
        """Raises OrderRefused for a leg that was ordered before."""
        if leg in self._ordered:
            raise OrderRefused(f"leg {leg} was ordered before")

    def note(self, leg: str) -> None:
        """Remember that this leg was ordered."""
        self._ordered[leg] = None
        if len(self._ordered) > ORDERED_KEPT:
            del self._ordered[next(iter(self._ordered))]

    async def admit(self, leg: str) -> None:
        """Wait for a place. Raises PbxUnreachable when none becomes free."""
        self.note(leg)
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            del self._ordered[leg]
            raise PbxUnreachable(f"Asterisk does not keep up: no leg appeared for {self._patience:g} s") from None
        self._underway.add(leg)

    def not_sent(self, leg: str) -> None:
        """The Originate certainly did not go out: it may be ordered again."""
        self._ordered.pop(leg, None)
        self.through(leg)

    def through(self, leg: str) -> None:
        """The Originate has had its effect: its place is free."""
        if leg in self._underway:
            self._underway.remove(leg)
            self._places.release()

    def all_through(self) -> None:
        """The link is lost: nothing more will be heard of those under way."""
        for leg in tuple(self._underway):
            self.through(leg)
