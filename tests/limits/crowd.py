"""A crowd of agents before few places: who is refused tries again, and two who share no code with us count the calls.

The counts come from a second manager client's complete log of channels and from the customers' own log of INVITEs.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from sqlalchemy import func, select, update

from telephony.demo.customers import fictional_number
from telephony.store import accounts, schema
from telephony.store.accounts import NewUser, Role
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.sessions import open_session
from telephony.store.work import Work, change
from tests.bench.stage import NUMBERS, Stage
from tests.faults.founding import Seat, found
from tests.support.bare_ami import BareAmi
from tests.support.platform import TRUNK
from tests.support.service_process import ServiceProcess, ServiceSettings

TRY_AGAIN = (0.5, 2.0)
"""Seconds a refused agent waits; whoever sees a call end tries at once."""

SHARED = 2
"""Agents who see a call end and try for its place; one of them gets it."""

WITHIN = 60.0
"""Seconds in which an agent must be offered something, or a call be over."""


@dataclass(slots=True)
class Counted:
    """What was seen. `peak_*`: most calls up at one moment; `mean`: of those Asterisk had while the crowd lasted."""

    mode: str
    limit: int
    placed: int = 0
    refused: int = 0
    peak_asterisk: int = 0
    peak_customers: int = 0
    mean: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = "all refusals told" if not self.wrong else "; ".join(sorted(set(self.wrong)))
        return (
            f"{self.mode:17} {self.placed:5} placed  {self.refused:6} refused  most up: {self.peak_asterisk} on "
            f"Asterisk, {self.peak_customers} at the customers', of {self.limit}  mean {self.mean:.1f}  {told}"
        )


class Crowd:
    """Agents of one tenant; `more` says whether the crowd goes on."""

    def __init__(self, http: aiohttp.ClientSession, url: str, mode: str, campaign: str, accepts: int) -> None:
        self.http = http
        self.url = f"{url}/api/v1"
        self.mode = mode
        self.campaign = campaign
        self.accepts = accepts
        self.placed = 0
        self.refusals: list[dict[str, Any]] = []
        self.told: Counter[str] = Counter()  # limit.reached by whose feed
        self.full: list[dict[str, Any]] = []  # as the supervisor was told
        self.states: dict[str, str] = {}  # of calls and agents
        self.offers: dict[str, str] = {}
        self._news: dict[str, asyncio.Event] = {}
        self._freed = asyncio.Semaphore(0)
        self.wrong: list[str] = []

    @property
    def more(self) -> bool:
        return self.placed < self.accepts

    async def listen(self, token: str, whose: str) -> None:
        since = ""
        while True:
            async for event in self._events(token, since):
                since = event["cursor"]
                kind, data = event["kind"], event["data"]
                if kind == "limit.reached":
                    self.told[whose] += 1
                    if whose == "supervisor":
                        self.full.append(data)
                elif kind == "call.state" and whose == "supervisor":
                    if data["state"] == "ended":
                        for _ in range(SHARED):
                            self._freed.release()
                elif kind == "offer.opened":
                    self.offers[whose] = data["offer"]
                if kind == "call.state" and whose != "supervisor":
                    self.states[data["call"]] = data["state"]
                elif kind == "agent.state" and whose != "supervisor":
                    self.states[whose] = data["state"]
                self._news.setdefault(whose, asyncio.Event()).set()

    async def _events(self, token: str, since: str) -> AsyncIterator[dict[str, Any]]:
        """One connection's; who reads too slowly is cut off and comes back with the last cursor, as a desktop does."""
        headers = {"Authorization": f"Bearer {token}"}
        query = {"since": since} if since else {}
        async with self.http.ws_connect(f"{self.url}/live", headers=headers, params=query) as feed:
            async for message in feed:
                yield json.loads(message.data)

    async def _ask(self, token: str, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.request(method, self.url + path, headers=headers, json=body) as answer:
            return answer.status, (await answer.json(content_type=None) if answer.status != 204 else {})

    async def _until(self, me: str, true: Callable[[], bool], what: str) -> None:
        news = self._news.setdefault(me, asyncio.Event())
        async with asyncio.timeout(WITHIN):
            while not true():
                news.clear()
                await news.wait()

    async def work(self, seat: Seat) -> None:
        """One agent until the crowd is over."""
        me, token = seat.agent_id, seat.token
        await self._ask(token, "PUT", "/me/state", {"state": "available"})
        while self.more:
            if self.mode == "preview":
                await self._until(me, lambda: self.states.get(me) == "available", "available")
                status, told = await self._ask(token, "POST", f"/campaigns/{self.campaign}/next")
                if status != 200:
                    if told.get("code") != "TENANT_CALL_LIMIT":
                        self.wrong.append(f"a request for a contact was answered {status} {told.get('code')}")
                    self.refusals.append(told)
                if status != 200 or told["offer"] is None:
                    await asyncio.sleep(random.uniform(*TRY_AGAIN))
                    continue
            await self._until(me, lambda: self.states.get(me) == "previewing" or not self.more, "an offer")
            call = await self._place(me, token)
            if call is None:
                break
            await self._until(me, lambda call=call: self.states.get(call) == "ended", "the end of the call")
            await self._until(me, lambda: self.states.get(me) not in ("dialing", "talking"), "wrap-up")
            if self.states[me] == "wrap_up":
                await self._ask(token, "POST", f"/calls/{call}/wrap-up", {"disposition": "success"})
        await self._ask(token, "PUT", "/me/state", {"state": "idle"})

    async def _place(self, me: str, token: str) -> str | None:
        """Accept until there is a place; the call, None where the crowd is over first."""
        while self.more:
            status, told = await self._ask(token, "POST", f"/offers/{self.offers[me]}/accept")
            if status == 200:
                self.placed += 1
                if not self.more:
                    for news in self._news.values():
                        news.set()
                return str(told["attempt"])
            if told.get("code") != "TENANT_CALL_LIMIT":
                self.wrong.append(f"an accept was answered {status} {told.get('code')}")
                return None
            self.refusals.append(told)
            try:
                async with asyncio.timeout(random.uniform(*TRY_AGAIN)):
                    await self._freed.acquire()
            except TimeoutError:
                pass
        return None


def _founded(
    work: Work, mode: str, limit: int, agents: int, contacts: int, behaviour: str
) -> tuple[Any, list[Seat], str]:
    phones = [f"load{n + 1}" for n in range(agents)]
    numbers = [fictional_number(behaviour, n % NUMBERS) for n in range(contacts)]
    here, seats = found(work, phones=phones, numbers=numbers, max_calls=limit, mode=mode, offer_timeout=7200)
    work.conn.execute(update(schema.tenants).values(min_gap=0, daily_cap=100))
    new = NewUser.model_validate(
        {"username": "watch", "name": "Watch", "role": Role.TENANT_ADMIN, "password": "correct horse"}
    )
    watch = accounts.create_user(work.conn, here.tenant_id, new, password_hash="-", now=work.now)["id"]
    return here, seats, open_session(work.conn, watch, now=work.now, lifetime=timedelta(hours=2))


async def crowd(stage: Stage, *, mode: str, accepts: int, limit: int, agents: int, behaviour: str = "00") -> Counted:
    """Let the agents accept `accepts` calls; customers must hang up by themselves."""
    folder = stage.folder / f"limits-{mode}"
    folder.mkdir()
    url = f"sqlite:///{folder / 'telephony.db'}"
    store = Store(url)
    await asyncio.to_thread(upgrade, store)
    contacts = accepts + 2 * agents
    here, seats, watch = await change(store, lambda work: _founded(work, mode, limit, agents, contacts, behaviour))
    service = ServiceProcess(ServiceSettings.at(stage.ports, directory=folder, database_url=url, ami=stage.pbx.ami))
    before = len(await stage.customers.calls())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        stack.push_async_callback(service.stop)
        await service.start()
        await service.ready()
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        ami = await stack.enter_async_context(BareAmi(stage.pbx.doctor))
        one = Crowd(http, service.url, mode, here.campaign_id, accepts)
        async with _listening(one, watch, seats):
            await asyncio.gather(*(one.work(seat) for seat in seats))
            await asyncio.sleep(1.0)
        counted = Counted(mode, limit, one.placed, len(one.refusals), wrong=one.wrong)
        await asyncio.sleep(2.5)  # the last ends
        counted.peak_asterisk, counted.mean = _use(_channels(ami.messages), limit)
        calls = (await stage.customers.calls())[before:]
        counted.peak_customers, _ = _use(_rung(calls), limit)
        await _compare(one, store, counted, len(calls))
        return counted


@asynccontextmanager
async def _listening(one: Crowd, watch: str, seats: list[Seat]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.listen(watch, "supervisor"))]
    tasks += [asyncio.create_task(one.listen(seat.token, seat.agent_id)) for seat in seats]
    await asyncio.sleep(1.0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _channels(messages: Iterable[dict[str, str]]) -> list[tuple[float, int]]:
    """+1 and -1 at the begin and end of each channel through the trunk, by Asterisk's clock."""
    known: set[str] = set()
    steps = []
    for message in messages:
        channel = message.get("Uniqueid", "")
        if message.get("Event") == "Newchannel" and message["Channel"].startswith(f"PJSIP/{TRUNK}-"):
            known.add(channel)
            steps.append((float(message["Timestamp"]), 1))
        elif message.get("Event") == "Hangup" and channel in known:
            steps.append((float(message["Timestamp"]), -1))
    return steps


def _rung(calls: Iterable[Any]) -> list[tuple[float, int]]:
    steps = []
    for call in calls:
        steps.append((call.invited_at, 1))
        if call.ended_at is not None:
            steps.append((call.ended_at, -1))
    return steps


def _use(steps: list[tuple[float, int]], limit: int) -> tuple[int, float]:
    """The most that were up at one moment, and how many on average from the first time the limit was reached on until
    the last call began."""
    up = peak = 0
    area = begin = last = 0.0
    ends = max((at for at, step in steps if step > 0), default=0.0)
    for at, step in sorted(steps):
        if begin and last < ends:
            area += up * (min(at, ends) - last)
        up += step
        peak = max(peak, up)
        if up >= limit and not begin:
            begin = at
        last = at
    return peak, area / (ends - begin) if begin and ends > begin else 0.0


async def _compare(one: Crowd, store: Store, counted: Counted, invites: int) -> None:
    """Every refusal was answered, stored and told to both desktops with its figures; each call was one INVITE."""
    stored = await store.run(lambda conn: conn.execute(select(func.count()).select_from(schema.refusals)).scalar_one())
    supervisor = one.told.pop("supervisor", 0)
    agents = one.told.total()
    refused = len(one.refusals)
    if not refused == stored == supervisor == agents:
        counted.wrong.append(f"{refused} refusals answered, {stored} stored, told {supervisor} and {agents} times")
    for told in [*one.refusals, *one.full]:
        if (told["code"], told["limit"]) != ("TENANT_CALL_LIMIT", counted.limit) or told["used"] < counted.limit:
            counted.wrong.append(f"a refusal said {told['code']} {told.get('used')} of {told.get('limit')}")
    if invites != counted.placed:
        counted.wrong.append(f"{invites} INVITEs for {counted.placed} calls")
