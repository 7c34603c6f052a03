"""An agent's desktop as the page behaves: a live feed, its reads of /me, and the buttons pressed by script."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.founding import Seat

REFRESH = 0.15
"""Seconds the page waits with its read of /me, so that events in a row make one read."""

PATIENCE = 30.0
"""Seconds for what the feed is to tell; tenths are usual."""

READS_AFRESH = frozenset({"idle", "offline"})
"""Agent states in which the page reads /me; otherwise the events tell it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One accept: when the button was pressed (epoch seconds), which number."""

    number: str
    at: float


class Desktop:
    def __init__(self, http: aiohttp.ClientSession, url: str, seat: Seat) -> None:
        self._http = http
        self._url = f"{url}/api/v1"
        self.seat = seat
        self.phone = seat.phone
        self._headers = {"Authorization": f"Bearer {seat.token}"}
        self._news = asyncio.Event()
        self._refresh: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.state = ""
        self.offer: tuple[str, str] | None = None
        self.calls: dict[str, str] = {}
        self.told_at: dict[tuple[str, str], float] = {}
        """When each state of each call was first told (epoch seconds)."""
        self.verdicts: dict[str, str] = {}

    async def open(self) -> None:
        me = await self.ask("GET", "/me")
        self.state = me["agent"]["state"]
        feed = await self._http.ws_connect(f"{self._url}/live?since={me['cursor']}", headers=self._headers)
        self._begin(self._listen(feed))

    async def close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self._http.request(method, self._url + path, headers=self._headers, json=body) as answer:
            told = await answer.json(content_type=None)
            assert answer.ok, told
            return told

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the feed tells; raises AssertionError after `PATIENCE`."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            told = f"{self.state}, offer {self.offer}, last calls {list(self.calls.items())[-2:]}"
            raise AssertionError(f"{self.phone}: nothing for {PATIENCE:g} s; {told}") from error

    async def available(self) -> None:
        await self.ask("PUT", "/me/state", {"state": "available"})

    async def offered(self) -> None:
        await self.until(lambda: self.offer is not None and self.state == "previewing")

    async def call(self, *, talk: float) -> Accepted:
        """Accept the open offer, talk, hang up, wrap up."""
        accepted, call = await self.talked(talk=talk)
        await self.wrap_up(call)
        return accepted

    async def talked(self, *, talk: float) -> tuple[Accepted, str]:
        """Accept the open offer, talk, hang up; the call is then to be wrapped up."""
        assert self.offer is not None
        offer, number = self.offer
        accepted = Accepted(number=number, at=time.time())
        call = (await self.ask("POST", f"/offers/{offer}/accept"))["attempt"]
        await self.until(lambda: self.calls.get(call) == "talking")
        await asyncio.sleep(talk)
        await self.ask("POST", f"/calls/{call}/hang-up")
        await self.until(lambda: self.calls[call] == "ended" and self.state == "wrap_up")
        return accepted, call

    async def wrap_up(self, call: str) -> None:
        await self.ask("POST", f"/calls/{call}/wrap-up", {"disposition": "success"})

    async def leave(self) -> None:
        await self.ask("PUT", "/me/state", {"state": "idle"})
        await self.until(lambda: self.state == "idle")

    async def _listen(self, feed: aiohttp.ClientWebSocketResponse) -> None:
        async for message in feed:
            event = json.loads(message.data)
            self._hear(event["kind"], event["data"])
            self._news.set()

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "agent.state":
            self.state = data["state"]
            if self.state in READS_AFRESH:
                self._read_me()
        elif kind == "offer.opened":
            self.offer = (data["offer"], data["card"]["number"]["e164"])
        elif kind == "offer.closed":
            self.offer = None
        elif kind == "call.state":
            self.calls[data["call"]] = data["state"]
            self.told_at.setdefault((data["call"], data["state"]), time.time())
        elif kind == "call.amd":
            self.verdicts[data["call"]] = data["verdict"]

    def _read_me(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        self._refresh = asyncio.get_running_loop().call_later(REFRESH, lambda: self._begin(self.ask("GET", "/me")))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
