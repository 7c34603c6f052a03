"""Transfers on a real Asterisk between real phones: recordings prove who talked to whom, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from telephony.demo.customers import fictional_number
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode, Softphone
from telephony.dialer.errors import NoCapacity
from telephony.dialer.requests import Target
from telephony.model.monitoring import MonitorMode
from telephony.model.transfer import TransferEvent, TransferState
from telephony.store import accounts, floor, schema
from telephony.store.engine import Store
from tests.asterisk.test_monitoring import supervisor
from tests.asterisk.test_recordings import AGENT, CUSTOMER, kept, tones
from tests.asterisk.test_trunks import second_trunk
from tests.support import wav
from tests.support.platform import TRUNK
from tests.support.runs import runs
from tests.support.shift import now
from tests.support.talk import Talk, conversation, dumps, talking_phone

pytestmark = pytest.mark.asterisk

THIRD = 1800.0
"""Hertz of what the third party says all the time."""

BLIND, CONSULT = TransferEvent.BLIND, TransferEvent.CONSULT
COMPLETE, CANCEL = TransferEvent.COMPLETE, TransferEvent.CANCEL


@dataclass
class Three:
    """Alice talks to bob; carol is a colleague, who is idle."""

    talk: Talk
    carol: Softphone
    colleague: str

    async def ask(self, action: TransferEvent, to: Target | None = None) -> TransferState:
        one = self.talk.shift
        return await one.floor.calls.transfer(one.agents["alice"], self.talk.call, action, to)

    async def call_is(self, state: str, transfer: str | None = None) -> Any:
        for _ in range(500):
            row = await self.talk.shift.attempt(self.talk.call)
            if (row.state, row.transfer_state) == (state, transfer):
                return row
            await asyncio.sleep(0.02)
        raise AssertionError(f"the call is {row.state}, its transfer {row.transfer_state}")

    async def colleague_is(self, reason: str) -> None:
        desk = await self.talk.shift.floor.desk(self.colleague)
        await self.talk.shift.until(lambda: desk.agent.idle_reason == reason, what=f"colleague {reason}")

    async def nothing_is_up(self) -> None:
        for _ in range(200):
            live = (await self.talk.shift.floor.ground.board.survey()).live
            used = await self.talk.shift.used()
            if not live and set(used.values()) == {0}:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"up: {live}, {used}")

    async def heard(self) -> dict[str, list[Any]]:
        story = {}
        for name, phone in (("agent", self.talk.alice), ("customer", self.talk.bob), ("third", self.carol)):
            (file,) = await dumps(phone, "dec")
            found = runs(wav.samples(file), AGENT, CUSTOMER, THIRD, least=0.4)
            story[name] = [run for run in found if run]
        return story


@asynccontextmanager
async def three(store: Store, pbx: Pbx, ports: PortBlock, folder: Path, **wanted: Any) -> AsyncIterator[Three]:
    voices = await tones(folder)
    voice = await asyncio.to_thread(wav.write_tone, folder / "third.wav", THIRD, 60.0)
    async with (
        conversation(store, pbx, ports, folder, voices, **wanted) as talk,
        talking_phone(pbx, ports, folder, "carol", voice) as carol,
    ):
        one = talk.shift
        new = accounts.NewUser(
            username="carol",
            name="Carol",
            role=accounts.Role.AGENT,
            password="correct horse",
            cell_id=one.here.cell_id,
            phone="carol",
        )
        made = await store.run(
            lambda conn: accounts.create_user(conn, one.here.tenant_id, new, password_hash="-", now=now())
        )
        colleague = str(made["id"])
        await one.floor.set_state(colleague, "idle", "lunch")
        yield Three(talk, carol, colleague)


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
async def test_consultation_then_the_customer_and_the_colleague_talk(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    async with three(store, pbx, ports, tmp_path, mode=mode, recording="all") as all_three:
        one = all_three.talk.shift
        await asyncio.sleep(1.0)
        assert await all_three.ask(CONSULT, Target(agent_id=all_three.colleague)) is TransferState.CONSULT
        await all_three.call_is("talking", "talking")
        await all_three.colleague_is("transfer")
        await asyncio.sleep(1.0)
        assert await all_three.ask(COMPLETE) is TransferState.HANDED_OVER
        await one.state_is("alice", "wrap_up")
        await all_three.call_is("transferred")
        await one.wrap_up("alice", all_three.talk.call)
        await asyncio.sleep(1.0)
        assert (await one.attempt(all_three.talk.call)).state == "transferred"
        await all_three.talk.bob.hang_up()
        row = await one.ended(all_three.talk.call)
        assert (row.outcome, row.transfer_to, row.disposition) == ("TALKED", "Carol", "success")
        await all_three.colleague_is("lunch")
        heard = await all_three.heard()
        assert heard["agent"] == [(CUSTOMER,), (THIRD,)]
        assert heard["customer"] == [(AGENT,), (THIRD,)]
        assert heard["third"] == [(AGENT,), (CUSTOMER,)]
        (recording,) = await kept(one)
        assert (recording.state, recording.error) == ("kept", None)
        recorded = wav.samples(pbx.audio / "recordings" / f"{recording.id}.wav")
        assert runs(recorded, AGENT, CUSTOMER, THIRD) == [(AGENT, CUSTOMER)]  # neither hold nor what came after


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
async def test_blind_and_the_third_party_hangs_up_first(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    async with three(store, pbx, ports, tmp_path, mode=mode) as all_three:
        one = all_three.talk.shift
        await asyncio.sleep(0.8)
        await all_three.ask(BLIND, Target(agent_id=all_three.colleague))
        await all_three.call_is("transferred")
        await one.state_is("alice", "wrap_up")
        await asyncio.sleep(1.0)
        await all_three.carol.hang_up()
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await all_three.colleague_is("lunch")
        await all_three.nothing_is_up()
        heard = await all_three.heard()
        assert (heard["agent"], heard["customer"], heard["third"]) == (
            [(CUSTOMER,)],
            [(AGENT,), (THIRD,)],
            [(CUSTOMER,)],
        )


async def test_to_a_number_through_the_trunk_which_counts_until_it_is_gone(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        template = f"PJSIP/{{number}}@{TRUNK}"
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(dial_template=template)))
        number = fictional_number("00", 7)
        await all_three.ask(BLIND, Target(number=number))
        await all_three.call_is("transferred")
        await one.state_is("alice", "wrap_up")
        assert (await one.used())["trunk"] == 2
        legs = {row.kind: row for row in await one.rows(schema.legs)}
        assert (legs["third"].e164, legs["third"].trunk_id is not None) == (number, True)
        await one.floor.supervision.hang_up(one.agents["alice"], all_three.talk.call)
        row = await one.ended(all_three.talk.call)
        assert (row.outcome, row.code) == ("TALKED", "SUPERVISOR")
        await all_three.nothing_is_up()


@pytest.mark.parametrize("suffix", ["01", "03", "10"])
@pytest.mark.parametrize("action", [BLIND, CONSULT])
async def test_a_number_that_does_not_answer_brings_the_two_together(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, action: TransferEvent, suffix: str
) -> None:
    async with three(store, pbx, ports, tmp_path, mode="preview_direct") as all_three:
        one = all_three.talk.shift
        template = f"PJSIP/{{number}}@{TRUNK}"
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(dial_template=template)))
        await asyncio.sleep(0.8)
        await all_three.ask(action, Target(number=fictional_number(suffix, 7)))
        for _ in range(500):
            told = [row for row in await one.rows(schema.events) if row.kind == "call.transfer_failed"]
            if told and (await all_three.call_is("talking")).held_since is None:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.8)
        assert (await one.attempt(all_three.talk.call)).held_since is None
        (why,) = [row.payload["why"] for row in told]
        assert why == {"01": "busy", "03": "invalid", "10": "declined"}[suffix]
        live = (await one.floor.ground.board.survey()).live
        line = one.desks["alice"].reservation.line
        assert [leg.joined_to for leg in live.values() if leg.leg != line.leg_id] == [line.leg_id]
        assert (await one.used())["trunk"] == 1


async def test_taken_back_while_it_rings_and_from_the_consultation(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        await all_three.carol.answer(AnswerMode.MANUAL)
        await asyncio.sleep(0.8)
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        await all_three.carol.wait_for("CALL_INCOMING", within=5.0)
        assert await all_three.ask(CANCEL) is TransferState.NONE
        await all_three.colleague_is("lunch")
        await all_three.carol.answer(AnswerMode.AUTO)
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        await all_three.call_is("talking", "talking")
        await asyncio.sleep(0.8)
        assert await all_three.ask(CANCEL) is TransferState.NONE
        await all_three.colleague_is("lunch")
        await asyncio.sleep(0.8)
        await one.floor.hang_up(one.agents["alice"], all_three.talk.call)
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await all_three.talk.alice.hang_up()
        (file,) = await dumps(all_three.talk.alice, "dec")
        agent = [run for run in runs(wav.samples(file), AGENT, CUSTOMER, THIRD, least=0.4) if run]
        assert agent == [(CUSTOMER,), (THIRD,), (CUSTOMER,)]


@pytest.mark.parametrize("who", ["alice", "bob", "carol"])
@pytest.mark.parametrize("stage", ["consultation", "handed over"])
async def test_hang_up_of_each(store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, stage: str, who: str) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        await all_three.call_is("talking", "talking")
        if stage == "handed over":
            await all_three.ask(COMPLETE)
            await all_three.call_is("transferred")
        phones = {"alice": all_three.talk.alice, "bob": all_three.talk.bob, "carol": all_three.carol}
        await phones[who].hang_up()
        if (stage, who) == ("consultation", "carol"):
            await all_three.call_is("talking")
            await one.until(lambda: not one.desks["alice"].call.controls.held, what="the customer back")
            await one.floor.hang_up(one.agents["alice"], all_three.talk.call)
        elif (stage, who) == ("handed over", "alice"):
            await asyncio.sleep(0.5)
            assert (await one.attempt(all_three.talk.call)).state == "transferred"
            await all_three.talk.bob.hang_up()
        row = await one.ended(all_three.talk.call)
        assert row.outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
        await all_three.colleague_is("lunch")
        await all_three.nothing_is_up()


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
@pytest.mark.parametrize("stage", ["ringing", "consultation", "handed over"])
async def test_a_restarted_service_goes_on_where_it_was(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, stage: str, mode: str
) -> None:
    async with three(store, pbx, ports, tmp_path, mode=mode) as all_three:
        one = all_three.talk.shift
        if stage == "ringing":
            await all_three.carol.answer(AnswerMode.MANUAL)
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        if stage == "ringing":
            await all_three.carol.wait_for("CALL_INCOMING", within=5.0)
        else:
            await all_three.call_is("talking", "talking")
        if stage == "handed over":
            await all_three.ask(COMPLETE)
            await all_three.call_is("transferred")
        await one.restart_floor(pbx)
        if stage == "ringing":
            await all_three.call_is("talking", "consult")
            await all_three.carol.accept()
        if stage != "handed over":
            await all_three.call_is("talking", "talking")
            assert await all_three.ask(COMPLETE) is TransferState.HANDED_OVER
        await all_three.call_is("transferred")
        await one.state_is("alice", "wrap_up")
        await asyncio.sleep(0.5)
        await all_three.talk.bob.hang_up()
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await all_three.colleague_is("lunch")
        await all_three.nothing_is_up()


@pytest.mark.parametrize("stage", ["ringing", "consultation", "handed over"])
async def test_a_colleague_whom_a_supervisor_frees_is_out_of_the_call_that_was_handed_to_them(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, stage: str
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        if stage == "ringing":
            await all_three.carol.answer(AnswerMode.MANUAL)
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        if stage == "ringing":
            await all_three.carol.wait_for("CALL_INCOMING", within=5.0)
        else:
            await all_three.call_is("talking", "talking")
        if stage == "handed over":
            await all_three.ask(COMPLETE)
            await all_three.call_is("transferred")
        await one.floor.supervision.free(all_three.colleague)
        await all_three.carol.wait_for("CALL_CLOSED", within=5.0)
        await all_three.colleague_is("freed")
        if stage == "handed over":
            row = await one.ended(all_three.talk.call)
            assert (row.outcome, row.code) == ("TALKED", "SUPERVISOR")
        else:
            await all_three.call_is("talking")
            await one.until(lambda: not one.desks["alice"].call.controls.held, what="the customer back")
            told = [row.payload["why"] for row in await one.rows(schema.events) if row.kind == "call.transfer_failed"]
            assert told == ["freed"]
            await one.floor.hang_up(one.agents["alice"], all_three.talk.call)
            assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
        await all_three.nothing_is_up()


@pytest.mark.parametrize("first", ["down", "congested"])
async def test_a_number_is_called_by_the_next_trunk_where_the_first_fails_before_it_rings(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, first: str
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        number = fictional_number("00", 77)
        fails = {"down": "PJSIP/{number}@nowhere", "congested": f"PJSIP/{fictional_number('04', 77)}@{TRUNK}"}[first]
        second = await second_trunk(one, dial_template=f"PJSIP/{{number}}@{TRUNK}")
        await store.run(
            lambda conn: conn.execute(
                update(schema.trunks).where(schema.trunks.c.id == one.here.trunk_id).values(dial_template=fails)
            )
        )
        await all_three.ask(BLIND, Target(number=number))
        await all_three.call_is("transferred")
        legs = sorted((row for row in await one.rows(schema.legs) if row.kind == "third"), key=lambda leg: leg.id)
        assert [(leg.trunk_id, leg.outcome) for leg in legs] == [(one.here.trunk_id, "trunk_failed"), (second, None)]
        assert legs[0].ended_at <= legs[1].placed_at, "never two legs to one number at the same time"
        await all_three.talk.bob.hang_up()
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await all_three.nothing_is_up()


async def test_where_every_trunk_fails_the_customer_is_back_and_a_busy_number_is_not_called_twice(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one = all_three.talk.shift
        to_network = f"PJSIP/{{number}}@{TRUNK}"
        await second_trunk(one, dial_template=to_network)
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(dial_template=to_network)))
        for suffix, legs, why in (("04", 2, "unavailable"), ("01", 1, "busy")):
            before = len([row for row in await one.rows(schema.legs) if row.kind == "third"])
            await all_three.ask(CONSULT, Target(number=fictional_number(suffix, 78)))
            told: list[str] = []
            while not told or told[-1] != why:
                events = await one.rows(schema.events)
                told = [row.payload["why"] for row in events if row.kind == "call.transfer_failed"]
                await asyncio.sleep(0.02)
            assert len([row for row in await one.rows(schema.legs) if row.kind == "third"]) - before == legs
            await all_three.call_is("talking")
            await one.until(lambda: not one.desks["alice"].call.controls.held, what="the customer back")
        await one.floor.hang_up(one.agents["alice"], all_three.talk.call)
        await one.ended(all_three.talk.call)
        await all_three.nothing_is_up()


async def test_a_transfer_or_a_supervisor_without_room_is_a_refusal_like_any_other(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        one, agent = all_three.talk.shift, all_three.talk.shift.agents["alice"]
        sue = await supervisor(all_three.talk, "load1")
        await store.run(lambda conn: conn.execute(update(schema.trunks).values(max_channels=1)))
        with pytest.raises(NoCapacity):
            await all_three.ask(BLIND, Target(number=fictional_number("00", 79)))
        await store.run(lambda conn: conn.execute(update(schema.cells).values(max_channels=2)))
        with pytest.raises(NoCapacity):
            await all_three.ask(BLIND, Target(agent_id=all_three.colleague))
        with pytest.raises(NoCapacity):
            await one.floor.supervision.monitor(sue, "Sue", agent, all_three.talk.call, MonitorMode.LISTEN)
        expected = [
            ("TRUNK_CHANNEL_LIMIT", agent, 1, 1),
            ("CELL_CHANNEL_LIMIT", agent, 2, 2),
            ("CELL_CHANNEL_LIMIT", sue, 2, 2),
        ]
        stored = await one.rows(schema.refusals)
        assert [(row.code, row.agent_id, row.used, row.limit) for row in stored] == expected
        events = [(row.payload, row.agent_id) for row in await one.rows(schema.events) if row.kind == "limit.reached"]
        assert [(told["code"], whose, told["used"], told["limit"]) for told, whose in events] == expected
        since = now() - timedelta(minutes=5)
        lately = await store.run(lambda conn: floor.refused(conn, one.here.tenant_id, since=since))
        assert sum(row["n"] for row in lately) == len(expected)
        await all_three.call_is("talking")
        assert not one.desks["alice"].call.controls.held
