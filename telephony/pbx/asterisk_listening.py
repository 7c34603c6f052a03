"""Listening to a leg: one more channel of Asterisk spies on it and brings its sound to the ears."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from telephony.ears.ears import Ears, EarsUnable
from telephony.ears.finds import Find
from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami import Action
from telephony.pbx.asterisk_book import LegBook
from telephony.pbx.asterisk_orders import port_errors
from telephony.pbx.port import (
    LISTEN_AFTER,
    LISTENING_LIMIT,
    BeepHeard,
    LegAnswered,
    LegEnded,
    LegEvent,
    OrderRefused,
    SpeechEnded,
    SwitchboardError,
    UnknownLeg,
)

log = logging.getLogger(__name__)


class Listening:
    """Which legs are listened to, by order or from their answer on.

    `address`: host:port of the ears as Asterisk reaches them, empty: `host` and the port. `send`: an AMI action to
    Asterisk. `tell`: takes what was heard.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        address: str,
        book: LegBook,
        send: Callable[[Action], Awaitable[object]],
        tell: Callable[[LegEvent], None],
    ) -> None:
        self.ears = Ears(host=host, port=port, on_find=self._found, on_lost=self._lost)
        self._host = host
        self._address = address
        self._book = book
        self._send = send
        self._tell = tell
        self._at_answer: set[str] = set()
        self._at_work: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by leg
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take the port. Raises OrderRefused where it cannot be had."""
        try:
            await self.ears.start()
        except OSError as error:
            where = f"{self._host}:{self.ears.port}"
            raise OrderRefused(f"cannot listen for AudioSocket on {where}: {error.strerror or error}") from None

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.ears.stop()

    def from_answer_on(self, leg: str) -> None:
        """Begin to listen to this leg `LISTEN_AFTER` its answer."""
        self._at_answer.add(leg)

    def happened(self, event: LegEvent) -> None:
        """A leg's own news: answered, ended."""
        match event:
            case LegAnswered() if event.leg in self._at_answer:
                self._at_answer.discard(event.leg)
                self._listen_soon(event.leg, after=LISTEN_AFTER)
            case LegEnded():
                self._at_answer.discard(event.leg)

    async def listen(self, leg: str) -> None:
        """As the port's order."""
        if not self._book.knows(leg):
            raise UnknownLeg(f"leg {leg} has no channel")
        if not self._book.is_up(leg):
            raise OrderRefused(f"leg {leg} is not up")
        async with self._at_work.setdefault(leg, asyncio.Lock()):
            await self._listen(leg)

    async def _listen(self, leg: str) -> None:
        if self.ears.hears(leg):
            self.ears.go_on(leg, LISTENING_LIMIT)
            return
        try:
            name = await self.ears.expect(leg, LISTENING_LIMIT)
        except EarsUnable as error:
            raise OrderRefused(str(error)) from None
        address = self._address or f"{self._host}:{self.ears.port}"
        try:
            async with port_errors():
                await self._send(orders.listen(leg, self._book.channel(leg), address=address, name=name))
        except SwitchboardError:
            self.ears.never_mind(leg)
            raise

    def _listen_soon(self, leg: str, *, after: float = 0.0) -> None:
        async def listen() -> None:
            await asyncio.sleep(after)
            if not self._book.is_up(leg) or self.ears.hears(leg):
                return  # it has ended, or was listened to on demand meanwhile
            try:
                await self.listen(leg)
            except SwitchboardError as error:
                log.warning("leg %s: not listened to: %s", leg, error)

        task = asyncio.get_running_loop().create_task(listen())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lost(self, leg: str) -> None:
        self._listen_soon(leg)

    def _found(self, leg: str, find: Find) -> None:
        if not self._book.is_up(leg):
            return  # its end was told already
        kind = BeepHeard if find is Find.BEEP else SpeechEnded
        self._tell(kind(leg=leg, at=asyncio.get_running_loop().time()))
