"""What Asterisk tells a client that does nothing but listen: when each thing happened to which leg."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, NamedTuple, Self

from telephony.demo.pbx import AmiLogin
from tests.bench.pace import within

Kind = Literal["ringing", "joined", "ended"]

PATIENCE = 10.0
"""Seconds for Asterisk's answer to the login."""

# A customer who rings at once is told as a channel that is made ringing, or by the dialing alone.
_KINDS: dict[str, Kind] = {
    "Newchannel": "ringing",
    "Newstate": "ringing",
    "DialState": "ringing",
    "BridgeEnter": "joined",
    "Hangup": "ended",
}
_BEGINNINGS = tuple(f"Event: {name}\r".encode() for name in _KINDS)


class Moment(NamedTuple):
    """Epoch seconds: Asterisk's own note in the event, and its arrival here."""

    happened: float
    arrived: float


class Watch:
    """A connection of our own; `moments` by leg and kind, in their order.

    Joined is a leg in the moment in which it is with another one, each time.
    """

    def __init__(self, login: AmiLogin) -> None:
        self._login = login
        self.moments: dict[tuple[str, Kind], list[Moment]] = defaultdict(list)
        self._alone: dict[str, str] = {}  # who came first, by bridge

    async def __aenter__(self) -> Self:
        """Raises AssertionError where Asterisk refuses the login or says nothing."""
        self._reader, self._writer = await asyncio.open_connection(self._login.host, self._login.port)
        login = f"Action: Login\r\nUsername: {self._login.user}\r\nSecret: {self._login.secret}\r\n\r\n"
        self._writer.write(login.encode())
        async with within(PATIENCE, "login at Asterisk"):
            answer = await self._reader.readuntil(b"\r\n\r\n")
        if b"Response: Success" not in answer:
            raise AssertionError(f"Asterisk refused the client that listens: {answer.decode(errors='replace')}")
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises what ended the reading before its time."""
        self._task.cancel()
        self._writer.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        while True:
            block = await self._reader.readuntil(b"\r\n\r\n")
            arrived = time.time()
            if block.startswith(_BEGINNINGS):
                pairs = (line.partition(": ") for line in block.decode(errors="replace").split("\r\n"))
                self._take({name: value for name, _, value in pairs}, arrived)

    def _take(self, event: Mapping[str, str], arrived: float) -> None:
        kind, leg = _KINDS[event["Event"]], event.get("Uniqueid") or event["DestUniqueid"]
        moment = Moment(happened=float(event["Timestamp"]), arrived=arrived)
        if kind == "joined" and event["BridgeCreator"] != "BridgeWait":
            if event["BridgeNumChannels"] == "2":
                for one in (self._alone.pop(event["BridgeUniqueid"]), leg):
                    self.moments[one, kind].append(moment)
            else:
                self._alone[event["BridgeUniqueid"]] = leg
        elif kind == "ended" or (kind == "ringing" and _rings(event)):
            self.moments[leg, kind].append(moment)


def _rings(event: Mapping[str, str]) -> bool:
    return event.get("ChannelStateDesc") == "Ringing" or event.get("DialStatus") == "RINGING"
