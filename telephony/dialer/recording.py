"""The recording of one call: from the join on (`all`), or while the agent wants it (`on_demand`).

`all` is Asterisk's own work from the join on: it begins with the first word, and neither a service that is away nor a
slow one leaves anything out; here is only written down that it began. Pausing is told to the agent when Asterisk has
done it, never before: a card number may follow.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from telephony.dialer.errors import NoCapacity, Refused
from telephony.model.attempt import AttemptState
from telephony.model.campaign import Recording
from telephony.model.ids import new_id
from telephony.model.reasons import Capacity, Refusal
from telephony.pbx.port import OrderRefused, SwitchboardError, UnknownLeg
from telephony.store import attempts, recordings
from telephony.store.grants import Full
from telephony.store.recordings import Due, Kept
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.call import Call
    from telephony.dialer.desk import Desk

log = logging.getLogger(__name__)

_ACTIONS = {Recording.OFF: (), Recording.ALL: ("pause", "resume"), Recording.ON_DEMAND: ("start", "stop")}


class CallRecording:
    """What is recorded of one call, and what its agent asks about it."""

    def __init__(self, desk: Desk, call: Call) -> None:
        self._desk = desk
        self._call = call

    @property
    def file(self) -> str:
        """What the PBX records the present leg into, as the PBX knows it; empty for nothing."""
        return self._file(self._call.leg.id) if self._call.settings.recording is Recording.ALL else ""

    def _file(self, recording_id: str) -> str:
        audio = self._desk.ground.audio
        return audio.for_pbx(audio.recording(recording_id))

    def joined(self, work: Work) -> None:
        """Inside the transaction that makes the join true."""
        call = self._call
        if call.settings.recording is Recording.ALL:
            at = call.attempt.joined_at or work.now
            recordings.begin(work, self._desk.ground.place, call.attempt, call.leg.id, on_demand=False, at=at)

    def over(self) -> None:
        """The call's end is stored: what was recorded of it is looked at now."""
        if self._call.settings.recording is not Recording.OFF:
            self._desk.ground.recordings_wanted.set()

    def alone(self, work: Work) -> None:
        """Inside the transaction after which the customer hears a message alone: that is not recorded."""
        running = recordings.running(work.conn, self._call.attempt.id)
        if running is not None:
            recordings.stop(work, self._call.attempt, running)
            if self._call.settings.recording is Recording.ON_DEMAND:
                self._desk.next(lambda: self._end_tape(running))

    async def _end_tape(self, tape: str) -> None:
        try:
            await self._desk.ground.board.stop_recording(tape)
        except SwitchboardError as error:
            log.warning("recording %s: not stopped: %s", tape, error)

    async def act(self, action: str) -> None:
        """Carry out start, stop, pause or resume; the same one again changes nothing.

        Raises `Refused` where the campaign or the call's state does not allow it, `NoCapacity`.
        """
        allowed = _ACTIONS[self._call.settings.recording]
        if action not in allowed:
            can = f"only {' and '.join(allowed)}" if allowed else "nothing is recorded"
            text = f"This campaign's recording is '{self._call.settings.recording.value}': {can}"
            raise Refused(Refusal.ACTION_DISABLED, text)
        if self._call.attempt.state is not AttemptState.TALKING or self._call.controls.held:
            raise Refused(Refusal.NOT_AVAILABLE, "Only a conversation can be recorded")
        running = await self._desk.ground.store.run(lambda conn: recordings.running(conn, self._call.attempt.id))
        if action == "start":
            await self._start(running)
        elif action == "stop":
            await self._stop(running)
        else:
            await self._pause(running, paused=action == "pause")

    async def rest(self) -> bool:
        """Before a hold: one on demand ends here; whether there was one. The other kind rests by itself."""
        if self._call.settings.recording is not Recording.ON_DEMAND:
            return False
        running = await self._desk.ground.store.run(lambda conn: recordings.running(conn, self._call.attempt.id))
        await self._stop(running)
        return running is not None

    async def go_on(self) -> None:
        """After that hold: the next part. Raises what `act` raises."""
        await self._start(None)

    async def _start(self, running: str | None) -> None:
        if running is not None:
            return
        ground, attempt, tape = self._desk.ground, self._call.attempt, new_id()

        def transaction(work: Work) -> Full | None:
            full = recordings.begin(work, ground.place, attempt, tape, on_demand=True, at=work.now)
            if full is not None:
                attempts.refuse_agent(work, self._desk.agent, attempt.campaign_id, full)
            return full

        full = await ground.change(transaction)
        if full is not None:
            raise NoCapacity(full.code, scope_id=full.scope_id, used=full.used, limit=full.limit)
        try:
            await self._order(ground.board.record(self._call.leg.id, tape=tape, file=self._file(tape)))
        except (Refused, NoCapacity):
            await ground.change(lambda work: self._not_begun(work, tape))
            raise

    def _not_begun(self, work: Work, tape: str) -> None:
        attempt = self._call.attempt
        one = Due(
            id=tape,
            tenant_id=attempt.tenant_id,
            attempt_id=attempt.id,
            agent_id=attempt.agent_id,
            paused=False,
            expected=0.0,
            ended_at=work.now,
            closed_at=work.now,
        )
        recordings.settle(work, one, Kept(error="NOT_BEGUN"))

    async def _stop(self, running: str | None) -> None:
        if running is None:
            return
        await self._order(self._desk.ground.board.stop_recording(running), gone_is_done=True)
        await self._desk.ground.change(lambda work: recordings.stop(work, self._call.attempt, running))
        self._desk.ground.recordings_wanted.set()

    async def _pause(self, running: str | None, *, paused: bool) -> None:
        if running is None:
            raise Refused(Refusal.NOT_AVAILABLE, "Nothing is being recorded")
        await self._order(self._desk.ground.board.pause_recording(self._call.leg.id, paused=paused))
        await self._desk.ground.change(lambda work: recordings.pause(work, self._call.attempt, running, paused=paused))

    async def _order(self, order: Awaitable[None], *, gone_is_done: bool = False) -> None:
        try:
            await order
        except UnknownLeg as error:
            if not gone_is_done:
                raise Refused(Refusal.NOT_AVAILABLE, "The call has just ended") from error
        except OrderRefused as error:
            log.error("attempt %s: recording: %s", self._call.attempt.id, error)
            raise Refused(Refusal.NOT_AVAILABLE, "Nothing is being recorded of this call") from error
        except SwitchboardError as error:
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error
