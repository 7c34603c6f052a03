"""Our FastAGI server: Asterisk's dialplan asks the service, in the middle of a call, what to do with it.

The other side is our own Asterisk, but what it sends carries the caller's text, and a call waits for the answer.
So the input is bounded and strictly parsed, every read has a deadline, a session has a limit as a whole, and
whatever goes wrong in one session closes that connection only: the dialplan then goes on by itself.
(panoramisk's own FastAGI server freezes the whole process when a client connects and closes, hence this one.)
"""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping

from telephony.pbx.fastagi_session import (
    AgiError,
    AgiHangup,
    AgiProtocolError,
    AgiRefused,
    AgiSession,
    AgiTimeout,
    AgiValueError,
    read_until,
)

__all__ = [
    "AgiError",
    "AgiHangup",
    "AgiProtocolError",
    "AgiRefused",
    "AgiSession",
    "AgiTimeout",
    "AgiValueError",
    "FastAgiServer",
    "Handler",
]

log = logging.getLogger(__name__)

_HEADER = re.compile(r"agi_([a-z0-9_]+): ?(.*)")

Handler = Callable[[AgiSession], Awaitable[None]]


class FastAgiServer:
    """Listens for Asterisk and gives each session to the handler of its script.

    All times are in seconds. An unknown script is answered with a line in Asterisk's log and closed.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        scripts: Mapping[str, Handler],
        # Asterisk sends the whole header in one piece as soon as it is connected.
        header_deadline: float = 2.0,
        # Asterisk answers a command in well below a millisecond, loaded in some.
        command_deadline: float = 2.0,
        # The dialplan's own patience is 2 s (TIMEOUT(absolute)); later nobody listens any more.
        session_deadline: float = 5.0,
        # One session per answered call for some milliseconds: far more than one Asterisk can start at once.
        max_sessions: int = 500,
        # 25 headers of a name, a channel or a caller's text each, and the arguments.
        max_header_bytes: int = 16 * 1024,
    ) -> None:
        self._host = host
        self._port = port
        self._scripts = dict(scripts)
        self._header_deadline = header_deadline
        self._command_deadline = command_deadline
        self._session_deadline = session_deadline
        self._max_sessions = max_sessions
        self._max_header_bytes = max_header_bytes  # the reader's limit for one read
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken or not ours."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=self._max_header_bytes)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self, limit: float = 2.0) -> None:
        """Take no new session, let the running ones end within `limit` seconds, then cut them off."""
        if self._server is not None:
            self._server.close()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=limit)
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._sessions) >= self._max_sessions:
            log.warning("FastAGI: more than %d sessions at once, one turned away", self._max_sessions)
            writer.transport.abort()
            return
        session = asyncio.create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = "-"
        try:
            async with asyncio.timeout(self._header_deadline):
                env = await self._read_header(reader)
            session = AgiSession(env=env, reader=reader, writer=writer, command_deadline=self._command_deadline)
            handler = self._scripts.get(session.script)
            if handler is None:
                log.warning("FastAGI: no script %.40a", session.script)
                await session.verbose("telephony: no such AGI script")
                return
            script = session.script
            async with asyncio.timeout(self._session_deadline):
                await handler(session)
        except AgiHangup:
            log.debug("FastAGI %s: hung up", script)
        except TimeoutError:
            log.warning("FastAGI %s: took too long", script)
        except AgiError as error:
            log.warning("FastAGI %s: %s: %s", script, type(error).__name__, error)
        except Exception as error:
            # The stack without the exception's own text, which may quote a customer's data.
            stack = "".join(traceback.format_tb(error.__traceback__))
            log.error("FastAGI %s: the handler raised %s\n%s", script, type(error).__name__, stack)
        finally:
            writer.close()

    async def _read_header(self, reader: asyncio.StreamReader) -> dict[str, str]:
        env: dict[str, str] = {}
        # who does not speak AGI is told apart by the first line; the rest comes in one piece
        self._take_header(env, await read_until(reader, b"\n"))
        for line in (await read_until(reader, b"\n\n")).split("\n"):
            self._take_header(env, line)
        return env

    def _take_header(self, env: dict[str, str], line: str) -> None:
        match = _HEADER.fullmatch(line)
        if match is None or match[1] in env:
            raise AgiProtocolError("not an AGI header, or the same one twice")
        env[match[1]] = match[2]
