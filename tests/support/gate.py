"""The service's FastAGI side in a dialplan test: says what it is told to say at the gate, or nothing."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Gate:
    """A FastAGI server on a free port that answers each request with SET VARIABLE PD_GO; VERDICT None is silence."""

    def __init__(self, verdict: str | None) -> None:
        self._verdict = verdict
        self.requests: list[dict[str, str]] = []
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.close()

    @property
    def address(self) -> str:
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = (await reader.readuntil(b"\n\n")).decode().splitlines()
        self.requests.append(dict(line.split(": ", 1) for line in header if ": " in line))
        if self._verdict is None:
            await self._over.wait()
        else:
            writer.write(f"SET VARIABLE PD_GO {self._verdict}\n".encode())
            await reader.readline()
        writer.close()
