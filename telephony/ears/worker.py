"""The process that listens: takes Asterisk's AudioSocket connections, and tells what it finds in them.

It is a process of its own so that its sums never delay a call. The service starts it (ears.py) with the listening
socket as a file descriptor, tells it on standard input which connections to expect, and reads finds on standard
output, one line each:

    expect NAME LEG SECONDS   a connection with this UUID will bring the sound of this leg; listen so long
    go-on LEG SECONDS         listen to this leg so long from now, and tell again that it is still silent
    beep LEG | speech-ended LEG    found (finds.py)
    over LEG                       no longer listened to
    never LEG                      its connection did not come

It ends when its standard input does: it never outlives the service.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable

from telephony.ears.audiosocket import HANG_UP, AudioSocketError, Kind, Messages, name_of
from telephony.ears.finds import Find
from telephony.ears.hearing import Hearing

EXPECTED_FOR = 10.0
"""Seconds until a connection that was announced must be there; Asterisk's own limit for connecting is 2 s."""

NAMED_WITHIN = 2.0
"""Seconds for a connection to say who it is; Asterisk does so at once. Others may be anybody who found the port."""

UNNAMED_AT_ONCE = 50
"""Connections at once that have not said who they are."""

GAP = 0.1
"""Seconds without sound after which the line is taken for silent: five packets. Looked for as often."""

Tell = Callable[[str, str], None]


class Worker:
    """All that is heard at once. `tell`: takes a word and the leg it is about."""

    def __init__(self, *, tell: Tell) -> None:
        self._tell = tell
        self._expected: dict[str, tuple[str, float]] = {}  # leg and seconds, by name
        self._heard: dict[str, Connection] = {}  # by leg
        self._unnamed: set[Connection] = set()

    def order(self, line: str) -> None:
        """Do what a line from the service says."""
        match line.split():
            case ["expect", name, leg, seconds]:
                self._expected[name] = (leg, float(seconds))
                asyncio.get_running_loop().call_later(EXPECTED_FOR, self._never_came, name)
            case ["go-on", leg, seconds] if leg in self._heard:
                self._heard[leg].go_on(float(seconds))

    def _never_came(self, name: str) -> None:
        leg, _ = self._expected.pop(name, ("", 0.0))
        if leg:
            self._tell("never", leg)

    def connected(self, connection: Connection) -> bool:
        """Whether one more stranger may stay."""
        if len(self._unnamed) >= UNNAMED_AT_ONCE:
            return False
        self._unnamed.add(connection)
        return True

    def named(self, connection: Connection, name: str) -> tuple[str, float] | None:
        """The leg a connection brings and how long to listen to it; None: nobody expects it."""
        self._unnamed.discard(connection)
        expected = self._expected.pop(name, None)
        if expected is not None:
            self._heard[expected[0]] = connection
        return expected

    def found(self, leg: str, finds: list[Find]) -> None:
        for find in finds:
            self._tell(find.value, leg)

    def lost(self, connection: Connection, leg: str) -> None:
        self._unnamed.discard(connection)
        if leg and self._heard.get(leg) is connection:
            del self._heard[leg]
            self._tell("over", leg)


class Connection(asyncio.Protocol):
    """One connection: a stranger until it names itself, then the sound of one leg."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._messages = Messages()
        self._hearing = Hearing()
        self._leg = ""
        self._silent_since = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._worker.connected(self):
            self._in(NAMED_WITHIN, "end", self._transport.abort)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for kind, payload in self._messages.take(data):
                self._take(kind, payload)
        except AudioSocketError:
            self._transport.abort()  # Asterisk never sends such; who does is not worth a word

    def _take(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.SOUND and self._leg:
            self._silent_since = time.monotonic()
            self._worker.found(self._leg, self._hearing.take(payload))
        elif kind is Kind.NAME and not self._leg:
            expected = self._worker.named(self, name_of(payload))
            if expected is None:
                raise AudioSocketError("nobody expects it")
            self._leg, seconds = expected
            self._silent_since = time.monotonic()
            self._in(seconds, "end", self._enough)
            self._in(GAP, "gap", self._look_for_gap)
        elif kind is not Kind.DIGIT:
            raise AudioSocketError(f"{kind.name} out of place")

    def go_on(self, seconds: float) -> None:
        self._in(seconds, "end", self._enough)
        self._worker.found(self._leg, self._hearing.still_silent())

    def _look_for_gap(self) -> None:
        self._in(GAP, "gap", self._look_for_gap)
        now = time.monotonic()
        if now - self._silent_since >= GAP:
            self._worker.found(self._leg, self._hearing.take_silence(now - self._silent_since))
            self._silent_since = now

    def _enough(self) -> None:
        self._transport.write(HANG_UP)
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._worker.lost(self, self._leg)

    def _in(self, seconds: float, what: str, action: Callable[[], None]) -> None:
        if what in self._timers:
            self._timers[what].cancel()
        self._timers[what] = asyncio.get_running_loop().call_later(seconds, action)


async def work(listening: socket.socket) -> None:
    """Listen until standard input ends."""
    loop = asyncio.get_running_loop()

    def tell(word: str, leg: str) -> None:
        os.write(sys.stdout.fileno(), f"{word} {leg}\n".encode())

    worker = Worker(tell=tell)
    server = await loop.create_server(lambda: Connection(worker), sock=listening)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async for line in orders:
        worker.order(line.decode())
    server.close()


def main() -> None:
    descriptor = int(sys.argv[1])
    asyncio.run(work(socket.socket(fileno=descriptor)))


if __name__ == "__main__":
    main()
