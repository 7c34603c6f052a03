"""Real TCP peers that do exactly what a test tells them: an Asterisk manager port, and Asterisk as FastAGI client.

They know the wire format and nothing of our code, so that they can misbehave byte by byte.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
PATIENCE = 5.0
"""Seconds a scripted peer waits for the other side before the test fails."""


class SentAction(dict[str, str]):
    """An action as it came over the wire: lower-case names, and the raw bytes of it."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.raw = raw
        for line in raw.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name:
                self[name.lower()] = value

    @property
    def name(self) -> str:
        return self["action"]

    @property
    def action_id(self) -> str:
        return self["actionid"]


def block(*lines: str) -> bytes:
    """One manager message."""
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def send_rst(writer: asyncio.StreamWriter) -> None:
    linger_for_no_time = struct.pack("ii", 1, 0)
    if not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
    writer.transport.abort()


class ManagerConnection:
    """Asterisk's end of one manager connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.actions: list[SentAction] = []

    async def read_action(self) -> SentAction:
        async with asyncio.timeout(PATIENCE):
            action = SentAction(await self._reader.readuntil(b"\r\n\r\n"))
        self.actions.append(action)
        return action

    async def read_to_end(self) -> list[SentAction]:
        """Everything else that arrives until the other side hangs up."""
        rest: list[SentAction] = []
        try:
            while True:
                rest.append(await self.read_action())
        except (asyncio.IncompleteReadError, ConnectionError):
            return rest

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    def say_event(self, name: str, *lines: str) -> None:
        self.say(block(f"Event: {name}", *lines))

    def answer(self, action: SentAction, *lines: str, response: str = "Success") -> None:
        self.say(block(f"Response: {response}", f"ActionID: {action.action_id}", *lines))

    async def drain(self) -> None:
        await self._writer.drain()

    async def accept_login(self) -> SentAction:
        """Greet, let the client in, and say that Asterisk is up."""
        self.say(BANNER)
        login = await self.read_action()
        self.answer(login, "Message: Authentication accepted")
        self.say_event("FullyBooted", "Privilege: system,all", "Status: Fully Booted")
        return login

    async def answer_pings(self) -> None:
        while True:
            ping = await self.read_action()
            self.answer(ping, "Ping: Pong")

    def hang_up(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Break the connection as a crashed program does: no FIN, a RST."""
        send_rst(self._writer)


class ScriptedAsterisk:
    """A manager port on an ephemeral port of this machine; the test plays each connection."""

    def __init__(self) -> None:
        self._connections: asyncio.Queue[ManagerConnection] = asyncio.Queue()
        self._all: list[ManagerConnection] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        for connection in self._all:
            connection.reset()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ManagerConnection(reader, writer)
        self._all.append(connection)
        self._connections.put_nowait(connection)

    async def next_connection(self) -> ManagerConnection:
        async with asyncio.timeout(PATIENCE):
            return await self._connections.get()

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        return len(self._all)


class AgiCall:
    """Asterisk's end of one FastAGI connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    def say_header(self, script: str, *lines: str) -> None:
        """What `AGI(agi://host/script,...)` sends first, as Asterisk 22 does."""
        header = ("agi_network: yes", f"agi_network_script: {script}", f"agi_request: agi://127.0.0.1/{script}", *lines)
        self.say("".join(f"{line}\n" for line in header).encode() + b"\n")

    async def read_command(self) -> str:
        async with asyncio.timeout(PATIENCE):
            line = await self._reader.readuntil(b"\n")
        return line.decode().removesuffix("\n")

    async def read_to_end(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    def hang_up(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        send_rst(self._writer)
