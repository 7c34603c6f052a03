"""What is done to a call under way on Asterisk: hold and back, mute, digits, who else is in it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from telephony.model.monitoring import MonitorMode
from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami import Action, Message
from telephony.pbx.asterisk_book import MONITOR, THIRD, LegBook
from telephony.pbx.asterisk_moves import Moves
from telephony.pbx.asterisk_orders import port_errors
from telephony.pbx.port import OrderRefused, OrderUnsettled, UnknownLeg

KEYS_WITHIN = 12.0
"""Seconds 32 digits take (7 s), and then some; [pd-keys] ends by itself before."""


class Controls:
    """One for the switchboard. `send`: an AMI action to Asterisk."""

    def __init__(self, *, book: LegBook, moves: Moves, send: Callable[[Action], Awaitable[object]]) -> None:
        self._book = book
        self._moves = moves
        self._send = send
        self._keys: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by leg
        self._sending: dict[str, asyncio.Future[None]] = {}

    def take(self, message: Message) -> None:
        """A UserEvent of ours."""
        done = self._sending.get(message.text("Id"))
        if message.text("UserEvent") == "PdKeys" and done is not None and not done.done():
            done.set_result(None)

    async def park(self, leg: str) -> None:
        self._check_up(leg)
        async with self._moves.one_at_a_time(leg):
            if self._book.context(leg) == THIRD:
                await self._moves.go_to(leg, "hold", orders.send_to(leg, "hold", context=THIRD))
            else:
                await self._moves.go_to(leg, "parked", orders.send_customer_to(self._book.channel(leg), "parked"))

    async def join(self, leg: str, agent_leg: str) -> None:
        self._check_up(leg)
        self._check_up(agent_leg)
        async with self._moves.one_at_a_time(leg):
            if agent_leg in self._book.partners(leg):
                return
            if self._book.partners(leg):
                raise OrderRefused(f"leg {leg} talks to somebody else")
            # the dialplan takes the leg back to hold by itself after a call; it may still be on its way
            await self._moves.wait_in(agent_leg, "hold")
            channel, handed_over = self._book.channel(leg), self._book.context(agent_leg) == THIRD
            async with port_errors():
                await self._send(orders.set_partner(channel, agent_leg))
                if handed_over:
                    await self._send(orders.no_limit(agent_leg))
            if self._book.context(leg) == THIRD:
                redirect = orders.send_to(leg, "join", context=THIRD)
            else:
                redirect = orders.send_customer_to(channel, "handover" if handed_over else "rejoin")
            await self._moves.arrive(leg, lambda: agent_leg in self._book.partners(leg), redirect, what="joined")

    async def answer_to(self, leg: str, agent_leg: str) -> None:
        if not self._book.knows(leg):
            raise UnknownLeg(f"leg {leg} has no channel")
        async with port_errors():
            await self._send(orders.set_partner(self._book.channel(leg), agent_leg))

    async def change_monitor(self, leg: str, mode: MonitorMode) -> None:
        self._check_up(leg)
        async with self._moves.one_at_a_time(leg):
            await self._moves.redirect(leg, orders.send_to(leg, MonitorMode(mode).value, context=MONITOR))

    async def mute(self, agent_leg: str, *, muted: bool) -> None:
        self._check_up(agent_leg)
        async with port_errors():
            await self._send(orders.mute(agent_leg, muted=muted))

    async def send_digits(self, leg: str, digits: str) -> None:
        """By a channel of its own: the AMI action PlayDTMF lets every other order wait while a digit sounds."""
        self._check_up(leg)
        async with self._keys.setdefault(leg, asyncio.Lock()):
            name = str(uuid.uuid4())
            done = self._sending[name] = asyncio.get_running_loop().create_future()
            try:
                async with port_errors():
                    await self._send(orders.send_digits(self._book.channel(leg), digits, name=name))
                async with asyncio.timeout(KEYS_WITHIN):
                    await done
            except TimeoutError:
                raise OrderUnsettled(f"no word from [pd-keys] within {KEYS_WITHIN:g} s") from None
            finally:
                del self._sending[name]

    def _check_up(self, leg: str) -> None:
        if not self._book.knows(leg):
            raise UnknownLeg(f"leg {leg} has no channel")
        if not self._book.is_up(leg):
            raise OrderRefused(f"leg {leg} is not up")
