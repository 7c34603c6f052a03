"""Agents played by a script over the API: available, accept, talk a second or two, hang up, wrap up, again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from enum import Enum
from typing import Any

import aiohttp

from tests.faults.founding import Seat

LOOK_EVERY = 0.2
"""Seconds between two looks of one agent at the own page; ten agents make fifty requests a second."""

GIVES_UP_AFTER = 2.0
"""Seconds an agent lets a customer's phone ring that nobody answers."""


class Mode(Enum):
    WORK = "work"
    PAUSE = "pause"  # look, and do nothing: whatever changes now is not the agents' doing
    HOME = "home"  # end what is going on, then go idle


class Crew:
    """All agents of one service; `refusals` are answers no agent should ever get."""

    def __init__(self, seats: Sequence[Seat], url: str, *, dice: random.Random) -> None:
        self.mode = Mode.WORK
        self.refusals: list[str] = []
        self.accepted: dict[str, int] = {seat.phone: 0 for seat in seats}
        self._agents = [_Agent(self, seat, url, random.Random(dice.random())) for seat in seats]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(agent.work()) for agent in self._agents]

    async def everybody_accepted(self, since: dict[str, int]) -> None:
        """Wait until each agent has accepted more calls than `since`."""
        while True:
            if all(self.accepted[phone] > calls for phone, calls in since.items()):
                return
            await asyncio.sleep(LOOK_EVERY)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


class _Agent:
    def __init__(self, crew: Crew, seat: Seat, url: str, dice: random.Random) -> None:
        self._crew = crew
        self._seat = seat
        self._url = f"{url}/api/v1"
        self._dice = dice
        self._seen: tuple[str, str] = ("", "")  # what the page showed, and of which offer or call
        self._act_at = 0.0

    async def work(self) -> None:
        headers = {"Authorization": f"Bearer {self._seat.token}"}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as http:
            while True:
                # the service may have been killed: try again, as a page does
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    await self._look(http)
                await asyncio.sleep(LOOK_EVERY * self._dice.uniform(0.8, 1.2))

    async def _look(self, http: aiohttp.ClientSession) -> None:
        me = await self._ask(http, "GET", "/me")
        mode = self._crew.mode
        if me is None or mode is Mode.PAUSE:
            return
        state, offer, call = me["agent"]["state"], me["offer"], me["call"]
        about = call["id"] if call else offer["id"] if offer else ""
        if self._seen != (state, about):
            self._seen, self._act_at = (state, about), time.monotonic() + self._patience(state)
        if time.monotonic() < self._act_at and mode is Mode.WORK:
            return
        match state:
            case "offline" | "idle" if mode is Mode.WORK:
                await self._ask(http, "PUT", "/me/state", {"state": "available"})
            case "available" if mode is Mode.WORK and me["pull_campaigns"]:
                await self._ask(http, "POST", f"/campaigns/{me['pull_campaigns'][0]['id']}/next")
            case "available" | "ringing" | "reserved" | "previewing" if mode is Mode.HOME:
                await self._ask(http, "PUT", "/me/state", {"state": "idle"})
            case "previewing" if offer is not None:
                actions = [one for one in ("skip", "remove") if one not in offer["disabled_actions"]]
                action = self._dice.choices(("accept", *actions), (20, *(1 for _ in actions)))[0]
                if await self._ask(http, "POST", f"/offers/{offer['id']}/{action}") and action == "accept":
                    self._crew.accepted[self._seat.phone] += 1
            case "dialing" if call is not None:
                await self._ask(http, "POST", f"/calls/{call['id']}/cancel")
            case "talking" if call is not None:
                await self._ask(http, "POST", f"/calls/{call['id']}/hang-up")
            case "wrap_up" if call is not None:
                await self._ask(http, "POST", f"/calls/{call['id']}/wrap-up", {"disposition": "success"})

    def _patience(self, state: str) -> float:
        """Seconds before the agent acts on what the page shows."""
        if state == "talking":
            return self._dice.uniform(1.0, 2.0)
        if state == "dialing":
            return GIVES_UP_AFTER
        return self._dice.uniform(0.0, 0.3)

    async def _ask(self, http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
        async with http.request(method, self._url + path, json=body) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else {}
            if answer.status < 300:
                return told
            # 409: somebody or something was faster; 503: no database or no PBX at this moment
            if answer.status not in (409, 503):
                self._crew.refusals.append(f"{method} {path.split('/')[1]}: {answer.status} {told.get('code')}")
            return None
