"""After a start or a lost link: an attempt is settled by the channel list and the flight recorder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from telephony.model.attempt import AttemptEvent
from telephony.model.campaign import Mode
from telephony.model.outcomes import LegEnd
from telephony.model.reasons import Outcome
from telephony.pbx.port import LiveLeg, RecordedEnd, Survey

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

SENT_IN_FLIGHT = timedelta(seconds=3)
"""How long an order written just before a process died may still be on its way into Asterisk."""

LOOK_AGAIN_AFTER = 1.0
"""Seconds between two surveys while an order may be on its way."""

START_KNOWN_WITHIN = timedelta(seconds=2)
"""How exactly the start of the PBX is known. In doubt a call counts as placed: nobody is rung twice."""


class Settlement:
    """What really became of one call."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self._desk = desk
        self._call = call

    async def reconcile(self, survey: Survey, asked: datetime) -> None:
        """Settle an unknown attempt by the channel list and the flight recorder; `asked`: when the survey began."""
        if not self._call.settles(survey, asked):
            return
        self._call.agent_was_lost |= self._desk.reservation.line is None  # known before the service was restarted
        await self._settle_by(survey, asked)
        stash, self._call.stash = self._call.stash, []
        for event in stash:
            await self._call.leg_event(event)

    async def _settle_by(self, survey: Survey, asked: datetime) -> None:
        call, attempt = self._call, self._call.attempt
        live, ended, ordered = survey.live.get(call.leg.id), survey.ended.get(call.leg.id), call.leg.ordered_at
        if live is not None:
            await self._found_alive(live)
        elif ended is not None:
            end = LegEnd(answered=ended.answered, rang=ended.rang, sip=ended.sip, cause=ended.cause)
            call.agent_was_lost |= ended.abandoned
            if ended.amd_verdict:
                await call.verdict(ended.amd_verdict, ended.amd_cause)
            event = AttemptEvent.FOUND_ENDED
            if self._talked(ended) and attempt.joined_at is None:
                # when one that the agent's leg dialed was answered is not recorded
                await self.found_talking(datetime.fromtimestamp(ended.answered_at or ended.ended_at, UTC))
                event = AttemptEvent.LEG_ENDED
            await call.ended(end, call.outcome(end), event=event)
        elif ordered is not None and ordered < _running_since(survey):
            await call.ended(None, Outcome.PBX_LOST, event=AttemptEvent.FOUND_ENDED)
        elif ordered is not None and may_be_on_its_way(ordered, survey, asked):
            self._desk.ground.resync_in(LOOK_AGAIN_AFTER)
        elif call.at_fault:
            # never sent, as below; the contact waits, for it may be what the error comes from
            await call.ended(None, Outcome.SYSTEM_ERROR, event=AttemptEvent.FOUND_ENDED)
        else:
            # this PBX has run since before the placing and knows nothing of the leg: it was never sent
            await call.ended(None, Outcome.NOT_PLACED, event=AttemptEvent.FOUND_ENDED)

    def _talked(self, ended: RecordedEnd) -> bool:
        """Whether the customer was with the agent: who answers a call from the agent's leg is, from that moment on."""
        from_agent = self._call.settings.mode is not Mode.PREVIEW_STANDARD
        return ended.joined or (from_agent and ended.answered and self._call.attempt.cancelled_by is None)

    async def found_talking(self, at: datetime) -> None:
        """They were joined while nobody listened, at `at` where nothing better is known."""
        call, attempt = self._call, self._call.attempt
        answered, joined = attempt.answered_at or at, attempt.joined_at or at
        await call.move(AttemptEvent.FOUND_TALKING, call.agent_joins, answered_at=answered, joined_at=joined)

    async def _found_alive(self, live: LiveLeg) -> None:
        call, attempt = self._call, self._call.attempt
        state, joined_to = live.state, live.joined_to
        gone = self._desk.reservation.line is None
        if attempt.transferred_at is not None:
            await call.move(AttemptEvent.FOUND_TRANSFERRED)
        elif joined_to is not None and joined_to == call.transfer.leg:
            await call.transfer.handed_over(AttemptEvent.FOUND_TRANSFERRED)
        elif self._desk.agent.attempt_id != attempt.id:
            await call.move(AttemptEvent.FOUND_UNWANTED, cancelled_by="supervisor")  # who freed its agent
        elif attempt.cancelled_by is not None or (gone and joined_to is None):
            left = gone and state != "up" and attempt.answered_at is None
            by = attempt.cancelled_by or ("line" if left else None)
            await call.move(AttemptEvent.FOUND_UNWANTED, cancelled_by=by)
        elif joined_to is not None or live.parked:
            await self.found_talking(datetime.now(UTC))
            await call.controls.found(live)
            self._desk.next(call.hear_again)
            if gone:
                await call.agent_gone()  # since the survey was read
        elif state == "up":
            await call.move(AttemptEvent.FOUND_ANSWERED, answered_at=attempt.answered_at or datetime.now(UTC))
            self._desk.next(call.hear_again)
        else:
            call.deaf = True
            await call.move(AttemptEvent.FOUND_RINGING if state == "ringing" else AttemptEvent.FOUND_PLACING)


def may_be_on_its_way(ordered: datetime, survey: Survey, asked: datetime) -> bool:
    """True where a leg that the survey does not know may be up a moment later, unless the PBX was started since."""
    return asked - ordered < SENT_IN_FLIGHT and ordered >= _running_since(survey)


def _running_since(survey: Survey) -> datetime:
    return datetime.fromtimestamp(survey.running_since, UTC) + START_KNOWN_WITHIN
