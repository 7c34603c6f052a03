"""Legs that Asterisk calls failed before anything was heard of a channel: was there one, and if not, why.

Asterisk writes its OriginateResponse itself; the events of channels come by its message bus, which is behind on a busy
machine (measured on 22.10: by 0.3 s). So the "failure" of a leg that was refused at once, with 486 or 503, may come
before its Newchannel. Believed, it would turn a busy customer into a failed trunk, and ring the customer once more
through the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami import Action, AmiNotSent, AmiRefused, AmiUnsettled, Message
from telephony.pbx.asterisk_book import LegBook
from telephony.pbx.port import LegEnded

# Q.850 "subscriber absent": what an endpoint without a contact is.
ABSENT = 20
# Asterisk has not answered for seconds, or too much is asked of it: its link goes soon, or it has air again.
ASK_AGAIN_AFTER = 0.5


class UnmadeLegs:
    """Asks Asterisk itself, past its bus, about legs that the book still awaits."""

    def __init__(self, *, book: LegBook, send: Callable[[Action], Awaitable[Message]]) -> None:
        self._book = book
        self._send = send

    async def end_of(self, leg: str, channel: str) -> LegEnded | None:
        """The end of a leg for which no channel was made; None where its own events, or the next survey, tell.

        `channel`: the dial string.
        """
        state = ""
        while self._book.awaited(leg):  # until it appears; a lost link clears the book
            try:
                if await self._was_made(leg):
                    return None
                state = (await self._send(orders.device_state(channel))).text("Value")
                break
            except AmiRefused:
                break
            except (AmiNotSent, AmiUnsettled):
                await asyncio.sleep(ASK_AGAIN_AFTER)
        if not self._book.awaited(leg):
            return None
        self._book.never_made(leg)
        return LegEnded(
            leg=leg,
            at=asyncio.get_running_loop().time(),
            appeared=False,
            answered=False,
            rang=False,
            cause=ABSENT if state == "UNAVAILABLE" else 0,
            missing_endpoint=state == "INVALID",
        )

    async def _was_made(self, leg: str) -> bool:
        """True for a channel that is up, or that the flight recorder has the end of: in this order nothing slips by."""
        try:
            await self._send(orders.own_name(leg))
        except AmiRefused:
            return (await self._send(orders.has_recorded_end(leg))).text("Value") == "1"
        return True
