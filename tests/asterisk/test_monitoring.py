"""A supervisor in a call on a real Asterisk: what each of the three phones heard proves who heard whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.model.monitoring import MonitorMode
from telephony.store import accounts, schema
from telephony.store.engine import Store
from tests.asterisk.test_recordings import AGENT, CUSTOMER, tones
from tests.support import wav
from tests.support.runs import runs
from tests.support.shift import now
from tests.support.talk import Talk, conversation, dumps, talking_phone

pytestmark = pytest.mark.asterisk

SUPERVISOR = 1800.0
"""Hertz of what the supervisor says all the time."""


async def supervisor(talk: Talk, phone: str = "carol") -> str:
    """A supervisor with a phone; their id."""
    one = talk.shift
    new = accounts.NewUser(
        username="sue",
        name="Sue",
        role=accounts.Role.SUPERVISOR,
        password="correct horse",
        cell_id=one.here.cell_id,
        phone=phone,
    )
    made = await one.store.run(
        lambda conn: accounts.create_user(conn, one.here.tenant_id, new, password_hash="-", now=now())
    )
    return str(made["id"])


async def mode_is(talk: Talk, mode: str | None) -> None:
    for _ in range(500):
        if (await talk.shift.attempt(talk.call)).monitor_mode == mode:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not {mode}")


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
async def test_listen_hears_both_whisper_is_heard_by_the_agent_barge_by_both(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    voice = await asyncio.to_thread(wav.write_tone, tmp_path / "supervisor.wav", SUPERVISOR, 60.0)
    async with (
        conversation(store, pbx, ports, tmp_path, voices, mode=mode) as talk,
        talking_phone(pbx, ports, tmp_path, "carol", voice) as carol,
    ):
        one, agent = talk.shift, talk.shift.agents["alice"]
        sue = await supervisor(talk)
        for wanted in (MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE, MonitorMode.LISTEN):
            await one.floor.supervision.monitor(sue, "Sue", agent, talk.call, wanted)
            await mode_is(talk, wanted.value)
            await asyncio.sleep(1.2)
        await one.floor.hang_up(agent, talk.call)
        await one.ended(talk.call)
        await one.until(lambda: not one.floor.ground.monitors, what="the supervisor out of the call")
        legs = [row for row in await one.rows(schema.legs) if row.kind == "monitor"]
        assert [row.ended_at is not None for row in legs] == [True]
        await talk.alice.hang_up()
        heard = {}
        for name, phone in (("agent", talk.alice), ("customer", talk.bob), ("supervisor", carol)):
            (file,) = await dumps(phone, "dec")
            heard[name] = [run for run in runs(wav.samples(file), AGENT, CUSTOMER, SUPERVISOR, least=0.5) if run]
        assert heard["supervisor"] == [(AGENT, CUSTOMER)]
        assert heard["agent"] == [(CUSTOMER,), (CUSTOMER, SUPERVISOR), (CUSTOMER,)]
        assert heard["customer"] == [(AGENT,), (AGENT, SUPERVISOR), (AGENT,)]
        both = runs(wav.samples((await dumps(talk.bob, "dec"))[0]), SUPERVISOR, least=0.5)
        only = runs(wav.samples((await dumps(talk.alice, "dec"))[0]), SUPERVISOR, least=0.5)
        assert both == only == [(), (SUPERVISOR,), ()]
        # the agent heard the supervisor for twice as long as the customer did
        seconds = {name: loud(await dumps(phone, "dec")) for name, phone in (("a", talk.alice), ("c", talk.bob))}
        assert seconds["a"] > 1.5 * seconds["c"] > 1.0


def loud(files: list[Path]) -> float:
    """Seconds in which the supervisor was heard."""
    sound = wav.samples(files[0])
    pieces = range(int(len(sound) / wav.RATE * 10))
    return sum(wav.tone(sound, SUPERVISOR, at / 10, at / 10 + 0.1) > 900 for at in pieces) / 10


async def test_a_supervisor_is_not_left_over_by_a_service_that_starts_again(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    voices = await tones(tmp_path)
    async with (
        conversation(store, pbx, ports, tmp_path, voices) as talk,
        talking_phone(pbx, ports, tmp_path, "carol", voices[0]),
    ):
        one, agent = talk.shift, talk.shift.agents["alice"]
        sue = await supervisor(talk)
        await one.floor.supervision.monitor(sue, "Sue", agent, talk.call, MonitorMode.LISTEN)
        await mode_is(talk, "listen")
        await one.restart_floor(pbx)
        (leg,) = [row.id for row in await one.rows(schema.legs) if row.kind == "monitor"]
        for _ in range(200):
            if leg not in (await one.floor.ground.board.survey()).live:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the supervisor's leg lives on")
        await mode_is(talk, None)
        assert (await one.attempt(talk.call)).state == "talking"
        await one.floor.hang_up(agent, talk.call)
        assert (await one.ended(talk.call)).outcome == "TALKED"
