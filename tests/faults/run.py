"""One run of faults: a service and an Asterisk are killed at random moments, and after each kill the books are read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from telephony.demo.customers import Customers, CustomersSettings, fictional_number
from telephony.demo.load_phones import LoadPhones, LoadPhonesSettings
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.store import schema
from telephony.store.engine import Store
from telephony.store.migrate import upgrade
from telephony.store.work import change
from tests.faults.books import Books, Lines, audit
from tests.faults.crew import Crew, Mode
from tests.faults.founding import DATA_CENTER, FIRST_CELL, found
from tests.support.bare_ami import BareAmi
from tests.support.platform import RING_SECONDS, new_pbx
from tests.support.service_process import ServiceProcess, ServiceSettings

AGENTS = 10

SETTLES_WITHIN = 15.0
"""Seconds after readiness in which everything must be settled; an order just sent is waited for 3 s."""

MIX = {"00": 280, "20": 280, "09": 40, "01": 60, "03": 60, "04": 60, "10": 60, "02": 40}
"""How many customers of each behaviour (20: as 00); each is called once, since an hour passes before a second try."""

TALK_SECONDS = 30.0
"""Customers hang up by themselves after it: those of a killed Asterisk must not send audio to nobody for ever."""

MEDIA_PORTS = 600
"""Two for each call the customers have up."""

SERVICE, ASTERISK = "service", "asterisk"


@dataclass(slots=True, kw_only=True)
class Row:
    """One kill and what was found after it."""

    number: int
    what: str
    during: str
    down: float
    ready: float
    settled: float
    joined: int = 0
    still_joined: int = 0
    books: Books = field(default_factory=Books)

    HEAD = (
        " #  killed    while the agents were                                         down  ready settled joined still "
        "attempts INVITEs not placed in doubt live latest  books"
    )

    def __str__(self) -> str:
        b = self.books
        found = "right" if not b.wrong else "; ".join(b.wrong)
        still = str(self.still_joined) if self.what == SERVICE else "-"
        return (
            f"{self.number:2}  {self.what:8}  {self.during:60}  {self.down:4.1f}  {self.ready:5.1f} "
            f"{self.settled:7.1f} {self.joined:6} {still:>5} {b.attempts:8} {b.invites:7} "
            f"{b.not_placed:10} {b.in_doubt:8} {b.live:4} {b.latest:6.2f}  {found}"
        )


@dataclass(slots=True, kw_only=True)
class Site:
    """Everything that runs, and the dice that decide when something dies."""

    store: Store
    pbx: Pbx
    customers: Customers
    service: ServiceProcess
    crew: Crew
    dice: random.Random
    contacts: int
    rows: list[Row] = field(default_factory=list)

    async def lines(self) -> Lines:
        async with BareAmi(self.pbx.doctor) as ami:
            return Lines.of(await ami.listed("CoreShowChannels"))

    async def during(self) -> str:
        """What the agents are doing, by count."""
        agents = schema.agents
        rows = await self.store.run(lambda conn: [row[0] for row in conn.execute(select(agents.c.state))])
        counts = Counter(rows)
        counts.pop("offline", None)
        return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))

    async def books(self) -> Books:
        lines = await self.lines()
        calls = [call for call in await self.customers.calls() if not call.number.startswith("slow")]
        contacts = self.contacts
        return await self.store.run(lambda conn: audit(conn, lines=lines, calls=calls, contacts=contacts))

    async def settled(self, within: float = SETTLES_WITHIN) -> Books:
        """The books once they are right; the last ones where they do not become right in time."""
        deadline = time.monotonic() + within
        while True:
            books = await self.books()
            if not books.wrong or time.monotonic() > deadline:
                return books
            await asyncio.sleep(0.3)

    async def kill(self, what: str) -> Row:
        """Kill it at a random moment of work, start it again, and read the books before anybody goes on."""
        self.crew.mode = Mode.WORK
        await asyncio.sleep(self.dice.uniform(3.0, 6.0))
        during = await self.during()
        await asyncio.sleep(self.dice.uniform(0.0, 0.3))
        down = self.dice.uniform(0.1, 1.5)
        if what == SERVICE:
            await self.service.kill()
            self.crew.mode = Mode.PAUSE
            joined = (await self.lines()).pairs
            await asyncio.sleep(down)
            began = time.monotonic()
            await self.service.start()
        else:
            joined = (await self.lines()).pairs
            await self.pbx.kill()
            self.crew.mode = Mode.PAUSE
            await self.service.answers(503)
            await asyncio.sleep(down)
            began = time.monotonic()
            await self.pbx.start()
        await self.service.ready()
        ready = time.monotonic() - began
        row = Row(
            number=len(self.rows) + 1, what=what, during=during, down=down, ready=ready, settled=0.0, joined=len(joined)
        )
        row.books = await self.settled()
        row.settled = time.monotonic() - began - ready
        if what == SERVICE:
            row.still_joined = await self._still(joined, row.books)
        if self.crew.refusals:
            row.books.wrong.append(f"agents were told {Counter(self.crew.refusals)}")
            self.crew.refusals.clear()
        self.rows.append(row)
        return row

    async def _still(self, joined: frozenset[frozenset[str]], books: Books) -> int:
        """How many of the pairs talk on; where one does not, its customer must have hung up."""
        lines = await self.lines()
        calls = await self.customers.calls()
        legs = {leg for pair in joined - lines.pairs for leg in pair}
        numbers = select(schema.legs.c.e164).where(schema.legs.c.id.in_(legs), schema.legs.c.kind == "customer")
        gone = await self.store.run(lambda conn: {row.e164 for row in conn.execute(numbers)})
        left = {call.number for call in calls if call.ended_at is not None}
        books.hold(gone <= left, f"{len(gone - left)} talking calls did not survive the kill of the service")
        return len(joined & lines.pairs)

    async def finish(self) -> Books:
        """After the last kill everybody calls again; then all go home, and nothing may be held any more."""
        self.crew.mode = Mode.WORK
        before = dict(self.crew.accepted)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.crew.everybody_accepted(before), 30.0)
        idle = [phone for phone, n in before.items() if self.crew.accepted[phone] == n]
        self.crew.mode = Mode.HOME
        books = await self._home()
        books.hold(not idle, f"{len(idle)} agents got no call any more after the last kill")
        return books

    async def _home(self) -> Books:
        used = select(func.coalesce(func.sum(schema.usage.c.used), 0))
        deadline = time.monotonic() + 30
        while True:
            left = int(await self.store.run(lambda conn: conn.execute(used).scalar_one()))
            if left == 0 or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.3)
        books = await self.settled()
        books.hold(left == 0, f"{left} units of limits are still held when nobody calls")
        books.hold(books.live == 0, f"{books.live} calls are live when nobody calls")
        return books


@asynccontextmanager
async def site(
    *,
    folder: Path,
    ports: PortBlock,
    seed: int,
    share: float = 1.0,
    mode: str = "preview_standard",
    amd: str = "off",
) -> AsyncIterator[Site]:
    """Programs of its own, all started, ten agents at work; `share` of the customers of MIX."""
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        phones, customers = await _phones(stack, folder, ports), await _customers(stack, folder, ports)
        pbx = new_pbx(folder / "pbx", ports, customers=customers, load_phones=phones)
        stack.push_async_callback(pbx.kill)
        await pbx.start()
        url = f"sqlite:///{folder / 'telephony.db'}"
        store = Store(url)
        stack.push_async_callback(store.close)
        await asyncio.to_thread(upgrade, store)
        numbers = [
            fictional_number(kind, index)
            for kind, count in MIX.items()
            for index in range(max(1, round(count * share)))
        ]
        dice.shuffle(numbers)
        # where the agent's phone comes first, half of the agents take a moment to pick it up
        slow = AGENTS // 2 if mode == "preview" else 0
        names = [f"slow{n + 1}" for n in range(slow)] + [f"load{n + 1}" for n in range(AGENTS - slow)]
        wanted = {"mode": mode, "amd": amd, "ring_limit": 16}
        _, seats = await change(store, lambda work: found(work, phones=names, numbers=numbers, **wanted))
        service = ServiceProcess(
            ServiceSettings.at(
                ports, directory=folder, database_url=url, ami=pbx.ami, cell=FIRST_CELL, data_center=DATA_CENTER
            )
        )
        stack.push_async_callback(service.stop)
        await service.start()
        await service.ready()
        crew = Crew(seats, service.url, dice=dice)
        stack.push_async_callback(crew.stop)
        crew.start()
        yield Site(
            store=store,
            pbx=pbx,
            customers=customers,
            service=service,
            crew=crew,
            dice=dice,
            contacts=len(numbers),
        )


async def _phones(stack: AsyncExitStack, folder: Path, ports: PortBlock) -> LoadPhones:
    phones = LoadPhones(
        LoadPhonesSettings(directory=folder / "phones", port=ports.take(), media_port=ports.take(4, even=True))
    )
    stack.push_async_callback(phones.stop)
    await phones.start()
    return phones


async def _customers(stack: AsyncExitStack, folder: Path, ports: PortBlock) -> Customers:
    media = ports.take(MEDIA_PORTS, even=True)
    customers = Customers(
        CustomersSettings(
            directory=folder / "customers",
            port=ports.take(),
            media_port=media,
            ring_seconds=RING_SECONDS,
            talk_seconds=TALK_SECONDS,
        )
    )
    stack.push_async_callback(customers.stop)
    await customers.start()
    return customers


async def faults(where: Site, *, service: int, asterisk: int, say: Callable[[str], None]) -> bool:
    """All the kills in an order the dice decide, and the end; True where every book was right."""
    order = [SERVICE] * service + [ASTERISK] * asterisk
    where.dice.shuffle(order)
    say(Row.HEAD)
    for what in order:
        say(str(await where.kill(what)))
    last = await where.finish()
    say(f"at the end: {last.attempts} attempts, {last.invites} INVITEs, {last.live} live, books " + _told(last))
    outcomes = select(schema.attempts.c.outcome, func.count()).group_by(schema.attempts.c.outcome)
    counted = await where.store.run(lambda conn: sorted((str(row[0]), int(row[1])) for row in conn.execute(outcomes)))
    say("outcomes: " + ", ".join(f"{count} {outcome}" for outcome, count in counted))
    return not last.wrong and not any(row.books.wrong for row in where.rows)


def _told(books: Books) -> str:
    return "right" if not books.wrong else "; ".join(books.wrong)
