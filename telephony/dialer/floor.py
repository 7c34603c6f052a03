"""The floor: all desks of one cell, what reaches them, and what looks for work.

It takes events from the switchboard and hands each to the desk that owns the leg; it keeps watch over presence,
looks for contacts that became due, and after every link-up settles each desk by what Asterisk really has.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from telephony.dialer import phones
from telephony.dialer.changes import Changes
from telephony.dialer.desk import Desk
from telephony.dialer.errors import Elsewhere, NotFound, Refused
from telephony.dialer.ground import Ground
from telephony.dialer.presence import Presence
from telephony.dialer.preview import Pulled
from telephony.dialer.recorded import Recorded
from telephony.dialer.requests import CallRequests, at_call
from telephony.dialer.stored import Stored
from telephony.dialer.supervision import Supervision
from telephony.model.agent import AGENT, AgentEvent, AgentState
from telephony.model.message_drop import When
from telephony.model.reasons import Refusal, Withdrawal
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.port import (
    END,
    DialQuestion,
    EarsState,
    Event,
    JoinQuestion,
    LegAnswered,
    LegAppeared,
    LegEvent,
    LegRang,
    LinkLost,
    LinkUp,
    Survey,
    Switchboard,
    SwitchboardError,
)
from telephony.store import agents, cells, claims, offers, outbox
from telephony.store.engine import Store, StoreUnavailable
from telephony.store.grants import Place
from telephony.store.work import Work

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for due contacts while somebody waits for one; work that comes up rings a bell anyway."""

FORGET_EVERY = 30.0
"""Seconds between two clean-ups of the flight recorder and of old events."""

FORGET_AT_ONCE = 200
"""Legs removed from the flight recorder in one go: a few milliseconds of FastAGI."""

EVENTS_KEPT = timedelta(hours=24)
"""How long the live feed can be resumed (SPEC section 7)."""


GATE_PATIENCE = 1.5
"""Seconds an answered customer's question waits for an agent's page that is on its way back; the PBX waits for 2."""


class Floor:
    """The dialer of one cell: what the web asks of it and what runs by itself."""

    def __init__(
        self, *, store: Store, board: Switchboard, place: Place, audio: AudioFolder, recording_days: int = 0
    ) -> None:
        self.changes = Changes()
        self.ground = Ground(store=store, board=board, place=place, changes=self.changes, audio=audio)
        self.ground.free_colleague = self.free_colleague
        self._recorded = Recorded(self.ground, days=recording_days)
        self.presence = Presence()
        self.desks: dict[str, Desk] = {}
        self.calls = CallRequests(self)
        self.supervision = Supervision(self)
        self.ready = False
        self._links = 0  # how often the link was lost: a survey from before that tells nothing any more
        self._tasks: list[asyncio.Task[None]] = []

    # Start and stop

    async def start(self) -> None:
        """Load the agents, connect to the PBX, begin to watch. Calls that are up are taken over, not touched."""
        await self._load()
        self.ground.board.subscribe(self._on_event, self._gate)
        loop = asyncio.get_running_loop()
        watches = (
            self._watch_link,
            self._watch_work,
            self._watch_offers,
            self._watch_presence,
            self._watch_age,
            self._recorded.watch,
        )
        for watch in watches:
            self._tasks.append(loop.create_task(watch(), name=watch.__name__))
        await self.ground.board.start()

    async def stop(self) -> None:
        """Stop deciding; calls that are up stay up and are taken over by the next start."""
        self.ready = False
        await self.ground.board.stop()
        for task in [*self._tasks, *self.ground.tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self.ground.tasks, return_exceptions=True)
        await asyncio.gather(*(desk.close() for desk in self.desks.values()))

    @property
    def pbx_connected(self) -> bool:
        return self.ground.board.connected

    @property
    def recordings_work(self) -> bool:
        """False where the PBX was asked to record for a trial and nothing arrived."""
        return self.ground.recordings_work

    def recordings_changed(self) -> None:
        """Recordings are to be removed."""
        self.ground.recordings_wanted.set()

    @property
    def ears(self) -> EarsState:
        return self.ground.board.ears

    async def _load(self) -> None:
        def transaction(work: Work) -> list[Stored]:
            return [Stored(work, agent) for agent in agents.of_cell(work, self.ground.place.cell_id)]

        for stored in await self.ground.change(transaction):
            self._seat(stored)

    def _seat(self, stored: Stored) -> Desk:
        desk = Desk(self.ground, stored, present=self.presence.holds)
        self.desks[stored.agent.id] = desk
        desk.open()
        desk.post(desk.link_lost)  # nothing is known of its calls until the first survey
        return desk

    async def desk(self, agent_id: str) -> Desk:
        """The desk of an agent of this cell; raises `Elsewhere` for another cell's, `NotFound` for anybody else."""
        found = self.desks.get(agent_id)
        if found is not None:
            if not found.at_rest or not await found.ask(found.was_moved):
                return found
            if self.desks.get(agent_id) is found:
                del self.desks[agent_id]
                self.ground.spawn(found.retire())

        def transaction(work: Work) -> Stored | str | None:
            agent = agents.load(work, agent_id)
            if agent is None:
                return None
            if agent.cell_id != self.ground.place.cell_id:
                return cells.url_of(work.conn, agent.cell_id)
            return Stored(work, agent)

        made = await self.ground.change(transaction, urgent=True)
        if made is None:
            raise NotFound("agent")
        if isinstance(made, str):
            raise Elsewhere(made)
        return self.desks.get(agent_id) or self._seat(made)

    # What the web asks

    async def set_state(self, agent_id: str, state: str, reason: str | None = None) -> None:
        """Available, idle (with a reason) or offline, by the agent's own wish."""
        desk = await self.desk(agent_id)
        self.presence.seen(agent_id)
        if state == "available" and desk.agent.state in (AgentState.OFFLINE, AgentState.IDLE):
            if self.supervision.monitoring.busy(agent_id):
                raise Refused(Refusal.NOT_AVAILABLE, "Your phone is in a call that you monitor: leave that first")
            await phones.check(self.ground, agent_id)
        await desk.ask(lambda: desk.set_state(state, reason))

    async def set_phone(self, agent_id: str, phone: str) -> None:
        desk = await self.desk(agent_id)
        await desk.ask(lambda: desk.set_phone(phone))

    async def use_browser(self, agent_id: str) -> None:
        """Call this agent in the browser from now on."""
        desk = await self.desk(agent_id)
        await desk.ask(desk.use_browser)

    async def phone_ready(self, phone: str) -> bool | None:
        """Whether a phone is registered; None: not known."""
        return await self.ground.board.phone_ready(phone)

    async def phone_trouble(self, agent_id: str, code: str, call: str | None) -> None:
        """The agent's page says what its phone lacks."""
        desk = await self.desk(agent_id)
        await desk.ask(lambda: desk.browser_phone.trouble(code, call))

    async def phone_attached(self, agent_id: str, leg: str | None) -> None:
        """The agent's page registered its phone, and says which call it still has up."""
        desk = await self.desk(agent_id)
        await desk.ask(lambda: desk.recovery.attached(leg))

    async def next_pull(self, agent_id: str, campaign_id: str) -> Pulled:
        """Show the agent a contact of a campaign in the mode preview; what is open already is shown again."""
        desk = await self.desk(agent_id)
        if desk.agent.state is AgentState.AVAILABLE:
            await phones.check(self.ground, agent_id)
        return await desk.ask(lambda: desk.preview.pull(campaign_id))

    async def decide(self, agent_id: str, offer_id: str, action: str) -> dict[str, Any]:
        """Accept, skip, remove or leave an offer; the answer names its state and the attempt made."""
        desk = await self.desk(agent_id)
        return await desk.ask(lambda: desk.preview.decide(offer_id, action))

    async def cancel(self, agent_id: str, attempt_id: str) -> None:
        desk = await self.desk(agent_id)
        desk.foresee_cancel(attempt_id)
        await at_call(desk, attempt_id, lambda call: call.cancel())

    async def hang_up(self, agent_id: str, attempt_id: str) -> None:
        desk = await self.desk(agent_id)
        desk.foresee_cancel(attempt_id)
        await at_call(desk, attempt_id, lambda call: call.hang_up())

    async def voicemail_left(self, agent_id: str, attempt_id: str) -> None:
        desk = await self.desk(agent_id)
        await at_call(desk, attempt_id, lambda call: call.voicemail_left())

    async def drop_message(self, agent_id: str, attempt_id: str, when: When) -> None:
        desk = await self.desk(agent_id)
        try:
            await at_call(desk, attempt_id, lambda call: call.drop_message(when))
        except Refused:
            if not desk.hears_message(attempt_id):  # the same request again changes nothing
                raise

    async def record(self, agent_id: str, attempt_id: str, action: str) -> None:
        """Start, stop, pause or resume the recording of the agent's call."""
        desk = await self.desk(agent_id)
        await at_call(desk, attempt_id, lambda call: call.recording.act(action))

    async def wrap_up(
        self,
        agent_id: str,
        attempt_id: str,
        *,
        disposition: str,
        note: str = "",
        callback_at: datetime | None = None,
        callback_mine: bool = False,
    ) -> None:
        """Store the result of an ended call; raises `ValueError` for a disposition that is not the campaign's."""
        desk = await self.desk(agent_id)
        await desk.ask(
            lambda: desk.wrap_up.save(
                attempt_id, disposition, note=note, callback_at=callback_at, callback_mine=callback_mine
            )
        )

    async def here(self, agent_id: str) -> None:
        """Raises what `desk` raises."""
        await self.desk(agent_id)

    def free_colleague(self, agent_id: str) -> None:
        """An agent to whom a call was to be handed goes back to what they were, unless another one is."""
        desk = self.desks.get(agent_id)
        taken = any(one.colleague == agent_id for other in self.desks.values() for one in other.thirds.values())
        if desk is not None and not taken and agent_id not in self.calls.promised:
            desk.post(desk.colleague.back)

    def seen(self, agent_id: str) -> None:
        self.presence.seen(agent_id)

    def live_opened(self, agent_id: str) -> None:
        self.presence.opened(agent_id)

    def live_closed(self, agent_id: str) -> None:
        self.presence.closed(agent_id)

    def wake(self) -> None:
        """Contacts, campaigns or limits changed: look for work again."""
        self.ground.work_wanted.set()

    async def campaign_stopped(self, campaign_id: str) -> None:
        """Withdraw the open offers of a campaign that was stopped."""
        cell = self.ground.place.cell_id
        for offer_id, agent_id in await self.ground.change(
            lambda work: offers.open_of_campaign(work, campaign_id, cell)
        ):
            await self._withdraw(agent_id, offer_id, Withdrawal.CAMPAIGN_STOPPED)

    async def withdraw_contact(self, contact_id: str, code: Withdrawal) -> None:
        """Withdraw the open offer of a contact that was removed, or whose number is not to be called any more."""
        found = await self.ground.change(lambda work: offers.open_of_contact(work, contact_id))
        if found is not None:
            await self._withdraw(found[1], found[0], code)

    async def _withdraw(self, agent_id: str, offer_id: str, code: Withdrawal) -> None:
        desk = self.desks.get(agent_id)
        if desk is not None:
            await desk.ask(lambda: desk.preview.withdraw(offer_id, code))

    # What the PBX tells

    def _on_event(self, event: Event) -> None:
        if isinstance(event, LegEvent):
            owner = self.ground.owners.get(event.leg)
            if owner is not None:
                owner.leg_event(event)
            elif isinstance(event, (LegAppeared, LegRang, LegAnswered)):
                # a leg whose attempt was settled already must not ring on
                self.ground.spawn(self._end_orphan(event.leg))
        elif isinstance(event, LinkUp):
            self.ground.resync_wanted.set()
        elif isinstance(event, LinkLost):
            log.warning("the link to the PBX is lost: %s", event.reason)
            self.ready = False
            self._links += 1
            for desk in self.desks.values():
                desk.post(desk.link_lost)
            self.ground.spawn(self._tell_link(connected=False))

    async def _gate(self, question: JoinQuestion | DialQuestion) -> str:
        owner = self.ground.owners.get(question.leg)
        if not isinstance(owner, Desk):
            return END
        desk = owner
        if isinstance(question, JoinQuestion):
            await desk.recovery.settled(GATE_PATIENCE)

        async def ask() -> str:
            if desk.call is None or desk.call.leg.id != question.leg:
                return END
            if isinstance(question, DialQuestion):
                return desk.call.guard()
            return await desk.call.gate(question.verdict, question.cause)

        return await desk.ask(ask)

    async def _end_orphan(self, leg: str) -> None:
        """End a leg that this cell placed and nobody waits for; others on the same PBX are not ours to touch."""
        cell = self.ground.place.cell_id
        if not await self.ground.store.run(lambda conn: agents.is_leg_of(conn, leg, cell)):
            return
        log.warning("leg %s belongs to nobody: ended", leg)
        with contextlib.suppress(SwitchboardError):
            await self.ground.board.hang_up(leg)

    async def _tell_link(self, *, connected: bool) -> None:
        tenants = {desk.agent.tenant_id for desk in self.desks.values()}

        def transaction(work: Work) -> None:
            for tenant in sorted(tenants):
                work.tell(tenant, "pbx.state", {"connected": connected})

        await self.ground.change(transaction)

    # What runs by itself

    async def _watch_link(self) -> None:
        while True:
            await self.ground.resync_wanted.wait()
            self.ground.resync_wanted.clear()
            if not self.ground.board.connected:
                continue
            try:
                link, asked = self._links, datetime.now(UTC)
                await self._reconcile(await self.ground.board.survey(), link, asked)
            except (SwitchboardError, StoreUnavailable) as error:
                log.warning("the survey of the PBX failed, again in 1 s: %s", error)
                asyncio.get_running_loop().call_later(1.0, self.ground.resync_wanted.set)
            except Exception:
                # whatever it is, calls wait for being settled: this watch never ends
                log.exception("the survey of the PBX failed, again in 1 s")
                asyncio.get_running_loop().call_later(1.0, self.ground.resync_wanted.set)

    async def _reconcile(self, survey: Survey, link: int, asked: datetime) -> None:
        """Settle the desks one after the other; one that fails looks after itself and does not stop the others."""

        async def settle(desk: Desk) -> None:
            if self._links == link:  # in the desk's own order: a loss of the link meanwhile is known by now
                await desk.reconcile(survey, asked)

        for desk in list(self.desks.values()):
            if desk.unfinished or desk.agent.state not in _RESTING:
                with contextlib.suppress(Exception):
                    await desk.ask(partial(settle, desk))
        if self._links != link:
            return  # the next link-up brings a new survey
        await self.supervision.monitoring.reconcile(survey, asked)
        for desk in [one for one in self.desks.values() if one.colleague.busy]:
            self.free_colleague(desk.agent.id)
        for leg in survey.live:
            if leg not in self.ground.owners:
                await self._end_orphan(leg)
        self.ground.settled.update(leg for leg in survey.ended if leg not in self.ground.owners)
        if not self.ready:
            await self._tell_link(connected=True)
            if self._links != link:
                return
            self.ready = True
            self.presence.restart()
            log.info("ready: %d legs are up", len(survey.live))
            self.ground.spawn(self._recorded.try_out())
        self.wake()

    async def _watch_work(self) -> None:
        cell = self.ground.place.cell_id
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self.ground.work_wanted.wait()
            self.ground.work_wanted.clear()
            waiting = [desk for desk in self.desks.values() if desk.agent.state is AgentState.AVAILABLE]
            if not self.ready or not waiting:
                continue
            try:
                due, later = await self.ground.store.run(
                    lambda conn: claims.due_agents(Work(conn, datetime.now(UTC)), cell)
                )
            except StoreUnavailable as error:
                log.error("the database cannot be reached: %s", error)
                continue
            except Exception:
                log.exception("the look for due contacts failed")
                continue
            for desk in waiting:
                if desk.agent.id in due:
                    desk.post(desk.reservation.find_contact)
            if later is not None and (left := (later - datetime.now(UTC)).total_seconds()) < LOOK_EVERY:
                asyncio.get_running_loop().call_later(max(0.0, left), self.ground.work_wanted.set)

    async def _watch_offers(self) -> None:
        """Withdraw offers whose contact or campaign was taken away in another cell, or by a command."""
        cell = self.ground.place.cell_id
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if all(desk.preview.offer is None for desk in self.desks.values()):
                continue
            try:
                for offer_id, agent_id, code in await self.ground.store.read(lambda conn: offers.unwanted(conn, cell)):
                    await self._withdraw(agent_id, offer_id, code)
            except StoreUnavailable as error:
                log.error("the database cannot be reached: %s", error)
            except Exception:
                log.exception("the look at what is on the screens failed")

    async def _watch_presence(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if not self.ready:
                continue  # an agent cannot reach a service that is not ready
            for desk in self.desks.values():
                lost = (
                    AGENT.knows(desk.agent.state, AgentEvent.DESKTOP_LOST) and desk.agent.wish_reason != "desktop_lost"
                )
                if lost and not self.presence.holds(desk.agent.id):
                    desk.post(desk.desktop_lost)

    async def _watch_age(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY)
            legs = list(self.ground.settled)[:FORGET_AT_ONCE]
            try:
                if legs and self.ground.board.connected:
                    await self.ground.board.forget(legs)
                    self.ground.settled.difference_update(legs)
                await self.ground.store.run(lambda conn: outbox.prune(conn, datetime.now(UTC) - EVENTS_KEPT))
            except (SwitchboardError, StoreUnavailable) as error:
                log.warning("clean-up failed, again in %d s: %s", FORGET_EVERY, error)
            except Exception:
                log.exception("clean-up failed, again in %d s", FORGET_EVERY)


_RESTING = frozenset({AgentState.OFFLINE, AgentState.IDLE, AgentState.AVAILABLE})
