"""The service's end of its ears: starts the process that listens, tells it what to expect, hears what it finds."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from uuid import uuid4

from telephony.ears.finds import Find

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Legs listened to at once: half a core and more of sums, and beyond that a find would come late."""

RESTART_AFTER = (0.2, 1.0, 5.0, 30.0)
"""Seconds until a worker that ended is replaced, by how often it did so; the last one for ever."""

STEADY = 60.0
"""Seconds after which a worker counts as one that runs."""

STOP_WITHIN = 2.0
"""Seconds a worker has to end when it is told to."""

BACKLOG = 200
"""Connections that wait in the kernel while a worker starts; nothing of their sound is lost."""


READY_WITHIN = 3.0
"""Seconds a leg waits for a worker to start; that takes 0.3 s."""


class EarsUnable(Exception):
    """This leg cannot be listened to now."""


class Ears:
    """One worker process, started with the first leg that is to be heard, and again whenever it ends.

    `on_find(leg, find)`: what was found; `on_lost(leg)`: the worker ended while it listened to this leg, and a new one
    is there. Both in the event loop.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        on_find: Callable[[str, Find], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._host = host
        self._port = port
        self._on_find = on_find
        self._on_lost = on_lost
        self._socket: socket.socket | None = None
        self._worker: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._legs: set[str] = set()
        self.restarts = 0
        """Times a worker ended by itself."""

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return self._worker.pid if self._worker is not None else None

    def hears(self, leg: str) -> bool:
        return leg in self._legs

    @property
    def legs(self) -> int:
        """How many legs are listened to."""
        return len(self._legs)

    async def start(self) -> None:
        """Take the port; raises OSError where it is taken or not ours. The worker comes with the first leg."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        family, kind, _, _, address = found[0]
        listening = socket.socket(family, kind)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        self._socket = listening
        self._port = listening.getsockname()[1]

    async def stop(self) -> None:
        """End the worker; the channels it listened on end with it, the calls do not."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._worker is not None:
            await self._end(self._worker)
        if self._socket is not None:
            self._socket.close()

    async def expect(self, leg: str, seconds: float) -> str:
        """Listen to a leg for so long from when it connects; returns the UUID it has to connect with.

        Raises EarsUnable.
        """
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep_running())
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self._ready.wait()
        except TimeoutError:
            raise EarsUnable("the process that listens is being started again") from None
        if len(self._legs) >= AT_ONCE:
            raise EarsUnable(f"{AT_ONCE} legs are listened to already")
        self._legs.add(leg)
        name = str(uuid4())
        self._order(f"expect {name} {leg} {seconds:g}")
        return name

    def go_on(self, leg: str, seconds: float) -> None:
        """Listen so long from now to a leg that is listened to, and tell again that it is silent."""
        self._order(f"go-on {leg} {seconds:g}")

    def never_mind(self, leg: str) -> None:
        """This leg will not connect after all."""
        self._legs.discard(leg)

    def _order(self, line: str) -> None:
        if self._worker is not None and self._worker.stdin is not None:
            self._worker.stdin.write(f"{line}\n".encode())

    async def _keep_running(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        lost: set[str] = set()
        while True:
            began = loop.time()
            try:
                self._worker = await self._start_worker()
            except OSError as error:
                wait = RESTART_AFTER[-1]
                log.error("the process that listens cannot be started: %s; again in %g s, calls go on", error, wait)
                await asyncio.sleep(wait)
                continue
            self._ready.set()
            for leg in lost:
                self._on_lost(leg)
            await self._read(self._worker)
            self._ready.clear()
            code = await self._worker.wait()
            lost, self._legs = self._legs, set()
            failures = 0 if loop.time() - began > STEADY else min(failures + 1, len(RESTART_AFTER) - 1)
            self.restarts += 1
            wait = RESTART_AFTER[failures]
            log.error(
                "the process that listens ended (%d) over %d legs; again in %g s, calls go on", code, len(lost), wait
            )
            await asyncio.sleep(wait)

    async def _start_worker(self) -> asyncio.subprocess.Process:
        assert self._socket is not None
        descriptor = self._socket.fileno()
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "telephony.ears.worker",
            str(descriptor),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[descriptor],
            start_new_session=True,  # a Ctrl-C at the service's terminal is the service's
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )

    async def _read(self, worker: asyncio.subprocess.Process) -> None:
        assert worker.stdout is not None
        async for line in worker.stdout:
            word, _, leg = line.decode().strip().partition(" ")
            if word in ("over", "never"):
                self._legs.discard(leg)
                if word == "never":
                    log.warning("leg %s: Asterisk did not connect to the ears; see the setting ears.advertise", leg)
            elif leg in self._legs:
                self._on_find(leg, Find(word))

    async def _end(self, worker: asyncio.subprocess.Process) -> None:
        assert worker.stdin is not None
        worker.stdin.close()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await worker.wait()
        except TimeoutError:
            worker.kill()
            await worker.wait()
