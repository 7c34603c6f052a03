"""Supervisors in a call, the switchboard played by hand: counted, told to whom it may be told, never left over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from telephony.dialer.errors import NoCapacity, Refused
from telephony.model.ids import new_id
from telephony.model.monitoring import MonitorMode
from telephony.pbx.port import LiveLeg, PbxUnreachable
from telephony.store import accounts, agents, schema, views
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.paging import PageRequest
from telephony.store.views import CallFilter
from tests.support.shift import Shift, found, now, restart, shift

pytestmark = pytest.mark.unit

LISTEN, WHISPER, BARGE = MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE


@asynccontextmanager
async def supervised(store: Store) -> AsyncIterator[tuple[Shift, str]]:
    """A shift with a supervisor who has a phone; their id."""
    async with shift(store) as one:
        new = accounts.NewUser(
            username="sue",
            name="Sue",
            role=accounts.Role.SUPERVISOR,
            password="correct horse",
            cell_id=one.here.cell_id,
            phone="2001",
        )
        made = await store.run(
            lambda conn: accounts.create_user(conn, one.here.tenant_id, new, password_hash="-", now=now())
        )
        yield one, str(made["id"])


async def monitor(one: Shift, sue: str, attempt: str, mode: MonitorMode) -> str:
    await one.floor.supervision.monitor(sue, "Sue", one.agent, attempt, mode)
    return one.board.monitor_calls[-1].leg


async def events(one: Shift) -> list[tuple[str, str | None]]:
    """(kind, mode) of what was told about monitoring."""
    rows = await one.rows(schema.events)
    told: list[tuple[str, str | None]] = []
    for row in rows:
        if row.kind == "call.monitored":
            told.append((row.kind, row.payload["mode"]))
        elif row.kind == "call.controls":
            told.append((row.kind, (row.payload["monitored"] or {}).get("mode")))
    return told


async def told(one: Shift, *last: tuple[str, str | None]) -> None:
    """Wait until this was told last: it is done beside the requests."""
    for _ in range(500):
        if (await events(one))[-len(last) :] == list(last):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(await events(one))


async def shown(one: Shift, *, quiet: bool) -> Any:
    page = await one.store.run(
        lambda conn: views.calls(conn, one.here.tenant_id, CallFilter(), PageRequest(limit=5), quiet=quiet)
    )
    return page.items[0]["monitored"]


async def test_listen_whisper_barge_and_leave(store: Store) -> None:
    async with supervised(store) as (one, sue):
        agent_leg, attempt, customer = await one.talking()
        before = (await one.used())["cell"]
        leg = await monitor(one, sue, attempt, LISTEN)
        call = one.board.monitor_calls[0]
        assert (call.phone, call.agent_leg, call.mode) == ("2001", agent_leg, LISTEN)
        assert (await one.used())["cell"] == before + 1
        assert await shown(one, quiet=True) is None  # the phone only rings
        one.board.answers(leg)
        await told(one, ("call.monitored", "listen"))
        assert (await shown(one, quiet=True), await shown(one, quiet=False)) == ({"mode": "listen", "by": "Sue"}, None)
        for mode in (WHISPER, BARGE, LISTEN):
            await monitor(one, sue, attempt, mode)
        assert [what for what, at in one.board.orders if at == leg] == [
            "monitor listen", "change_monitor whisper", "change_monitor barge", "change_monitor listen",
        ]  # fmt: skip
        await one.floor.supervision.leave(sue, new_id())
        await one.floor.supervision.leave(sue, attempt)
        one.board.ends(leg, answered=True)
        await told(one, ("call.monitored", None))
        assert await events(one) == [
            ("call.monitored", "listen"),
            ("call.controls", "whisper"), ("call.monitored", "whisper"),
            ("call.controls", "barge"), ("call.monitored", "barge"),
            ("call.controls", None), ("call.monitored", "listen"),
            ("call.monitored", None),
        ]  # fmt: skip
        assert (await one.used())["cell"] == before
        assert ("hang_up", customer) not in one.board.orders


async def test_a_mode_asked_while_the_phone_rings_counts_when_it_is_answered(store: Store) -> None:
    async with supervised(store) as (one, sue):
        _, attempt, _ = await one.talking()
        leg = await monitor(one, sue, attempt, LISTEN)
        await monitor(one, sue, attempt, BARGE)
        one.board.answers(leg)
        await one.until(lambda: ("change_monitor barge", leg) in one.board.orders)


async def test_it_ends_with_the_conversation(store: Store) -> None:
    async with supervised(store) as (one, sue):
        _, attempt, customer = await one.talking()
        leg = await monitor(one, sue, attempt, LISTEN)
        one.board.answers(leg)
        one.board.ends(customer, answered=True)
        await one.until(lambda: ("hang_up", leg) in one.board.orders)
        one.board.ends(leg, answered=True)
        await one.until(lambda: not one.floor.ground.monitors)


async def test_who_is_at_work_or_not_alone_is_refused(store: Store) -> None:
    async with supervised(store) as (one, sue):
        _, attempt, customer = await one.talking()
        one.board.phones["2001"] = False
        with pytest.raises(Refused) as refused:
            await monitor(one, sue, attempt, LISTEN)
        assert refused.value.code == "PHONE_NOT_REGISTERED"
        one.board.phones["2001"] = True
        one.board.failing["monitor listen"] = PbxUnreachable("no link")
        with pytest.raises(NoCapacity):
            await monitor(one, sue, attempt, LISTEN)
        assert not one.floor.ground.monitors
        await monitor(one, sue, attempt, LISTEN)
        with pytest.raises(Refused):
            await one.floor.supervision.monitor(one.agent, "Ann", one.agent, attempt, LISTEN)
        with pytest.raises(Refused):
            await one.floor.set_state(sue, "available")
        one.board.ends(customer, answered=True)
        await one.state_is("wrap_up")
        with pytest.raises(Refused):
            await one.floor.supervision.monitor(one.agent, "Ann", one.agent, attempt, LISTEN)


async def test_a_full_cell_has_no_room_for_a_supervisor(store: Store) -> None:
    async with supervised(store) as (one, sue):
        _, attempt, _ = await one.talking()
        await store.run(lambda conn: conn.execute(update(schema.cells).values(max_channels=2)))
        with pytest.raises(NoCapacity) as full:
            await monitor(one, sue, attempt, LISTEN)
        assert (full.value.code, full.value.used, full.value.limit) == ("CELL_CHANNEL_LIMIT", 2, 2)


@pytest.mark.parametrize("gone", [True, False])
async def test_a_service_that_starts_again_leaves_no_supervisor_in_a_call(store: Store, gone: bool) -> None:
    async with supervised(store) as (one, sue):
        agent_leg, attempt, customer = await one.talking()
        leg = await monitor(one, sue, attempt, WHISPER)
        one.board.answers(leg)
        await told(one, ("call.controls", "whisper"), ("call.monitored", "whisper"))
        live = [
            LiveLeg(leg=agent_leg, state="up", joined_to=customer),
            LiveLeg(leg=customer, state="up", joined_to=agent_leg),
        ]
        long_ago = now() - timedelta(minutes=1)  # not in this moment: it might still be on its way into Asterisk
        await store.run(lambda conn: conn.execute(update(schema.legs).values(placed_at=long_ago)))
        await restart(one, found(live=live if gone else [*live, LiveLeg(leg=leg, state="up")]))
        if not gone:
            await one.until(lambda: ("hang_up", leg) in one.board.orders)
            one.board.ends(leg, answered=True)
        rows = {row.id: row for row in await one.rows(schema.legs)}
        await one.until(lambda: leg not in one.floor.ground.owners)
        for _ in range(200):
            rows = {row.id: row for row in await one.rows(schema.legs)}
            if rows[leg].ended_at is not None:
                break
            await one.settle()
        assert rows[leg].ended_at is not None
        assert (await one.used())["cell"] == 2
        assert await shown(one, quiet=True) is None


async def test_a_survey_from_before_the_supervisor_came_does_not_end_it(store: Store) -> None:
    async with supervised(store) as (one, sue):
        agent_leg, attempt, customer = await one.talking()
        asked = now()  # the channel list is read for another desk
        leg = await monitor(one, sue, attempt, WHISPER)
        one.board.answers(leg)
        await told(one, ("call.controls", "whisper"), ("call.monitored", "whisper"))
        live = [
            LiveLeg(leg=agent_leg, state="up", joined_to=customer),
            LiveLeg(leg=customer, state="up", joined_to=agent_leg),
        ]
        await one.floor._reconcile(found(live=live), one.floor._links, asked)
        await one.settle()
        assert leg in one.floor.ground.owners
        assert (await one.used())["cell"] == 3
        assert await shown(one, quiet=True) is not None


async def test_an_end_that_could_not_be_stored_is_stored_when_the_database_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with supervised(store) as (one, sue):
        agent_leg, attempt, customer = await one.talking()
        leg = await monitor(one, sue, attempt, WHISPER)
        one.board.answers(leg)
        await told(one, ("call.controls", "whisper"), ("call.monitored", "whisper"))
        one.board.survey_now = found(
            live=[
                LiveLeg(leg=agent_leg, state="up", joined_to=customer),
                LiveLeg(leg=customer, state="up", joined_to=agent_leg),
            ]
        )
        ended, failures = agents.leg_ended, [StoreUnavailable("gone for a moment")]

        def fails_once(*args: Any, **more: Any) -> None:
            if failures:
                raise failures.pop()
            ended(*args, **more)

        monkeypatch.setattr(agents, "leg_ended", fails_once)
        one.board.ends(leg, answered=True)
        await told(one, ("call.controls", None), ("call.monitored", None))
        assert not failures
        assert (await one.used())["cell"] == 2
