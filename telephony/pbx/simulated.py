"""The simulated switchboard: serves the port without a PBX, in virtual or in real time.

It is for trying the product without Asterisk, for simulations of whole days and for tests. Its people are those of
simulated_people.py; what the dialplan does on a real PBX (hold, gate, join, machine detection, flight recorder) is
done here by the same rules. It passes the same stories as the Asterisk adapter (tests/support/port_stories.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from telephony.model.campaign import Amd
from telephony.pbx.port import (
    ABANDON,
    END,
    JOIN,
    AgentCall,
    BeepHeard,
    CustomerCall,
    Event,
    Gate,
    JoinQuestion,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRang,
    LegsJoined,
    LegsParted,
    LinkLost,
    LinkUp,
    LiveLeg,
    MachineVerdict,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    RecordedEnd,
    Survey,
    UnknownLeg,
)
from telephony.pbx.simulated_clock import Clock, Timer
from telephony.pbx.simulated_people import Customer, Phone, PhoneHabit, customer_of

log = logging.getLogger(__name__)

PBX_DELAY = 0.01
"""Seconds from an order to what it does, as measured on Asterisk."""

RING_DELAY = 0.03
"""Seconds from the INVITE to the 180."""

GATE_LIMIT = 2.0
"""Seconds the service has to answer the gate, then the customer is joined: as in the dialplan."""

INLINE_LIMIT = 3.5
"""Seconds a customer waits for a verdict at most before the gate is asked without one."""

ABANDON_SOUND = 3.0
"""Seconds an announcement to an abandoned customer lasts."""

NORMAL_CLEARING, SUBSCRIBER_ABSENT, NO_ANSWER = 16, 20, 19


@dataclass(eq=False, slots=True, kw_only=True)
class _Leg:
    call: AgentCall | CustomerCall
    state: str = "placing"
    appeared: bool = False
    rang: bool = False
    answered_at: float = 0.0  # epoch seconds
    verdict: str = ""
    cause: str = ""
    partner: _Leg | None = None
    timers: list[Timer] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.call.leg

    @property
    def is_agent(self) -> bool:
        return isinstance(self.call, AgentCall)


class SimulatedSwitchboard:
    """A PBX of one process; `phones` by endpoint name, `customers` by dial string, `trunks` None: every one exists."""

    def __init__(
        self,
        *,
        clock: Clock,
        phones: Mapping[str, Phone],
        customers: Callable[[str], Customer] = customer_of,
        trunks: Collection[str] | None = None,
    ) -> None:
        self._clock = clock
        self.phones = dict(phones)
        self._customers = customers
        self._trunks = trunks
        self._on_event: Callable[[Event], None] | None = None
        self._gate: Gate | None = None
        self._legs: dict[str, _Leg] = {}
        self._used: set[str] = set()  # leg ids, for ever
        self._recorder: dict[str, RecordedEnd] = {}
        self._running_since = clock.wall()
        self._started = self._connected = False
        self._reachable = True
        self._lose_next_answer = False
        self._questions: set[asyncio.Task[None]] = set()

    # -- the port ----------------------------------------------------------------------------------------

    def subscribe(self, on_event: Callable[[Event], None], gate: Gate) -> None:
        self._on_event, self._gate = on_event, gate

    async def start(self) -> None:
        self._started = True
        self._clock.call_later(0.0, self._connect)

    async def stop(self) -> None:
        self._started = self._connected = False

    @property
    def connected(self) -> bool:
        return self._connected

    async def ring_agent(self, call: AgentCall) -> None:
        leg = self._place(call)
        phone = self.phones.get(call.phone)
        if phone is None:
            self._later(leg, PBX_DELAY, lambda: self._end(leg, cause=0, missing_endpoint=True))
        elif phone.habit is PhoneHabit.NOT_REGISTERED:
            self._later(leg, PBX_DELAY, lambda: self._end(leg, cause=SUBSCRIBER_ABSENT))
        else:
            self._appear(leg)
            if phone.habit is PhoneHabit.BUSY:
                self._later(leg, RING_DELAY, lambda: self._end(leg, cause=17, sip=486))
                return self._confirm()
            self._later(leg, RING_DELAY, lambda: self._ring(leg))
            if phone.habit is PhoneHabit.ANSWERS:
                self._later(leg, phone.after, lambda: self._answer_agent(leg))
            elif phone.habit is PhoneHabit.DECLINES:
                self._later(leg, phone.after, lambda: self._end(leg, cause=21, sip=603))
            self._limit_ringing(leg)
        self._confirm()

    async def call_customer(self, call: CustomerCall) -> None:
        leg = self._place(call)
        if self._trunks is not None and call.dial.rpartition("@")[2] not in self._trunks:
            self._later(leg, PBX_DELAY, lambda: self._end(leg, cause=0, missing_endpoint=True))
            return self._confirm()
        customer = self._customers(call.dial)
        self._appear(leg)
        if customer.rings:
            self._later(leg, RING_DELAY, lambda: self._ring(leg))
        if customer.refuses is not None:
            sip, cause = customer.refuses
            self._later(leg, customer.refuses_after, lambda: self._end(leg, cause=cause, sip=sip))
        if customer.answers is not None:
            self._later(leg, customer.answers, lambda: self._answer_customer(leg, call))
        self._limit_ringing(leg)
        self._confirm()

    async def play_ringing(self, leg: str) -> None:
        self._held(leg)
        self._confirm()

    async def hold(self, leg: str) -> None:
        self._held(leg)
        self._confirm()

    async def hang_up(self, leg: str) -> None:
        found = self._up(leg)
        self._later(found, PBX_DELAY, lambda: self._end(found, cause=NORMAL_CLEARING))
        self._confirm()

    async def survey(self) -> Survey:
        self._check_link()
        live = {
            leg.id: LiveLeg(leg=leg.id, state=leg.state, joined_to=leg.partner.id if leg.partner else None)
            for leg in self._legs.values()
            if leg.appeared
        }
        return Survey(live=live, ended=dict(self._recorder), running_since=self._running_since)

    async def forget(self, legs: list[str]) -> None:
        self._check_link()
        for leg in legs:
            self._recorder.pop(leg, None)
        self._confirm()

    # -- what its owner can let happen -------------------------------------------------------------------

    def party_hangs_up(self, leg: str) -> None:
        """The person at the other end of a leg that is up hangs up."""
        self._end(self._legs[leg], cause=NORMAL_CLEARING)

    def answer_phone(self, phone: str) -> None:
        """The owner of a ringing phone picks it up."""
        for leg in list(self._legs.values()):
            if isinstance(leg.call, AgentCall) and leg.call.phone == phone and leg.state == "ringing":
                self._answer_agent(leg)

    def lose_link(self, reason: str = "connection lost") -> None:
        """The link goes; calls go on, and who answers now is joined without being asked about."""
        self._reachable = False
        if self._connected:
            self._connected = False
            self._tell(LinkLost(reason=reason), always=True)

    def lose_link_with_next_order(self) -> None:
        """The next order is carried out, but the link goes before it is confirmed."""
        self._lose_next_answer = True

    def crash(self) -> None:
        """The PBX process dies: every call is gone without a record; it runs again from `restore_link` on."""
        for leg in self._legs.values():
            for timer in leg.timers:
                timer.cancel()
        self._legs.clear()
        self._running_since = 0.0
        self.lose_link("the PBX closed the connection")

    def restore_link(self) -> None:
        self._reachable = True
        if not self._running_since:
            self._running_since = self._clock.wall()
        self._clock.call_later(0.0, self._connect)

    # -- legs --------------------------------------------------------------------------------------------

    def _place(self, call: AgentCall | CustomerCall) -> _Leg:
        self._check_link()
        if call.leg in self._used:
            raise OrderRefused(f"leg {call.leg} was placed before")
        self._used.add(call.leg)
        leg = self._legs[call.leg] = _Leg(call=call)
        return leg

    def _appear(self, leg: _Leg) -> None:
        def appeared() -> None:
            leg.appeared = True
            self._tell(LegAppeared(leg=leg.id, at=self._clock.now()))

        self._later(leg, PBX_DELAY, appeared)

    def _ring(self, leg: _Leg) -> None:
        leg.state, leg.rang = "ringing", True
        self._tell(LegRang(leg=leg.id, at=self._clock.now()))

    def _limit_ringing(self, leg: _Leg) -> None:
        def rang_out() -> None:
            if not leg.answered_at:
                self._end(leg, cause=NO_ANSWER, sip=480 if leg.rang else None, ring_limit_reached=True)

        self._later(leg, leg.call.ring_limit, rang_out)

    def _answered(self, leg: _Leg) -> None:
        leg.state, leg.answered_at = "up", self._clock.wall()
        self._tell(LegAnswered(leg=leg.id, at=self._clock.now()))

    def _answer_agent(self, leg: _Leg) -> None:
        if leg.state != "up":
            self._answered(leg)

    def _answer_customer(self, leg: _Leg, call: CustomerCall) -> None:
        customer = self._customers(call.dial)
        self._answered(leg)
        if customer.hangs_up_after is not None:
            self._later(leg, customer.hangs_up_after, lambda: self._end(leg, cause=NORMAL_CLEARING))
        if call.amd is Amd.OFF or not customer.verdict:
            return self._ask_gate(leg, call)

        def verdict() -> None:
            leg.verdict, leg.cause = customer.verdict, customer.cause
            self._tell(MachineVerdict(leg=leg.id, at=self._clock.now(), verdict=leg.verdict, cause=leg.cause))
            if call.amd is Amd.INLINE:
                self._ask_gate(leg, call)

        def beep() -> None:
            self._tell(BeepHeard(leg=leg.id, at=self._clock.now()))

        self._later(leg, min(customer.verdict_after, INLINE_LIMIT), verdict)
        if call.amd is Amd.PARALLEL:
            if customer.beep_after is not None:
                self._later(leg, customer.beep_after, beep)
            self._ask_gate(leg, call)

    def _end(
        self,
        leg: _Leg,
        *,
        cause: int,
        sip: int | None = None,
        ring_limit_reached: bool = False,
        missing_endpoint: bool = False,
    ) -> None:
        if self._legs.pop(leg.id, None) is None:
            return
        for timer in leg.timers:
            timer.cancel()
        partner = leg.partner
        if partner is not None:
            self._part(leg, partner)
        answered = leg.answered_at > 0
        if leg.appeared:
            self._recorder[leg.id] = RecordedEnd(
                leg=leg.id,
                answered=answered,
                rang=leg.rang,
                cause=cause,
                sip=sip,
                answered_at=leg.answered_at,
                ended_at=self._clock.wall(),
                amd_verdict=leg.verdict,
                amd_cause=leg.cause,
            )
        self._tell(
            LegEnded(
                leg=leg.id,
                at=self._clock.now(),
                appeared=leg.appeared,
                answered=answered,
                rang=leg.rang,
                cause=cause,
                sip=sip,
                ring_limit_reached=ring_limit_reached,
                missing_endpoint=missing_endpoint,
            )
        )
        if partner is not None and not partner.is_agent:
            # an agent's leg goes back to its hold, a customer's has nowhere to go
            self._later(partner, PBX_DELAY, lambda: self._end(partner, cause=NORMAL_CLEARING))

    # -- gate and join -----------------------------------------------------------------------------------

    def _ask_gate(self, leg: _Leg, call: CustomerCall) -> None:
        gate = self._gate
        if gate is None or not self._connected:
            return self._go(leg, call, JOIN)
        question = JoinQuestion(leg=leg.id, verdict=leg.verdict, cause=leg.cause)

        async def ask() -> None:
            try:
                answer = await gate(question)
            except Exception:
                log.exception("leg %s: the gate failed, joined as without an answer", leg.id)
                answer = JOIN
            limit.cancel()
            self._go(leg, call, answer)

        def silence() -> None:
            task.cancel()
            self._go(leg, call, JOIN)

        task = asyncio.get_running_loop().create_task(ask())
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        self._clock.watch(task)
        limit = self._clock.call_later(GATE_LIMIT, silence, scaled=False)

    def _go(self, leg: _Leg, call: CustomerCall, answer: str) -> None:
        if leg.id not in self._legs:
            return
        agent = self._legs.get(call.agent_leg)
        if answer == END:
            self._later(leg, PBX_DELAY, lambda: self._end(leg, cause=NORMAL_CLEARING))
        elif answer == ABANDON or agent is None or agent.state != "up" or agent.partner is not None:
            rest = ABANDON_SOUND if call.abandon_sound else PBX_DELAY
            self._later(leg, rest, lambda: self._end(leg, cause=NORMAL_CLEARING))
        else:
            leg.partner, agent.partner = agent, leg
            self._tell(LegsJoined(leg=leg.id, at=self._clock.now(), agent_leg=agent.id))

    def _part(self, leg: _Leg, partner: _Leg) -> None:
        leg.partner = partner.partner = None
        agent, customer = (leg, partner) if leg.is_agent else (partner, leg)
        self._tell(LegsParted(leg=customer.id, at=self._clock.now(), agent_leg=agent.id))

    # -- link --------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._started and self._reachable and not self._connected:
            self._connected = True
            self._tell(LinkUp())

    def _tell(self, event: Event, *, always: bool = False) -> None:
        if self._on_event is not None and (self._connected or always):
            self._on_event(event)

    def _check_link(self) -> None:
        if not self._connected:
            raise PbxUnreachable("there is no link to the PBX")

    def _confirm(self) -> None:
        if self._lose_next_answer:
            self._lose_next_answer = False
            self.lose_link()
            raise OrderUnsettled("the link was lost before the order was confirmed")

    def _up(self, leg: str) -> _Leg:
        self._check_link()
        found = self._legs.get(leg)
        if found is None or not found.appeared:
            raise UnknownLeg(f"leg {leg} has no channel")
        return found

    def _held(self, leg: str) -> _Leg:
        found = self._up(leg)
        if not found.is_agent or found.state != "up" or found.partner is not None:
            raise OrderRefused(f"leg {leg} is not held")
        return found

    def _later(self, leg: _Leg, delay: float, action: Callable[[], None]) -> None:
        leg.timers.append(self._clock.call_later(delay, action))
