"""Orders that get no answer while the link to a real Asterisk stays up: what they were for still comes about."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode
from telephony.dialer.errors import NoCapacity
from telephony.dialer.requests import Target
from telephony.model.monitoring import MonitorMode
from telephony.model.transfer import TransferEvent, TransferState
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import Survey
from telephony.store.engine import Store
from tests.asterisk.test_monitoring import mode_is, supervisor
from tests.asterisk.test_recordings import tones
from tests.asterisk.test_transfer import three
from tests.support.line_shift import line_shift
from tests.support.lost_orders import Losses, losses
from tests.support.talk import conversation, talking_phone

__all__ = ["losses"]

pytestmark = pytest.mark.asterisk

PHONE = "load1"


@pytest.mark.parametrize("who", ["agent", "supervisor"])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_hang_up_in_a_conversation(store: Store, pbx: Pbx, losses: Losses, who: str, times: int) -> None:
    async with line_shift(store, pbx) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        losses.lose("Hangup", one.desks[PHONE].call.leg.id, times=times)
        by = one.floor if who == "agent" else one.floor.supervision
        await by.hang_up(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "TALKED"
        assert len(losses.lost) == times
        await one.state_is(PHONE, "wrap_up")


async def test_a_cancel_while_the_customer_rings(store: Store, pbx: Pbx, losses: Losses) -> None:
    async with line_shift(store, pbx, customers=("02",)) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "ringing")
        losses.lose("Hangup", one.desks[PHONE].call.leg.id)
        await one.floor.cancel(one.agents[PHONE], attempt)
        assert (await one.ended(attempt)).outcome == "AGENT_CANCELLED"
        assert losses.lost


async def test_the_end_of_a_supervisors_leg(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, losses: Losses
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
        (monitor,) = one.floor.ground.monitors.values()
        losses.lose("Hangup", monitor.leg)
        await one.floor.supervision.leave(sue, talk.call)
        await one.until(lambda: not one.floor.ground.monitors, what="the supervisor out of the call")
        assert losses.lost
        assert one.state("alice") == "talking"


async def test_the_end_of_a_third_party_who_was_not_wanted_any_more(
    store: Store, pbx: Pbx, ports: PortBlock, tmp_path: Path, losses: Losses
) -> None:
    async with three(store, pbx, ports, tmp_path) as all_three:
        await all_three.carol.answer(AnswerMode.MANUAL)
        await all_three.ask(TransferEvent.CONSULT, Target(agent_id=all_three.colleague))
        await all_three.carol.wait_for("CALL_INCOMING", within=5.0)
        (third,) = all_three.talk.shift.desks["alice"].thirds
        losses.lose("Hangup", third)
        assert await all_three.ask(TransferEvent.CANCEL) is TransferState.NONE
        await all_three.colleague_is("lunch")
        await all_three.call_is("talking")
        assert losses.lost


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("held", [True, False])
async def test_a_survey_that_was_begun_before_a_hold_does_not_tell_how_it_went(
    store: Store,
    pbx: Pbx,
    losses: Losses,
    monkeypatch: pytest.MonkeyPatch,
    held: bool,
    carried_out: bool,
) -> None:
    async with line_shift(store, pbx) as one:
        await one.previewing(PHONE)
        attempt = await one.accept(PHONE)
        await one.state_is(PHONE, "talking")
        agent, call = one.agents[PHONE], one.desks[PHONE].call
        if not held:
            await one.floor.calls.hold(agent, attempt, held=True)
        go_on = late_survey(one.floor.ground.board, monkeypatch)
        one.floor.ground.resync_wanted.set()  # another desk's trouble
        await go_on.read.wait()
        losses.lose("Redirect", call.leg.id, carried_out=carried_out)
        with pytest.raises(NoCapacity):
            await one.floor.calls.hold(agent, attempt, held=held)
        go_on.set()
        await one.until(lambda: one.desks[PHONE].call.attempt.state == "talking", what="settled")
        await asyncio.sleep(0.3)
        leg = (await one.floor.ground.board.survey()).live[call.leg.id]
        assert (leg.parked, one.desks[PHONE].call.controls.held) == (held is carried_out, held is carried_out)


class LateSurvey(asyncio.Event):
    """Set it to let the survey that was read come back."""

    def __init__(self) -> None:
        super().__init__()
        self.read = asyncio.Event()


def late_survey(board: AsteriskSwitchboard, monkeypatch: pytest.MonkeyPatch) -> LateSurvey:
    """The next survey is read now and comes back when the test says so; those after it do at once."""
    late, survey = LateSurvey(), board.survey

    async def first() -> Survey:
        monkeypatch.setattr(board, "survey", survey)
        found = await survey()
        late.read.set()
        await late.wait()
        return found

    monkeypatch.setattr(board, "survey", first)
    return late
