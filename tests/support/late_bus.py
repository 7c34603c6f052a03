"""An Asterisk whose message bus is behind, as on a busy machine: its events are late, its own answers are not."""

from __future__ import annotations

import asyncio
import contextlib

from tests.support.tcp_line import TcpLine

ON_THE_BUS = (b"Newchannel", b"Newstate", b"DialState", b"DialEnd", b"BridgeEnter", b"BridgeLeave", b"Hangup")


class LateBus(TcpLine):
    """Passes an AMI connection on; every event that Asterisk sends by its bus is `behind` seconds late, in order."""

    def __init__(self, host: str, port: int, *, behind: float) -> None:
        super().__init__(host, port)
        self._behind = behind

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        loop, late = asyncio.get_running_loop(), False
        with contextlib.suppress(OSError):
            while line := await source.readline():
                late = late or line.strip() in [b"Event: " + name for name in ON_THE_BUS]
                if late:
                    loop.call_later(self._behind, target.write, line)
                else:
                    target.write(line)
                late = late and line != b"\r\n"
        target.close()
