"""A page that is loaded anew in a call, on a real Asterisk: a SIP phone that answers by itself stands in its place.

What a page does is in the browser's ring; here it is what Asterisk and the dialer make of it, in every mode and in a
consultation. Recordings prove who talked to whom before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode, Softphone
from telephony.dialer.requests import Target
from telephony.model.line import LineState
from telephony.model.transfer import TransferState
from telephony.store.engine import Store
from tests.asterisk.test_recordings import AGENT, CUSTOMER, tones
from tests.asterisk.test_transfer import CANCEL, COMPLETE, CONSULT, THIRD, Three, three
from tests.support import wav
from tests.support.line_shift import LineShift, line_shift
from tests.support.runs import runs
from tests.support.talk import Talk, conversation, dumps

pytestmark = pytest.mark.asterisk

MODES = ["preview_standard", "preview_direct", "preview"]


@pytest.fixture(autouse=True)
def alice_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Her phone in the browser is the SIP phone of that name."""
    monkeypatch.setattr("telephony.store.phones.endpoint_of", lambda _username: "alice")


async def loaded_anew(one: LineShift) -> None:
    """The page registers and has no call: what it had is lost. Returns when its line is back."""
    desk = one.desks["alice"]
    before = desk.reservation.line.leg_id
    await one.floor.phone_attached(one.agents["alice"], None)

    def back() -> bool:
        line = desk.reservation.line
        return line is not None and line.leg_id != before and desk.recovery.state is LineState.HELD

    await one.until(back, what="the page's new line")


async def heard(phone: Softphone, *, least: float = 0.4) -> list[list[Any]]:
    """What a phone heard in each of its calls."""
    files = await dumps(phone, "dec")
    found = [runs(wav.samples(file), AGENT, CUSTOMER, THIRD, least=least) for file in files]
    return [[run for run in one if run] for one in found]


@asynccontextmanager
async def talking(store: Store, pbx: Pbx, ports: PortBlock, folder: Path, mode: str) -> AsyncIterator[Talk]:
    async with conversation(store, pbx, ports, folder, await tones(folder), mode=mode, in_browser=True) as talk:
        yield talk


@pytest.mark.parametrize("mode", MODES)
async def test_in_a_conversation_the_customer_is_joined_to_the_new_line(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    async with talking(store, pbx, ports, tmp_path, mode) as talk:
        one = talk.shift
        await asyncio.sleep(1.0)
        await loaded_anew(one)
        await asyncio.sleep(1.2)
        assert one.state("alice") == "talking"
        await one.floor.hang_up(one.agents["alice"], talk.call)
        assert (await one.ended(talk.call)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
        await talk.alice.hang_up()
        assert await heard(talk.alice) == [[(CUSTOMER,)], [(CUSTOMER,)]]
        (customer,) = await heard(talk.bob)
        assert customer[0] == customer[-1] == (AGENT,)
        await one.until(lambda: one.desks["alice"].reservation.line is None)
        assert set((await one.used()).values()) == {0}


@pytest.mark.parametrize("mode", ["preview_direct", "preview"])
async def test_while_the_customer_rings_the_line_stays_and_is_called_anew_once_they_talk(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str
) -> None:
    voices = await tones(tmp_path)
    async with conversation(
        store, pbx, ports, tmp_path, voices, mode=mode, in_browser=True, answers=AnswerMode.MANUAL
    ) as talk:
        one = talk.shift
        desk = one.desks["alice"]
        line = desk.reservation.line.leg_id
        await one.floor.phone_attached(one.agents["alice"], None)
        assert desk.reservation.line.leg_id == line
        await talk.bob.accept()
        await one.state_is("alice", "talking")
        await one.until(lambda: desk.reservation.line is not None and desk.reservation.line.leg_id != line)
        await one.until(lambda: desk.recovery.state is LineState.HELD, what="the page's new line")
        await asyncio.sleep(1.2)
        await one.floor.hang_up(one.agents["alice"], talk.call)
        assert (await one.ended(talk.call)).outcome == "TALKED"
        await talk.alice.hang_up()
        assert (await heard(talk.alice))[-1] == [(CUSTOMER,)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("then", [COMPLETE, CANCEL])
async def test_in_a_consultation_the_third_party_is_joined_to_the_new_line(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, mode: str, then: Any
) -> None:
    async with three(store, pbx, ports, tmp_path, mode=mode, in_browser=True) as all_three:
        one = all_three.talk.shift
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        await all_three.call_is("talking", "talking")
        await asyncio.sleep(1.0)
        await loaded_anew(one)
        await all_three.call_is("talking", "talking")
        await asyncio.sleep(1.2)
        state = await all_three.ask(then)
        if then is COMPLETE:
            assert state is TransferState.HANDED_OVER
            await asyncio.sleep(1.0)
            await all_three.talk.bob.hang_up()
        else:
            await one.until(lambda: not one.desks["alice"].call.controls.held, what="the customer back")
            await asyncio.sleep(1.0)
            await one.floor.hang_up(one.agents["alice"], all_three.talk.call)
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"
        await one.state_is("alice", "wrap_up")
        await all_three.colleague_is("lunch")
        await all_three.talk.alice.hang_up()
        again = (await heard(all_three.talk.alice))[-1]
        assert again == ([(THIRD,)] if then is COMPLETE else [(THIRD,), (CUSTOMER,)])
        (third,) = await heard(all_three.carol)
        assert third[-1] == ((CUSTOMER,) if then is COMPLETE else (AGENT,))
        await one.until(lambda: one.desks["alice"].reservation.line is None)
        await all_three.nothing_is_up()


@pytest.mark.parametrize("answers", ["while the page is away", "afterwards"])
async def test_a_third_party_who_rings_is_joined_to_the_new_line_when_they_answer(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, answers: str
) -> None:
    async with three(store, pbx, ports, tmp_path, in_browser=True) as all_three:
        one = all_three.talk.shift
        await all_three.carol.answer(AnswerMode.MANUAL)
        await all_three.talk.alice.answer(AnswerMode.MANUAL)
        await all_three.ask(CONSULT, Target(agent_id=all_three.colleague))
        await all_three.carol.wait_for("CALL_INCOMING", within=5.0)
        desk = one.desks["alice"]
        await one.floor.phone_attached(one.agents["alice"], None)
        await all_three.talk.alice.wait_for("CALL_INCOMING", within=5.0)
        if answers == "while the page is away":
            await all_three.carol.accept()
            await all_three.call_is("talking", "talking")
        await all_three.talk.alice.accept()
        await one.until(lambda: desk.recovery.state is LineState.HELD, what="the page's new line")
        if answers == "afterwards":
            await all_three.carol.accept()
        await all_three.call_is("talking", "talking")
        await asyncio.sleep(1.2)
        await joined(all_three)
        assert await all_three.ask(COMPLETE) is TransferState.HANDED_OVER
        await all_three.talk.bob.hang_up()
        assert (await one.ended(all_three.talk.call)).outcome == "TALKED"


async def joined(all_three: Three) -> None:
    """Agent and third party hear each other, the customer waits."""
    one = all_three.talk.shift
    live = (await one.floor.ground.board.survey()).live
    (third,) = one.desks["alice"].thirds
    line = one.desks["alice"].reservation.line.leg_id
    assert (live[line].joined_to, live[third].joined_to) == (third, line)
    assert live[one.desks["alice"].call.leg.id].parked


async def test_a_page_that_asked_for_a_contact_is_there_again_before_the_call(store: Store, pbx: Pbx) -> None:
    async with line_shift(store, pbx, mode="preview") as one:
        await one.available("load1")
        pulled = await one.floor.next_pull(one.agents["load1"], one.here.campaign_id)
        await one.floor.phone_attached(one.agents["load1"], None)  # there is no line to bring back
        assert (await one.floor.next_pull(one.agents["load1"], one.here.campaign_id)).offer_id == pulled.offer_id
        attempt = await one.accept("load1")
        await one.state_is("load1", "talking")
        await one.floor.hang_up(one.agents["load1"], attempt)
        assert (await one.ended(attempt)).outcome == "TALKED"
