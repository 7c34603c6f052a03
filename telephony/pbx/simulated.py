"""The simulated switchboard: serves the port without a PBX, in virtual or in real time.

It is for trying the product without Asterisk, for simulations of whole days and for tests. It passes the same stories
as the Asterisk adapter (tests/support/port_stories.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from telephony.model.monitoring import MonitorMode
from telephony.pbx.port import (
    DIAL,
    END,
    AgentCall,
    CustomerCall,
    DialQuestion,
    DirectCall,
    EarsState,
    Event,
    Gate,
    LegEvent,
    LinkLost,
    LinkUp,
    MonitorCall,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    Survey,
    ThirdCall,
    UnknownLeg,
)
from telephony.pbx.simulated_clock import Clock
from telephony.pbx.simulated_exchange import NORMAL_CLEARING, PBX_DELAY, AnyCall, Exchange, Leg
from telephony.pbx.simulated_people import Customer, Phone, PhoneHabit, customer_of
from telephony.pbx.simulated_tape import write_tone

RING_DELAY = 0.03
"""Seconds from the INVITE to the 180."""

SUBSCRIBER_ABSENT = 20

DIGITS = re.compile(r"[0-9A-D*#]{1,32}")


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
        self._exchange = Exchange(clock=clock, tell=self._tell)
        self._on_event: Callable[[Event], None] | None = None
        self._gate: Gate | None = None
        self._used: set[str] = set()  # leg ids, for ever
        self._running_since = clock.wall()
        self._started = self._connected = False
        self._reachable = True
        self._lose_next_answer = False

    # -- the port ----------------------------------------------------------------------------------------

    def subscribe(self, on_event: Callable[[Event], None], gate: Gate) -> None:
        self._on_event, self._gate = on_event, gate

    async def start(self) -> None:
        self._started = True
        self._clock.call_later(0.0, self._connect)

    async def stop(self) -> None:
        self._started = False
        self._disconnect()

    @property
    def connected(self) -> bool:
        return self._connected

    async def phone_ready(self, phone: str) -> bool | None:
        if not self._connected:
            return None
        found = self.phones.get(phone)
        return found is not None and found.habit is not PhoneHabit.NOT_REGISTERED

    @property
    def ears(self) -> EarsState:
        return EarsState(legs=self._exchange.heard(), restarts=0)

    async def ring_agent(self, call: AgentCall) -> None:
        self._ring(self._place(call), call.phone)
        self._confirm()

    def _ring(self, leg: Leg, name: str) -> None:
        """A phone rings, and its owner does as they do."""
        exchange, phone = self._exchange, self.phones.get(name)
        if phone is None:
            exchange.later(leg, PBX_DELAY, lambda: exchange.end(leg, cause=0, missing_endpoint=True))
        elif phone.habit is PhoneHabit.NOT_REGISTERED:
            exchange.later(leg, PBX_DELAY, lambda: exchange.end(leg, cause=SUBSCRIBER_ABSENT))
        else:
            exchange.appear(leg)
            if phone.habit is PhoneHabit.BUSY:
                exchange.later(leg, RING_DELAY, lambda: exchange.end(leg, cause=17, sip=486))
            else:
                exchange.later(leg, RING_DELAY, lambda: exchange.ring(leg))
            if phone.habit is PhoneHabit.ANSWERS:
                exchange.later(leg, phone.after, lambda: self._pick_up(leg))
            elif phone.habit is PhoneHabit.DECLINES:
                exchange.later(leg, phone.after, lambda: exchange.end(leg, cause=21, sip=603))

    async def call_third(self, call: ThirdCall) -> None:
        leg = self._place(call)
        if "@" in call.dial:
            self._reach(leg, call.dial, lambda customer: self._pick_up(leg))
        else:
            self._ring(leg, call.dial.partition("/")[2])
        self._confirm()

    async def monitor(self, call: MonitorCall) -> None:
        self._ring(self._place(call), call.phone)
        self._confirm()

    async def change_monitor(self, leg: str, mode: MonitorMode) -> None:
        self._answered(leg)
        self._confirm()

    async def call_customer(self, call: CustomerCall) -> None:
        leg, exchange = self._place(call), self._exchange
        self._reach(leg, call.dial, lambda customer: exchange.answer_customer(leg, call, customer))
        self._confirm()

    async def call_from_agent(self, call: DirectCall) -> None:
        self._check_held(call.agent_leg)
        leg, exchange = self._place(call), self._exchange

        def go(answer: str) -> None:
            if answer == DIAL and leg.id in exchange.legs:
                self._reach(leg, call.dial, lambda customer: exchange.answer_direct(leg, call, customer))
            else:
                exchange.end(leg, cause=0)

        exchange.later(leg, PBX_DELAY, lambda: exchange.ask(DialQuestion(leg=leg.id), otherwise=END, then=go))
        self._confirm()

    def _reach(self, leg: Leg, dial: str, answered: Callable[[Customer], None]) -> None:
        """The INVITE goes out, and the customer does as customers of that number do."""
        exchange = self._exchange
        if self._trunks is not None and dial.rpartition("@")[2] not in self._trunks:
            exchange.later(leg, PBX_DELAY, lambda: exchange.end(leg, cause=0, missing_endpoint=True))
        else:
            customer = self._customers(dial)
            exchange.appear(leg)
            if customer.rings:
                exchange.later(leg, RING_DELAY, lambda: exchange.ring(leg))
            if customer.refuses is not None:
                sip, cause = customer.refuses
                exchange.later(leg, customer.refuses_after, lambda: exchange.end(leg, cause=cause, sip=sip))
            if customer.answers is not None:
                exchange.later(leg, customer.answers, lambda: answered(customer))

    async def play_ringing(self, leg: str) -> None:
        self._check_held(leg)
        self._confirm()

    async def hold(self, leg: str) -> None:
        self._check_held(leg)
        self._confirm()

    async def park(self, leg: str) -> None:
        self._exchange.park(self._answered(leg))
        self._confirm()

    async def join(self, leg: str, agent_leg: str) -> None:
        found, agent = self._answered(leg), self._answered(agent_leg)
        if found.partner is not agent:
            if found.partner is not None or agent.partner is not None:
                raise OrderRefused(f"leg {leg} or {agent_leg} talks to somebody else")
            self._exchange.connect(found, agent)
        self._confirm()

    async def answer_to(self, leg: str, agent_leg: str) -> None:
        found = self._up(leg)
        assert isinstance(found.call, CustomerCall)
        found.call = replace(found.call, agent_leg=agent_leg)
        self._confirm()

    async def mute(self, agent_leg: str, *, muted: bool) -> None:
        self._answered(agent_leg).muted = muted
        self._confirm()

    async def send_digits(self, leg: str, digits: str) -> None:
        found = self._answered(leg)
        if not DIGITS.fullmatch(digits):
            raise OrderRefused("digits: not what a telephone has")
        found.digits += digits
        self._confirm()

    async def listen(self, leg: str) -> None:
        self._exchange.listen(self._answered(leg))
        self._confirm()

    async def set_aside(self, leg: str) -> None:
        self._exchange.set_aside(self._answered(leg))
        self._confirm()

    async def play_message(self, leg: str, sound: str) -> None:
        self._exchange.play(self._answered(leg))
        self._confirm()

    async def record(self, leg: str, *, tape: str, file: str) -> None:
        self._exchange.record(self._up(leg), tape, file)
        self._confirm()

    async def stop_recording(self, tape: str) -> None:
        self._check_link()
        if not self._exchange.stop_recording(tape):
            raise UnknownLeg(f"recording {tape} has ended")
        self._confirm()

    async def pause_recording(self, leg: str, *, paused: bool) -> None:
        found = self._up(leg).tapes.get(leg)
        if found is None:
            raise OrderRefused(f"leg {leg} is not recorded from the join on")
        found.pause(paused=paused)
        self._confirm()

    async def try_recording(self, file: str) -> None:
        self._check_link()
        await asyncio.to_thread(write_tone, Path(file), [(1.0, False)])
        self._confirm()

    async def hang_up(self, leg: str) -> None:
        found = self._up(leg)
        self._exchange.later(found, PBX_DELAY, lambda: self._exchange.end(found, cause=NORMAL_CLEARING))
        self._confirm()

    async def survey(self) -> Survey:
        self._check_link()
        return Survey(
            live=self._exchange.live(), ended=dict(self._exchange.recorder), running_since=self._running_since
        )

    async def forget(self, legs: list[str]) -> None:
        self._check_link()
        for leg in legs:
            self._exchange.recorder.pop(leg, None)
        self._confirm()

    # -- what its owner can let happen -------------------------------------------------------------------

    def party_hangs_up(self, leg: str) -> None:
        """The person at the other end of a live leg hangs up; raises KeyError where it has ended."""
        self._exchange.end(self._exchange.legs[leg], cause=NORMAL_CLEARING)

    def answer_phone(self, phone: str) -> None:
        """The owner of a ringing phone picks it up."""
        for leg in self._exchange.legs.values():
            if isinstance(leg.call, AgentCall) and leg.call.phone == phone and leg.state == "ringing":
                self._pick_up(leg)

    def lose_link(self, reason: str = "connection lost") -> None:
        """The link goes; calls go on, and who answers now is joined without being asked about."""
        self._reachable = False
        if self._connected:
            self._disconnect()
            if self._on_event is not None:
                self._on_event(LinkLost(reason=reason))

    def lose_link_with_next_order(self) -> None:
        """The next order is carried out, but the link goes before it is confirmed."""
        self._lose_next_answer = True

    def crash(self) -> None:
        """The PBX process dies: every call is gone without a record; it runs again from `restore_link` on."""
        self._exchange.lose_everything()
        self._running_since = 0.0
        self.lose_link("the PBX closed the connection")

    def restore_link(self) -> None:
        self._reachable = True
        if not self._running_since:
            self._running_since = self._clock.wall()
        self._clock.call_later(0.0, self._connect)

    # -- link and legs -----------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._started and self._reachable and not self._connected:
            self._connected, self._exchange.gate = True, self._gate
            if self._on_event is not None:
                self._on_event(LinkUp())

    def _disconnect(self) -> None:
        self._connected, self._exchange.gate = False, None

    def _tell(self, event: LegEvent) -> None:
        if self._on_event is not None and self._connected:
            self._on_event(event)

    def _check_link(self) -> None:
        if not self._connected:
            raise PbxUnreachable("there is no link to the PBX")

    def _confirm(self) -> None:
        if self._lose_next_answer:
            self._lose_next_answer = False
            self.lose_link()
            raise OrderUnsettled("the link was lost before the order was confirmed")

    def _place(self, call: AnyCall) -> Leg:
        self._check_link()
        if call.leg in self._used:
            raise OrderRefused(f"leg {call.leg} was placed before")
        self._used.add(call.leg)
        return self._exchange.place(call)

    def _pick_up(self, leg: Leg) -> None:
        if leg.state != "up":
            self._exchange.answer(leg)

    def _up(self, leg: str) -> Leg:
        self._check_link()
        found = self._exchange.legs.get(leg)
        if found is None or not found.appeared:
            raise UnknownLeg(f"leg {leg} has no channel")
        return found

    def _answered(self, leg: str) -> Leg:
        found = self._up(leg)
        if found.state != "up":
            raise OrderRefused(f"leg {leg} is not up")
        return found

    def _check_held(self, leg: str) -> None:
        found = self._up(leg)
        if not found.is_agent or found.state != "up" or found.partner is not None:
            raise OrderRefused(f"leg {leg} is not on hold")
