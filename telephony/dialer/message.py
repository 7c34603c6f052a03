"""A call that goes on without its agent: the recorded message that is left in a mailbox.

The rules of when it plays are in model/message_drop.py. The leg counts against the limits until it is gone; its agent
has nothing more to do with it, not even a wrap-up.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from telephony.dialer.errors import NoCapacity, Refused
from telephony.model.agent import AgentEffect, AgentEvent, AgentState
from telephony.model.attempt import AttemptEvent, AttemptState
from telephony.model.campaign import Mode
from telephony.model.message_drop import PATIENCE, MessageDrop, NotLeft, When
from telephony.model.outcomes import LegEnd
from telephony.model.reasons import Outcome, Refusal
from telephony.pbx.port import (
    BeepHeard,
    LegEnded,
    LegEvent,
    LiveLeg,
    MachineVerdict,
    MessagePlayed,
    OrderUnsettled,
    PbxUnreachable,
    SpeechEnded,
    Survey,
    SwitchboardError,
    UnknownLeg,
)
from telephony.store import attempts, messages
from telephony.store.grants import Full
from telephony.store.records import Agent, Attempt
from telephony.store.steps import step_attempt
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)


async def drop_message(desk: Desk, call: Call, when: When) -> None:
    """Take the call from its agent and let it hear the campaign's message; the agent is free at once.

    Raises `Refused` where there is no message, or no consent to it, and `NoCapacity` where nothing can listen for
    the beep; the call then goes on as it was.
    """

    if call.controls.held:
        raise Refused(Refusal.NOT_AVAILABLE, "Take the customer back from hold first")

    def transaction(work: Work) -> tuple[Attempt, Agent, tuple[AgentEffect, ...]] | Full:
        attempt, agent = replace(call.attempt), replace(desk.agent)
        message_id = messages.to_drop(work.conn, attempt)
        if message_id is None:
            raise Refused(Refusal.NOT_AVAILABLE, "The campaign has no message for mailboxes")
        if not messages.consented(work.conn, attempt):
            raise Refused(Refusal.NOT_AVAILABLE, "The contact has not agreed to recorded messages")
        if when is When.AUTO and (full := attempts.grant_listening(work, desk.ground.place, attempt)) is not None:
            return attempts.refuse_agent(work, agent, attempt.campaign_id, full)
        step_attempt(work, attempt, AttemptEvent.DROP_MESSAGE, message_id=message_id, message_when=when.value)
        call.recording.alone(work)
        return attempt, agent, _free(work, desk, agent, call)

    found = await desk.ground.change(transaction)
    if isinstance(found, Full):
        raise NoCapacity(found.code, scope_id=found.scope_id, used=found.used, limit=found.limit)
    call.attempt, desk.agent, effects = found
    one = MessageCall(desk, call)
    desk.messages[call.leg.id] = one
    desk.call = None
    desk.next(one.begin)
    call.controls.over()
    desk.carry_out(effects)


def _free(work: Work, desk: Desk, agent: Agent, call: Call) -> tuple[AgentEffect, ...]:
    if agent.attempt_id != call.attempt.id or agent.state not in (AgentState.DIALING, AgentState.TALKING):
        return ()
    off_line = call.settings.mode is Mode.PREVIEW
    event = AgentEvent.MESSAGE_DROPPED_OFF_LINE if off_line else AgentEvent.MESSAGE_DROPPED
    return desk.step(work, agent, event, attempt_id=None)


class MessageCall:
    """One such call, at the desk of the agent who dropped the message."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self._desk = desk
        self._call = call
        given_up = call.attempt.code == NotLeft.NO_BEEP
        self._drop = MessageDrop(When(call.attempt.message_when or When.AUTO), given_up=given_up)
        self._patience: asyncio.TimerHandle | None = None

    @property
    def attempt_id(self) -> str:
        return self._call.attempt.id

    async def begin(self) -> None:
        """Play at once where that is right, else wait for a cue."""
        if self._drop.begin(beep_age=self._call.beep_age):
            await self._play()
        else:
            await self._wait()

    async def leg_event(self, event: LegEvent) -> None:
        match event:
            case LegEnded():
                await self._over(event)
            case MessagePlayed():
                self._drop.played(whole=event.whole)
            case MachineVerdict():
                await self._call.verdict(event.verdict, event.cause)
            case BeepHeard():
                await self._call.beep()
                if self._call.attempt.state is AttemptState.MESSAGE and self._drop.beep():
                    await self._play()
            case SpeechEnded() if self._call.attempt.state is AttemptState.MESSAGE:
                if self._drop.speech_ended():
                    await self._play()
            case _:
                pass  # that the agent's leg was parted from it

    # Orders

    async def _wait(self) -> None:
        """Alone and in silence, with ears on."""
        board, leg = self._desk.ground.board, self._call.leg.id
        self.stop_timer()
        self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._desk.post, self._patience_over)
        try:
            await board.set_aside(leg)
        except SwitchboardError as error:
            await self._failed(error)
            return
        try:
            await board.listen(leg)
        except (PbxUnreachable, OrderUnsettled) as error:
            await self._failed(error)
        except SwitchboardError as error:
            log.warning("attempt %s: nobody listens for the beep: %s", self._call.attempt.id, error)

    async def _play(self) -> None:
        self.stop_timer()
        ground, message_id = self._desk.ground, self._call.attempt.message_id
        assert message_id is not None
        path = await ground.store.run(lambda conn: messages.path_of(conn, message_id))
        try:
            if path is None:
                self._drop.played(whole=False)  # taken away while it was about to be played
                await self._hang_up()
            else:
                await ground.board.play_message(self._call.leg.id, ground.sound(path))
        except SwitchboardError as error:
            await self._failed(error)

    async def _failed(self, error: SwitchboardError) -> None:
        """An order went wrong: the survey tells what became of the leg, or it is gone, or it must not stay."""
        if isinstance(error, (PbxUnreachable, OrderUnsettled)):
            await self.link_lost()
            self._desk.ground.resync_wanted.set()
            return
        log.warning("attempt %s: the message was not taken: %s", self._call.attempt.id, error)
        if not isinstance(error, UnknownLeg):
            # still with the agent, perhaps, whose next call waits
            self._drop.played(whole=False)
            await self._hang_up()

    async def _patience_over(self) -> None:
        if self._call.attempt.state is AttemptState.MESSAGE and self._drop.patience_over():
            await self._hang_up()

    async def hang_up(self, by: str) -> None:
        """Somebody wants its end, by hand."""
        if self._call.attempt.state is not AttemptState.MESSAGE:
            raise Refused(Refusal.NOT_AVAILABLE)
        await self._call.move(AttemptEvent.HANG_UP, cancelled_by=by)

    async def _hang_up(self) -> None:
        await self._call.move(AttemptEvent.HANG_UP, code=self._drop.not_left)

    def stop_timer(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    # The end

    async def _over(self, event: LegEnded) -> None:
        end = LegEnd(answered=event.answered, rang=event.rang, sip=event.sip, cause=event.cause)
        await self._ended(end, AttemptEvent.LEG_ENDED)

    async def _ended(self, end: LegEnd | None, event: AttemptEvent) -> None:
        not_left = self._drop.not_left
        outcome = Outcome.MESSAGE_DROPPED if not_left is None else Outcome.MESSAGE_NOT_LEFT
        await self._settle(end, outcome, event, not_left.value if not_left else None)

    async def _settle(self, end: LegEnd | None, outcome: Outcome, event: AttemptEvent, code: str | None) -> None:
        self.stop_timer()
        await self._call.ended(end, outcome, event=event, code=code)
        self._desk.messages.pop(self._call.leg.id, None)

    # After a start or a lost link

    async def link_lost(self) -> None:
        self.stop_timer()
        await self._call.link_lost()

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Go on with a leg that is still up, settle one that ended by what the flight recorder kept of it."""
        if not self._call.settles(survey, asked):
            return
        live, ended = survey.live.get(self._call.leg.id), survey.ended.get(self._call.leg.id)
        if live is not None:
            await self._call.move(AttemptEvent.FOUND_MESSAGE)
            await self._go_on(live)
        elif ended is not None:
            if ended.message_left:
                self._drop.played(whole=True)
            end = LegEnd(answered=ended.answered, rang=ended.rang, sip=ended.sip, cause=ended.cause)
            await self._ended(end, AttemptEvent.FOUND_ENDED)
        else:
            await self._settle(None, Outcome.PBX_LOST, AttemptEvent.FOUND_ENDED, None)

    async def _go_on(self, live: LiveLeg) -> None:
        if live.message == "playing":
            self._drop.found_playing()
        elif self._drop.given_up or self._drop.failed:
            await self._hang_up()
        else:
            await self.begin()
