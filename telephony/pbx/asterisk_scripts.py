"""What the dialplan asks the service over FastAGI: whom to join, which recorder rows to clear, is it there at all."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping

from telephony.pbx.asterisk_book import LEG_ID
from telephony.pbx.asterisk_orders import direct_variables
from telephony.pbx.asterisk_survey import FAMILY
from telephony.pbx.fastagi import AgiSession, Handler
from telephony.pbx.port import DIAL, JOIN, DialQuestion, DirectCall, Gate, JoinQuestion

log = logging.getLogger(__name__)

# The dialplan joins by itself after 2 s; answering before that keeps the reason in our hands.
GATE_DEADLINE = 1.5


class Scripts:
    """The FastAGI scripts `join`, `dial`, `forget` and `ping`."""

    def __init__(self) -> None:
        self.gate: Gate | None = None
        self._direct: dict[str, tuple[DirectCall, Callable[[], None]]] = {}
        self._batches: dict[str, tuple[list[str], asyncio.Future[None]]] = {}

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {"join": self._join, "dial": self._dial, "forget": self._forget, "ping": self._ping}

    def clearing(self, batch: str, legs: list[str]) -> asyncio.Future[None]:
        """Keep a list of legs for the script `forget`; the future is done when their rows are removed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batches[batch] = (legs, done)
        done.add_done_callback(lambda _: self._batches.pop(batch, None))
        return done

    def expect_dial(self, call: DirectCall, *, refused: Callable[[], None]) -> None:
        """An agent's leg will ask to dial this call; `refused` is called when it is told no, or hung up asking."""
        self._direct[call.agent_leg] = (call, refused)

    def forget_dial(self, call: DirectCall) -> bool:
        """No longer expect it; True where nothing was dialed and nothing will be."""
        expected, _ = self._direct.get(call.agent_leg, (None, None))
        if expected is not call:
            return False  # the agent's leg may have gone on to its next call
        del self._direct[call.agent_leg]
        return True

    async def _dial(self, session: AgiSession) -> None:
        """The guard: the variables to dial with, or a no for whatever was not granted or is no longer wanted."""
        call, refused = self._direct.pop(session.uniqueid, (None, None))
        if call is None or refused is None:
            await session.set_variable("PD_GO", "no")
            return
        told = False
        try:
            if await self._granted(call):
                for name, value in direct_variables(call).items():
                    await session.set_variable(name, value)
                await session.set_variable("PD_GO", DIAL)
                told = True
            else:
                await session.set_variable("PD_GO", "no")
        finally:
            if not told:
                refused()

    async def _granted(self, call: DirectCall) -> bool:
        if self.gate is None:
            return False
        try:
            async with asyncio.timeout(GATE_DEADLINE):
                return await self.gate(DialQuestion(leg=call.leg)) == DIAL
        except TimeoutError:
            log.warning("leg %s: no word from the guard within %g s, not dialed", call.leg, GATE_DEADLINE)
        except Exception as error:
            stack = "".join(traceback.format_tb(error.__traceback__))
            log.error("leg %s: the guard raised %s, not dialed\n%s", call.leg, type(error).__name__, stack)
        return False

    async def _join(self, session: AgiSession) -> None:
        answer = await self._ask_gate(session)
        await session.set_variable("PD_GO", answer)

    async def _ask_gate(self, session: AgiSession) -> str:
        """The gate's answer; JOIN where there is none in time: a person is on the line and an agent waits."""
        if self.gate is None or not LEG_ID.fullmatch(session.uniqueid):
            return JOIN
        verdict, cause = (*session.args, "", "")[:2]
        question = JoinQuestion(leg=session.uniqueid, verdict=verdict, cause=cause)
        try:
            async with asyncio.timeout(GATE_DEADLINE):
                return await self.gate(question)
        except TimeoutError:
            log.warning("leg %s: no word from the gate within %g s, joined", question.leg, GATE_DEADLINE)
        except Exception as error:
            # The stack without the exception's own text, which may quote a customer's data.
            stack = "".join(traceback.format_tb(error.__traceback__))
            log.error("leg %s: the gate raised %s, joined\n%s", question.leg, type(error).__name__, stack)
        return JOIN

    async def _forget(self, session: AgiSession) -> None:
        batch = await session.get_variable("PD_BATCH")
        legs, done = self._batches.get(batch or "", ([], None))
        for leg in legs:
            await session.database_del(FAMILY, leg)
        if done is not None and not done.done():
            done.set_result(None)

    async def _ping(self, session: AgiSession) -> None:
        await session.set_variable("PD_PONG", "telephony")
