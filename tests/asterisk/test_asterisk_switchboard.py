"""What only a real Asterisk can show of the switchboard, beside the port's stories (test_asterisk_port.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from telephony.demo.customers import Customers, fictional_number
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode
from telephony.model.ids import new_id
from telephony.model.outcomes import LegEnd, agent_leg_outcome, customer_outcome
from telephony.model.reasons import AgentLegOutcome, Outcome
from telephony.pbx.asterisk import AsteriskSwitchboard
from telephony.pbx.port import (
    AgentCall,
    CustomerCall,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    LinkLost,
    LinkUp,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
)
from tests.support.diary import Diary
from tests.support.late_bus import LateBus
from tests.support.platform import TRUNK, NewPhone, new_pbx, work_folder
from tests.support.tcp_line import TcpLine

pytestmark = pytest.mark.asterisk


class Table:
    """A switchboard, what it told, and the next free phone and number."""

    def __init__(self, board: AsteriskSwitchboard, diary: Diary) -> None:
        self.board = board
        self.diary = diary

    async def reserve(self, phone: str = "load1") -> str:
        """An agent's leg, answered."""
        leg = new_id()
        await self.board.ring_agent(AgentCall(leg=leg, phone=phone, ring_limit=10))
        await self.diary.wait(LegAnswered, leg)
        return leg

    def customer(self, behaviour: str, agent_leg: str, **changes: object) -> CustomerCall:
        call = CustomerCall(
            leg=new_id(),
            agent_leg=agent_leg,
            dial=f"PJSIP/{fictional_number(behaviour, 3)}@{TRUNK}",
            ring_limit=10,
            caller_id="+12025550199",
        )
        return replace(call, **changes)  # type: ignore[arg-type]  # a test's changes have fields of any type

    async def call(self, behaviour: str, agent_leg: str, **changes: object) -> str:
        call = self.customer(behaviour, agent_leg, **changes)
        await self.board.call_customer(call)
        return call.leg

    async def ended(self, leg: str, *, within: float = 10.0) -> LegEnded:
        """The end of a leg, and that it came exactly once."""
        await self.diary.wait(LegEnded, leg, within=within)
        await asyncio.sleep(0.1)
        assert self.diary.of(leg).count("LegEnded") == 1
        return await self.diary.wait(LegEnded, leg)


@asynccontextmanager
async def switchboard(
    pbx: Pbx, *, port: int | None = None, diary: Diary | None = None, auto_answer: bool = False
) -> AsyncIterator[Table]:
    login = pbx.ami
    board = AsteriskSwitchboard(
        host=login.host, port=port or login.port, username=login.user, secret=login.secret, auto_answer=auto_answer
    )
    diary = diary or Diary()
    board.subscribe(diary.note, diary.gate)
    await board.start()
    try:
        await diary.wait(LinkUp)
        yield Table(board, diary)
    finally:
        await board.stop()


@pytest.fixture
async def table(pbx: Pbx) -> AsyncIterator[Table]:
    async with switchboard(pbx) as found:
        yield found
        for leg in (await found.board.survey()).live:
            await found.board.hang_up(leg)
            await found.diary.wait(LegEnded, leg)
        await found.board.forget(list((await found.board.survey()).ended))


def outcome_of(end: LegEnded) -> Outcome:
    return customer_outcome(_leg_end(end))


def agent_outcome_of(end: LegEnded) -> AgentLegOutcome:
    return agent_leg_outcome(_leg_end(end))


def _leg_end(end: LegEnded) -> LegEnd:
    return LegEnd(
        answered=end.answered,
        rang=end.rang,
        sip=end.sip,
        cause=end.cause,
        ring_limit_reached=end.ring_limit_reached,
        missing_endpoint=end.missing_endpoint,
    )


# -- the agent's leg -----------------------------------------------------------------------------------------------


async def test_an_agent_answers_is_held_hears_ringing_and_hangs_up(table: Table, new_phone: NewPhone) -> None:
    phone = await new_phone("alice", AnswerMode.MANUAL)
    leg = new_id()
    await table.board.ring_agent(AgentCall(leg=leg, phone="alice", ring_limit=10, caller_name='Spring "25", \\ü'))
    call = await phone.wait_for("CALL_INCOMING", within=5)
    await table.diary.wait(LegRang, leg)
    await phone.accept()
    await table.diary.wait(LegAnswered, leg)
    await table.board.play_ringing(leg)
    await table.board.play_ringing(leg)
    await table.board.hold(leg)
    await phone.hang_up()
    end = await table.ended(leg)
    assert table.diary.of(leg) == ["LegAppeared", "LegRang", "LegAnswered", "LegEnded"]
    assert (end.appeared, end.answered, end.rang) == (True, True, True)
    # as written in a SIP header, where quotes and backslashes of the text are escaped
    assert call["peerdisplayname"] == 'Spring \\"25\\", \\\\ü'


async def test_the_agents_phone_is_not_registered(table: Table) -> None:
    leg = new_id()
    await table.board.ring_agent(AgentCall(leg=leg, phone="carol", ring_limit=10))
    end = await table.ended(leg)
    assert table.diary.of(leg) == ["LegEnded"]
    assert (end.appeared, end.missing_endpoint) == (False, False)
    assert agent_outcome_of(end) is AgentLegOutcome.USER_UNAVAILABLE


# -- the customer's leg --------------------------------------------------------------------------------------------


async def test_a_customer_answers_talks_and_hangs_up_and_the_agent_is_ready_again(
    table: Table, new_phone: NewPhone, customers: Customers
) -> None:
    phone = await new_phone("alice")
    agent = await table.reserve("alice")
    first = await table.call("00", agent)
    await table.diary.wait(LegsJoined, first)
    assert [q.leg for q in table.diary.questions] == [first]
    assert table.diary.of(first) == ["LegAppeared", "LegRang", "LegAnswered", "LegsJoined"]
    with pytest.raises(OrderRefused):
        await table.board.hold(agent)
    await table.board.hang_up(first)
    parted = await table.diary.wait(LegsParted, first)
    assert parted.agent_leg == agent
    assert (await table.ended(first)).answered

    await table.board.play_ringing(agent)
    second = await table.call("09", agent)
    assert (await table.ended(second)).answered
    third = await table.call("00", agent)
    joined = await table.diary.wait(LegsJoined, third)
    assert joined.agent_leg == agent
    await phone.hang_up()
    await table.ended(agent)
    await table.ended(third)
    assert table.diary.of(agent) == ["LegAppeared", "LegRang", "LegAnswered", "LegEnded"]


async def test_an_announcement_before_the_answer_counts_as_ringing(table: Table) -> None:
    agent = await table.reserve()
    leg = await table.call("13", agent)
    await table.diary.wait(LegRang, leg)
    await table.board.hang_up(leg)
    end = await table.ended(leg)
    assert (end.rang, end.answered, end.ring_limit_reached) == (True, False, False)


async def test_a_trunk_that_does_not_exist(table: Table) -> None:
    agent = await table.reserve()
    leg = await table.call("00", agent, dial="PJSIP/+12025550100@nowhere")
    end = await table.ended(leg)
    assert (end.appeared, end.missing_endpoint) == (False, True)
    assert outcome_of(end) is Outcome.CHANNEL_FAILURE


async def test_the_same_leg_twice(table: Table, customers: Customers) -> None:
    agent = await table.reserve()
    call = table.customer("01", agent)
    before = len(await customers.calls())
    await table.board.call_customer(call)
    with pytest.raises(OrderRefused):
        await table.board.call_customer(call)
    await table.ended(call.leg)
    with pytest.raises(OrderRefused):
        await table.board.call_customer(call)
    assert len(await customers.calls()) == before + 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dial": "PJSIP/1@customers&PJSIP/2@customers"}, "dial"),
        ({"dial": "Local/s@pd-forget"}, "dial"),
        ({"caller_id": '+1"\r\nAction: Logoff'}, "caller_id"),
        ({"abandon_sound": "${SHELL(reboot)}"}, "abandon_sound"),
        ({"amd_arguments": "1,2)&System(x"}, "amd_arguments"),
        ({"ring_limit": 0}, "ring_limit"),
        ({"leg": "1"}, "leg"),
    ],
)
async def test_a_value_that_is_none(table: Table, changes: dict[str, object], field: str) -> None:
    with pytest.raises(OrderRefused, match=f"^{field}: "):
        await table.call("00", new_id(), **changes)
    assert table.board.connected


# -- Asterisk's own answers overtake its bus -------------------------------------------------------------------------


@pytest.fixture
async def late(pbx: Pbx) -> AsyncIterator[Table]:
    async with (
        LateBus(pbx.ami.host, pbx.ami.port, behind=0.5) as line,
        switchboard(pbx, port=line.port) as table,
    ):
        yield table
        await table.board.forget(list((await table.board.survey()).ended))


@pytest.mark.parametrize(
    ("behaviour", "sip", "outcome"),
    [
        ("01", 486, Outcome.CUSTOMER_BUSY),
        ("03", 404, Outcome.INVALID_NUMBER),
        ("04", 503, Outcome.CUSTOMER_UNAVAILABLE),
        ("10", 603, Outcome.CUSTOMER_DECLINED),
    ],
)
async def test_a_customer_who_refuses_before_the_channel_was_heard_of(
    late: Table, behaviour: str, sip: int, outcome: Outcome
) -> None:
    leg = await late.call(behaviour, new_id())
    end = await late.ended(leg)
    assert late.diary.of(leg) == ["LegAppeared", "LegEnded"]
    assert end.sip == sip
    assert outcome_of(end) is outcome


async def test_an_agents_phone_that_refuses_before_the_channel_was_heard_of(late: Table) -> None:
    leg = new_id()
    await late.board.ring_agent(AgentCall(leg=leg, phone="odd01", ring_limit=10))
    assert agent_outcome_of(await late.ended(leg)) is AgentLegOutcome.USER_BUSY


async def test_a_leg_that_was_never_made_while_the_bus_is_behind(late: Table) -> None:
    absent, nowhere = new_id(), new_id()
    await late.board.ring_agent(AgentCall(leg=absent, phone="carol", ring_limit=10))
    await late.board.ring_agent(AgentCall(leg=nowhere, phone="nobody", ring_limit=10))
    assert agent_outcome_of(await late.ended(absent)) is AgentLegOutcome.USER_UNAVAILABLE
    assert agent_outcome_of(await late.ended(nowhere)) is AgentLegOutcome.INVALID_NUMBER


# -- surveys, losses and restarts ------------------------------------------------------------------------------------


async def test_a_restarted_service_finds_its_calls_and_goes_on_hearing_of_them(pbx: Pbx) -> None:
    async with switchboard(pbx) as before:
        agent = await before.reserve()
        talking = await before.call("00", agent)
        ringing = await before.call("02", agent)
        busy = await before.call("01", agent)
        await before.diary.wait(LegsJoined, talking)
        await before.diary.wait(LegRang, ringing)
        await before.ended(busy)
    async with switchboard(pbx) as after:
        survey = await after.board.survey()
        assert (survey.live[agent].state, survey.live[agent].joined_to) == ("up", talking)
        assert (survey.live[talking].state, survey.live[talking].joined_to) == ("up", agent)
        assert (survey.live[ringing].state, survey.live[ringing].joined_to) == ("ringing", None)
        end = survey.ended[busy]
        assert (end.answered, end.cause, end.sip) == (False, 17, 486)
        assert not survey.live.keys() & survey.ended.keys()

        await after.board.hang_up(ringing)
        assert (await after.ended(ringing)).rang
        await after.board.hang_up(talking)
        parted = await after.diary.wait(LegsParted, talking)
        assert parted.agent_leg == agent
        assert (await after.ended(talking)).answered
        again = await after.call("00", agent)
        assert (await after.diary.wait(LegsJoined, again)).agent_leg == agent
        await after.board.hang_up(agent)
        await after.ended(again)

        survey = await after.board.survey()
        assert not survey.live
        recorded = survey.ended[talking]
        assert recorded.answered
        assert recorded.ended_at > recorded.answered_at > survey.running_since
        await after.board.forget([talking, busy])
        left = (await after.board.survey()).ended
        assert talking not in left
        assert busy not in left
        assert ringing in left
        await after.board.forget(list(left))
        assert not (await after.board.survey()).ended


async def test_a_call_that_ends_between_link_up_and_survey_is_told(pbx: Pbx) -> None:
    async with switchboard(pbx) as before:
        agent = await before.reserve()
    async with switchboard(pbx) as after:
        await after.board.hang_up(agent)
        survey = await after.board.survey()
        end = await after.ended(agent)
        assert end.answered
        assert (agent in survey.live) != (agent in survey.ended)
        await after.board.forget([agent])


async def test_the_line_goes_with_an_order_on_it(pbx: Pbx) -> None:
    async with TcpLine(pbx.ami.host, pbx.ami.port) as line, switchboard(pbx, port=line.port) as table:
        agent = await table.reserve()
        order = asyncio.create_task(table.board.play_ringing(agent))
        await asyncio.sleep(0)
        line.cut()
        with pytest.raises(OrderUnsettled):
            await order
        line.mend()
        await table.diary.wait(LinkUp, times=2)
        await table.board.survey()
        await table.board.play_ringing(agent)
        await table.board.hang_up(agent)
        await table.ended(agent)


@pytest.fixture(scope="module")
def own_pbx(ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    """A PBX that may be killed."""
    with work_folder("switchboard") as folder:
        running = new_pbx(folder, ports, customers=customers, load_phones=load_phones, rtp_ports=40)
        asyncio.run(running.start())
        yield running
        asyncio.run(running.stop())


async def test_asterisk_dies_and_comes_back(own_pbx: Pbx) -> None:
    async with switchboard(own_pbx) as table:
        agent = await table.reserve()
        leg = await table.call("00", agent)
        await table.diary.wait(LegsJoined, leg)
        first = (await table.board.survey()).running_since
        await own_pbx.kill()
        await table.diary.wait(LinkLost)
        await asyncio.sleep(1.5)
        await own_pbx.start()
        await table.diary.wait(LinkUp, times=2, within=20)
        survey = await table.board.survey()
        assert not survey.live
        assert survey.running_since > first + 1
        assert table.diary.count(LegEnded) == 0
        again = await table.reserve()
        await table.board.hang_up(again)
        await table.ended(again)


async def test_a_wrong_secret_is_said_and_not_tried_again(pbx: Pbx) -> None:
    login = pbx.ami
    board = AsteriskSwitchboard(host=login.host, port=login.port, username=login.user, secret="wrong")
    diary = Diary()
    board.subscribe(diary.note, diary.gate)
    await board.start()
    try:
        async with asyncio.timeout(5):
            while "refused" not in board.trouble:  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0.05)
        assert login.user in board.trouble
        assert "wrong" not in board.trouble
        with pytest.raises(PbxUnreachable):
            await board.survey()
        assert not diary.events
    finally:
        await board.stop()


async def test_forty_agents_at_once(table: Table) -> None:
    legs = [new_id() for _ in range(40)]
    orders = (AgentCall(leg=leg, phone=f"load{n + 10}", ring_limit=10) for n, leg in enumerate(legs))
    await asyncio.gather(*(table.board.ring_agent(order) for order in orders))
    for leg in legs:
        await table.diary.wait(LegAnswered, leg, within=20)
    assert table.diary.count(LegAppeared) == 40
    await asyncio.gather(*(table.board.play_ringing(leg) for leg in legs))
    assert set((await table.board.survey()).live) == set(legs)
