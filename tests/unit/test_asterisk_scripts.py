"""What the dialplan asks over FastAGI, with the test as Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.pbx.asterisk_scripts import Scripts
from telephony.pbx.fastagi import FastAgiServer
from telephony.pbx.port import ABANDON, END, JOIN, DirectCall, JoinQuestion
from tests.support.scripted_peer import AgiCall

pytestmark = pytest.mark.unit

LEG = "0197a000-0000-7000-8000-00000000000c"


class Served:
    def __init__(self) -> None:
        self.scripts = Scripts()
        self.server = FastAgiServer(host="127.0.0.1", port=0, scripts=self.scripts.handlers)

    async def ask(self, script: str, *lines: str) -> AgiCall:
        call = await AgiCall.connect(self.server.port)
        call.say_header(script, *lines)
        return call


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    await made.server.start()
    yield made
    await made.server.stop(limit=0.0)


@pytest.mark.parametrize("answer", [JOIN, END, ABANDON])
async def test_the_gates_answer_is_handed_on(served: Served, answer: str) -> None:
    asked: list[JoinQuestion] = []

    async def gate(question: JoinQuestion) -> str:
        asked.append(question)
        return answer

    served.scripts.gate = gate
    call = await served.ask("join", f"agi_uniqueid: {LEG}", "agi_arg_1: HUMAN", "agi_arg_2: HUMAN-800-800")
    assert await call.read_command() == f'SET VARIABLE "PD_GO" "{answer}"'
    assert asked == [JoinQuestion(leg=LEG, verdict="HUMAN", cause="HUMAN-800-800")]
    call.say(b"200 result=1\n")
    assert await call.read_to_end() == b""


async def test_without_a_verdict_the_question_has_none(served: Served) -> None:
    asked: list[JoinQuestion] = []

    async def gate(question: JoinQuestion) -> str:
        asked.append(question)
        return JOIN

    served.scripts.gate = gate
    call = await served.ask("join", f"agi_uniqueid: {LEG}", "agi_arg_1: ", "agi_arg_2: ")
    await call.read_command()
    assert asked == [JoinQuestion(leg=LEG)]


async def test_a_gate_that_raises_joins(served: Served) -> None:
    async def gate(question: JoinQuestion) -> str:
        raise RuntimeError("database gone")

    served.scripts.gate = gate
    call = await served.ask("join", f"agi_uniqueid: {LEG}")
    assert await call.read_command() == f'SET VARIABLE "PD_GO" "{JOIN}"'


async def test_a_gate_that_is_slow_joins_before_the_dialplan_loses_patience(served: Served) -> None:
    async def gate(question: JoinQuestion) -> str:
        await asyncio.sleep(60)
        return END

    served.scripts.gate = gate
    call = await served.ask("join", f"agi_uniqueid: {LEG}")
    asked_at = asyncio.get_running_loop().time()
    assert await call.read_command() == f'SET VARIABLE "PD_GO" "{JOIN}"'
    assert 1.4 < asyncio.get_running_loop().time() - asked_at < 1.9


@pytest.mark.parametrize("uniqueid", ["1795352977.12", ""])
async def test_a_call_that_is_no_leg_is_not_the_gates_business(served: Served, uniqueid: str) -> None:
    async def gate(question: JoinQuestion) -> str:
        raise AssertionError("asked")

    served.scripts.gate = gate
    call = await served.ask("join", f"agi_uniqueid: {uniqueid}")
    assert await call.read_command() == f'SET VARIABLE "PD_GO" "{JOIN}"'


async def test_recorder_rows_are_cleared_one_by_one_and_then_it_is_done(served: Served) -> None:
    other = LEG.replace("c", "d")
    done = served.scripts.clearing("batch-1", [LEG, other])
    call = await served.ask("forget")
    assert await call.read_command() == 'GET VARIABLE "PD_BATCH"'
    call.say(b"200 result=1 (batch-1)\n")
    assert await call.read_command() == f'DATABASE DEL "pd-legs" "{LEG}"'
    call.say(b"200 result=1\n")
    assert await call.read_command() == f'DATABASE DEL "pd-legs" "{other}"'
    assert not done.done()
    call.say(b"200 result=1\n")
    await asyncio.wait_for(done, 1.0)


async def test_nobody_else_can_have_rows_cleared(served: Served) -> None:
    served.scripts.clearing("batch-1", [LEG])
    call = await served.ask("forget")
    await call.read_command()
    call.say(b"200 result=1 (another)\n")
    assert await call.read_to_end() == b""


async def test_ping_says_who_we_are(served: Served) -> None:
    call = await served.ask("ping")
    assert await call.read_command() == 'SET VARIABLE "PD_PONG" "telephony"'


def test_the_deadline_of_a_call_leaves_the_next_one_of_the_same_agent_alone() -> None:
    agent = "0197a000-0000-7000-8000-00000000000a"
    first, second = (
        DirectCall(leg=leg, agent_leg=agent, dial="PJSIP/+442079460000@carrier", ring_limit=30)
        for leg in (LEG, LEG.replace("c", "d"))
    )
    scripts = Scripts()
    scripts.expect_dial(second, refused=lambda: None)
    assert not scripts.forget_dial(first)
    assert scripts.forget_dial(second)
    assert not scripts.forget_dial(second)
