"""Bringing an agent's line back whose page was loaded anew, and with it the customer the agent talked to.

The sound of the old call died with the page (its keys went with it), so the page is called anew for the same
reservation; the customer waits in the telephone system meanwhile, and not at the end of a dead line. What leads to what
is the table in model/line.py.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from telephony.dialer.settlement import LOOK_AGAIN_AFTER
from telephony.model.agent import WITH_LINE, AgentState, IdleReason
from telephony.model.attempt import AttemptState
from telephony.model.campaign import Mode
from telephony.model.line import LINE, RECOVERY_WITHIN, LineEffect, LineEvent, LineState
from telephony.model.transfer import TransferState
from telephony.pbx.port import (
    AgentCall,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    Survey,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import agents, controls
from telephony.store.agents import Line
from telephony.store.grants import Full
from telephony.store.records import Attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)
Job = Callable[[], Awaitable[None]]

NO_SOUND = 44
"""The cause with which Asterisk ends a leg that sends nothing any more (rtp_timeout)."""

RELOADED = "page_reloaded"
"""How a leg ended that the page lost."""


class Recovery:
    """Of one desk's line: `state` is what the table says of it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.state = LINE.initial
        self._back = asyncio.Event()  # while the line is as it should be
        self._back.set()
        self._timer: asyncio.TimerHandle | None = None
        self._owed = False  # the call was lost while the customer was being dialed from it
        # the customer was to be joined to the line that is back, and nobody knows whether they are
        self.owes_join = False
        self._put_off: Job | None = None

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reset(self) -> None:
        """The line is gone, or what is known of it is read anew."""
        self.stop_timer()
        self._is(LINE.initial)
        self._owed = False
        self.owes_join = False
        self._put_off = None

    def _is(self, state: LineState) -> None:
        self.state = state
        if state is LineState.HELD:
            self._back.set()
        else:
            self._back.clear()

    @property
    def awaits_answer(self) -> bool:
        """The page is being called anew."""
        return self.state is LineState.CALLING

    @property
    def has_no_leg(self) -> bool:
        """The last one has ended and the page could not be called: the page, or the clock, says how it goes on."""
        return self.state is LineState.AWAY

    async def settled(self, within: float) -> None:
        """Wait until the line is not on its way back any more, for so many seconds at the most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._back.wait()

    def put_off(self, job: Job) -> bool:
        """True where the line is on its way back: the job is done once it is there, or will not come any more."""
        if self.state is LineState.HELD:
            return False
        self._put_off = job
        return True

    # What happens

    async def attached(self, leg: str | None) -> None:
        """The page has registered, and holds this leg's call; any other call of the line is lost with the old page."""
        line = self._desk.reservation.line
        lost = line is not None and line.answered and leg != line.leg_id
        if not lost or not self._desk.agent.browser_phone or self._desk.reservation.ending:
            return
        if self._desk.agent.state not in WITH_LINE | {AgentState.WRAP_UP}:
            return
        if self.state is LineState.HELD and self._dials_from_line:
            self._owed = True  # to end it now would end the customer's ringing; the join comes first
            return
        await self._step(LineEvent.CALL_LOST)

    async def line_free(self) -> None:
        """The customer who was dialed from the line is joined or gone: what was put off is done now."""
        if self._owed and self._desk.reservation.keeps_line and not self._dials_from_line:
            self._owed = False
            await self._step(LineEvent.CALL_LOST)

    async def leg_event(self, event: LegEvent) -> bool:
        """True where this was about a line on its way back; all else is the reservation's."""
        if self.state is LineState.HELD:
            return isinstance(event, LegEnded) and await self._outlived(event)
        if self._desk.reservation.ending:
            await self._step(LineEvent.UNWANTED)
            return False
        match event:
            case LegAppeared() if LINE.knows(self.state, LineEvent.APPEARED):
                await self._step(LineEvent.APPEARED)
            case LegAnswered():
                await self._step(LineEvent.ANSWERED)
            case LegEnded():
                await self._step(LineEvent.LEG_ENDED)
            case _:
                pass
        return True

    async def _outlived(self, event: LegEnded) -> bool:
        """True where a page in a call is there and only its sound was lost, as by a change of networks: called anew."""
        desk, phone = self._desk, self._desk.agent.browser_phone
        if event.cause != NO_SOUND or not phone or self._talking is None or desk.reservation.ending:
            return False
        if desk.agent.state is not AgentState.TALKING or not await desk.ground.board.phone_ready(phone):
            return False
        await self._step(LineEvent.LEG_LOST)
        return True

    async def unwanted(self) -> None:
        """The line is to end."""
        if self.state is LineState.AWAY:
            await self._step(LineEvent.UNWANTED)

    async def _time_up(self) -> None:
        if LINE.knows(self.state, LineEvent.TIME_UP):
            log.info("desk %s: the page did not come back in time", self._desk.agent.id)
            await self._step(LineEvent.TIME_UP)

    async def reconcile(self, survey: Survey) -> None:
        """After a start or a lost link: a customer who waits for the line is joined to it, now or once answered.

        A leg that was to end and is still there is ended once more.
        """
        call, line = self._talking, self._desk.reservation.line
        if line is not None and line.leg_id in survey.live and LINE.knows(self.state, LineEvent.APPEARED):
            await self._step(LineEvent.APPEARED)
        if self.owes_join and self.state is LineState.HELD:
            self.owes_join = False
            self._desk.next(self._join)
        if line is None or call is None or not call.attempt.away or self.state is not LineState.HELD:
            return
        live = survey.live.get(line.leg_id)
        if live is not None and live.state == "up":
            attempt = replace(call.attempt)
            await self._desk.ground.change(lambda work: controls.change(work, attempt, away=False))
            call.attempt = attempt
            self._desk.next(self._join)
        elif live is not None:
            self._is(LineState.CALLING)
            self._carry_out(LineEffect.START_CLOCK, line)

    # What it leads to

    async def _step(self, event: LineEvent) -> None:
        """One step: stored first, then carried out."""
        line = self._desk.reservation.line
        assert line is not None
        before, step = self.state, LINE.step(self.state, event)
        new_leg = LineEffect.CALL_PHONE in step.effects

        def transaction(work: Work) -> tuple[str | None, Attempt | None]:
            work.stepped("line", line.reservation_id, before, event, step.state)
            if event in (LineEvent.LEG_ENDED, LineEvent.LEG_LOST):
                agents.leg_ended(work, line.leg_id, RELOADED)
            elif event is LineEvent.ANSWERED:
                agents.leg_answered(work, line.leg_id)
            leg = agents.renew_line(work, self._desk.ground.place, self._desk.agent, line) if new_leg else None
            return None if isinstance(leg, Full) else leg, self._tell(work, away=step.state is not LineState.HELD)

        leg, attempt = await self._desk.ground.change(transaction)
        self._is(step.state)
        if attempt is not None and self._desk.call is not None:
            self._desk.call.attempt = attempt
        if leg is not None:
            self._desk.reservation.has_leg(leg)
        for effect in step.effects:
            self._carry_out(effect, line)
        if step.state is LineState.HELD and self._put_off is not None:
            self._desk.next(self._put_off)
            self._put_off = None

    def _tell(self, work: Work, *, away: bool) -> Attempt | None:
        """The call's page and the floor see that the agent is away, or back."""
        call = self._desk.call
        if call is None or call.attempt.away == away or not call.live:
            return None
        if call.attempt.state is AttemptState.UNKNOWN and not away:
            return None  # the survey tells whether there is a customer to be joined, and then they are
        attempt = replace(call.attempt)
        controls.change(work, attempt, away=away)
        return attempt

    def _carry_out(self, effect: LineEffect, line: Line) -> None:
        match effect:
            case LineEffect.START_CLOCK:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(RECOVERY_WITHIN, self._desk.post, self._time_up)
            case LineEffect.STOP_CLOCK:
                self.stop_timer()
            case LineEffect.PARK_CUSTOMER:
                self._desk.next(self._park)
            case LineEffect.END_LEG:
                leg = line.leg_id
                self._desk.next(lambda: self._desk.end_leg(leg))
            case LineEffect.CALL_PHONE:
                self._desk.next(self._call_phone)
            case LineEffect.JOIN_CUSTOMER:
                self._desk.next(self._join)
            case LineEffect.LOSE_LINE:
                self._desk.next(self._lose)

    @property
    def _talking(self) -> Call | None:
        call = self._desk.call
        return call if call is not None and call.attempt.state is AttemptState.TALKING else None

    @property
    def _dials_from_line(self) -> bool:
        """Whether the agent's leg itself dials the customer, whose ringing would end with it."""
        call = self._desk.call
        if call is None or self._desk.agent.state is not AgentState.DIALING:
            return False
        return call.settings.mode is not Mode.PREVIEW_STANDARD

    async def _lose(self) -> None:
        await self._desk.reservation.lost(IdleReason.PHONE_LOST)

    @property
    def _partner(self) -> str | None:
        """Whom an agent in a call talks to: the customer, or the third party while the customer waits for the two."""
        call = self._talking
        if call is None:
            return None
        if call.transfer.state is TransferState.TALKING:
            return call.transfer.leg
        return None if call.controls.held else call.leg.id

    async def _park(self) -> None:
        leg = self._partner
        if leg is None:
            return
        try:
            await self._desk.ground.board.park(leg)
        except UnknownLeg:
            pass  # hung up in this moment; its end is on the way
        except SwitchboardError as error:
            log.warning("leg %s: could not be parked: %s", leg, error)

    async def _call_phone(self) -> None:
        line, agent = self._desk.reservation.line, self._desk.agent
        if line is None or self.state is not LineState.CALLING:
            return
        self._desk.reservation.is_ordered()
        call = AgentCall(leg=line.leg_id, phone=agent.endpoint, ring_limit=math.ceil(RECOVERY_WITHIN), in_browser=True)
        try:
            await self._desk.ground.board.ring_agent(call)
        except (PbxUnreachable, OrderRefused) as error:
            log.warning("leg %s: the page could not be called: %s", line.leg_id, error)
            await self._step(LineEvent.LEG_ENDED)
        except OrderUnsettled:
            self._desk.ground.resync_wanted.set()

    async def _join(self) -> None:
        """The customer who waits is joined to the new leg; one who still rings will be."""
        line, call = self._desk.reservation.line, self._desk.call
        if line is None or call is None or not call.live or call.attempt.transferred_at is not None:
            return
        if call.attempt.state is AttemptState.UNKNOWN:
            return  # `reconcile` comes back to it
        board = self._desk.ground.board
        try:
            if call.attempt.muted:
                await board.mute(line.leg_id, muted=True)
            if self._talking is None:
                await board.play_ringing(line.leg_id)
                await board.answer_to(call.leg.id, line.leg_id)
            elif (leg := self._partner) is not None:
                await board.join(leg, line.leg_id)
        except UnknownLeg:
            pass  # one of the two has just ended; its end is on the way
        except SwitchboardError as error:
            log.warning("attempt %s: not joined to the line that is back: %s", call.attempt.id, error)
            self.owes_join = True
            self._desk.ground.resync_in(LOOK_AGAIN_AFTER)
