"""What agents ask about a call under way, beyond placing and ending it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from telephony.dialer.call import Call
from telephony.dialer.errors import Elsewhere, NoCapacity, NotFound, OfferClosed, Refused
from telephony.dialer.preview import told
from telephony.model.reasons import Capacity, Refusal, Withdrawal
from telephony.model.transfer import TransferEvent, TransferState
from telephony.pbx.port import OrderRefused, SwitchboardError
from telephony.store import agents, attempts, beside, do_not_call, offers
from telephony.store.beside import Third
from telephony.store.grants import Full
from telephony.store.records import Attempt, Offer
from telephony.store.work import Work

if TYPE_CHECKING:
    from telephony.dialer.desk import Desk
    from telephony.dialer.floor import Floor

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """To whom a call is handed: a colleague, else a number (E.164)."""

    agent_id: str | None = None
    number: str = ""


def call_of(desk: Desk, attempt_id: str) -> Call:
    """The call at a desk; raises `NotFound` for any other."""
    if desk.call is None or desk.call.attempt.id != attempt_id:
        raise NotFound("call")
    return desk.call


async def at_call(desk: Desk, attempt_id: str, request: Callable[[Call], Awaitable[T]]) -> T:
    """Carry out what is asked of the call at a desk, in the desk's turn.

    Raises `Refused` for a call of this agent that has ended or goes on without them: they asked in the moment it did.
    `NotFound` for any other, and what the call itself raises.
    """

    async def carried_out() -> T:
        try:
            call = call_of(desk, attempt_id)
        except NotFound:
            agent_id = desk.agent.id
            if await desk.ground.store.run(lambda conn: attempts.belongs_to(conn, attempt_id, agent_id)):
                raise Refused(Refusal.NOT_AVAILABLE, "You are not in this call any more") from None
            raise
        return await request(call)

    return await desk.ask(carried_out)


class CallRequests:
    """Each raises what `at_call` raises."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.promised: dict[str, Desk] = {}  # colleagues who are kept free for a call that this desk is about to make

    async def hold(self, agent_id: str, attempt_id: str, *, held: bool) -> None:
        desk = await self._floor.desk(agent_id)
        await at_call(desk, attempt_id, lambda call: call.controls.hold(held=held))

    async def mute(self, agent_id: str, attempt_id: str, *, muted: bool) -> None:
        desk = await self._floor.desk(agent_id)
        await at_call(desk, attempt_id, lambda call: call.controls.mute(muted=muted))

    async def send_digits(self, agent_id: str, attempt_id: str, digits: str) -> None:
        """Returns when they were sent, 0.22 s each; the desk does not wait for that."""
        desk = await self._floor.desk(agent_id)
        leg = await at_call(desk, attempt_id, lambda call: call.controls.leg_for_digits())
        try:
            await self._floor.ground.board.send_digits(leg, digits)
        except OrderRefused as error:
            raise Refused(Refusal.NOT_AVAILABLE, "The call has just ended") from error
        except SwitchboardError as error:
            raise NoCapacity(Capacity.PBX_UNREACHABLE) from error

    async def transfer(self, agent_id: str, attempt_id: str, action: TransferEvent, to: Target | None) -> TransferState:
        """Begin, complete or cancel a transfer; where it stands then.

        Raises `Refused` where the call or the colleague is not such that it can be, `NoCapacity`, `ContactWithdrawn`
        for a number that no trunk may call.
        """
        desk = await self._floor.desk(agent_id)

        async def ask(call: Call) -> TransferState:
            transfer = call.transfer
            match action:
                case TransferEvent.COMPLETE:
                    await transfer.complete()
                case TransferEvent.CANCEL:
                    await transfer.cancel()
                case _:
                    await transfer.begin(action, grant)
            return transfer.state

        def grant(work: Work, attempt: Attempt) -> Third | Full | Withdrawal:
            here, settings = self._floor.ground.place, call_of(desk, attempt_id).settings
            if colleague is not None:
                return beside.grant_colleague(work, here, attempt, agent_id=colleague, endpoint=endpoint)
            assert to is not None
            return beside.grant_number(work, here, attempt, settings, to.number)

        colleague = to.agent_id if to is not None else None
        if colleague is None:
            return await at_call(desk, attempt_id, ask)
        endpoint = await self._take_colleague(desk, colleague)
        try:
            return await at_call(desk, attempt_id, ask)
        finally:
            self.promised.pop(colleague, None)
            self._floor.free_colleague(colleague)  # where they are not called

    async def _take_colleague(self, desk: Desk, colleague_id: str) -> str:
        """Keep a colleague free for this call; the phone that is called."""
        try:
            other = await self._floor.desk(colleague_id)
        except Elsewhere:
            raise NotFound("agent") from None  # calls are handed over within one telephone system
        if other.agent.tenant_id != desk.agent.tenant_id or other is desk:
            raise NotFound("agent")
        phones = await self._floor.ground.store.run(lambda conn: agents.phones_of(conn, colleague_id))
        if not phones.called or await self._floor.ground.board.phone_ready(phones.called) is False:
            raise Refused(Refusal.PHONE_NOT_REGISTERED, "This colleague's phone is not registered")

        async def take() -> None:
            await other.colleague.take()
            self.promised[colleague_id] = desk

        await other.ask(take)
        return phones.called

    async def take_from(self, colleague_id: str) -> None:
        """A supervisor frees this agent: out of the call that is handed to them, or is about to be."""

        async def take(desk: Desk) -> None:
            for third in [one for one in desk.thirds.values() if one.colleague == colleague_id]:
                await third.colleague_freed()

        for desk in list(self._floor.desks.values()):
            theirs = any(one.colleague == colleague_id for one in desk.thirds.values())
            if theirs or self.promised.get(colleague_id) is desk:
                await desk.ask(partial(take, desk))

    async def do_not_call(self, agent_id: str, attempt_id: str) -> None:
        """List the customer's number and block the contact; the call goes on, and again changes nothing.

        Also after the wrap-up: what a customer asked for is not lost where the call was over sooner.
        """
        desk = await self._floor.desk(agent_id)

        def enlist(work: Work) -> tuple[str, ...]:
            attempt = attempts.load(work, attempt_id)
            if attempt is None or attempt.agent_id != agent_id:
                raise NotFound("call")
            return do_not_call.asked_for(work, attempt)

        await self._withdraw(await desk.ask(lambda: desk.ground.change(enlist)))

    async def remove(self, agent_id: str, offer_id: str, *, listed: bool, why: str | None) -> dict[str, Any]:
        """Take the offered contact out of the campaign; `listed`: its number goes on the do-not-call list too.

        The number is listed also where the offer was closed otherwise; how, is then the answer.
        """
        desk = await self._floor.desk(agent_id)
        others: tuple[str, ...] = ()

        def enlist(work: Work, offer: Offer) -> None:
            nonlocal others
            others = do_not_call.asked_for(work, offer, why=why or do_not_call.ASKED)

        def enlist_closed(work: Work) -> Offer:
            offer = offers.load(work, offer_id)
            assert offer is not None  # it was found closed
            enlist(work, offer)
            return offer

        async def carry_out() -> dict[str, Any]:
            try:
                return await desk.preview.decide(offer_id, "remove", why=why, also=enlist if listed else None)
            except OfferClosed:
                if not listed:
                    raise
            return told(await desk.ground.change(enlist_closed))

        answer = await desk.ask(carry_out)
        await self._withdraw(others)
        return answer

    async def _withdraw(self, contact_ids: tuple[str, ...]) -> None:
        for contact_id in contact_ids:
            await self._floor.withdraw_contact(contact_id, Withdrawal.ON_DO_NOT_CALL_LIST)
