"""A switchboard played by hand: the test sees each order and tells each event, in the order it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from telephony.model.monitoring import MonitorMode
from telephony.pbx.port import (
    AgentCall,
    CustomerCall,
    DialQuestion,
    DirectCall,
    EarsState,
    Event,
    Gate,
    JoinQuestion,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegRang,
    LegsJoined,
    LinkLost,
    LinkUp,
    MonitorCall,
    PbxUnreachable,
    Survey,
    ThirdCall,
    UnknownLeg,
)


@dataclass
class HandBoard:
    """Orders are listed as (what, leg); `survey_now` is what the next survey finds."""

    orders: list[tuple[str, str]] = field(default_factory=list)
    agent_calls: list[AgentCall] = field(default_factory=list)
    direct_calls: list[DirectCall] = field(default_factory=list)
    customer_calls: list[CustomerCall] = field(default_factory=list)
    third_calls: list[ThirdCall] = field(default_factory=list)
    monitor_calls: list[MonitorCall] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    survey_now: Survey = field(default_factory=lambda: Survey(live={}, ended={}, running_since=0.0))
    channels: set[str] = field(default_factory=set)
    failing: dict[str, Exception] = field(default_factory=dict)
    phones: dict[str, bool | None] = field(default_factory=dict)  # what is known of them; others are registered
    _up: bool = False
    _on_event: Callable[[Event], None] = lambda event: None
    _gate: Gate | None = None

    def subscribe(self, on_event: Callable[[Event], None], gate: Gate) -> None:
        self._on_event, self._gate = on_event, gate

    async def start(self) -> None:
        self.link_up()

    async def stop(self) -> None:
        self._up = False

    @property
    def connected(self) -> bool:
        return self._up

    @property
    def ears(self) -> EarsState:
        return EarsState(legs=0, restarts=0)

    def _order(self, what: str, leg: str) -> None:
        if not self._up:
            raise PbxUnreachable("no link")
        if what in self.failing:
            raise self.failing.pop(what)
        self.orders.append((what, leg))

    async def phone_ready(self, phone: str) -> bool | None:
        return self.phones.get(phone, True)

    async def ring_agent(self, call: AgentCall) -> None:
        self._order("ring_agent", call.leg)
        self.agent_calls.append(call)

    async def call_customer(self, call: CustomerCall) -> None:
        self._order("call_customer", call.leg)
        self.customer_calls.append(call)

    async def call_from_agent(self, call: DirectCall) -> None:
        self._order("call_from_agent", call.leg)
        self.direct_calls.append(call)

    async def play_ringing(self, leg: str) -> None:
        self._order("play_ringing", leg)

    async def hold(self, leg: str) -> None:
        self._order("hold", leg)

    async def call_third(self, call: ThirdCall) -> None:
        self._order("call_third", call.leg)
        self.third_calls.append(call)

    async def monitor(self, call: MonitorCall) -> None:
        self._order(f"monitor {call.mode}", call.leg)
        self.monitor_calls.append(call)

    async def change_monitor(self, leg: str, mode: MonitorMode) -> None:
        self._order(f"change_monitor {mode}", leg)

    async def park(self, leg: str) -> None:
        self._order("park", leg)

    async def join(self, leg: str, agent_leg: str) -> None:
        self._order("join", leg)

    async def answer_to(self, leg: str, agent_leg: str) -> None:
        self._order("answer_to", leg)

    async def mute(self, agent_leg: str, *, muted: bool) -> None:
        self._order("mute" if muted else "unmute", agent_leg)

    async def send_digits(self, leg: str, digits: str) -> None:
        self._order(f"send_digits {digits}", leg)

    async def listen(self, leg: str) -> None:
        self._order("listen", leg)

    async def set_aside(self, leg: str) -> None:
        self._order("set_aside", leg)

    async def play_message(self, leg: str, sound: str) -> None:
        self._order("play_message", leg)
        self.sounds.append(sound)

    async def record(self, leg: str, *, tape: str, file: str) -> None:
        self._order("record", leg)

    async def stop_recording(self, tape: str) -> None:
        self._order("stop_recording", tape)

    async def pause_recording(self, leg: str, *, paused: bool) -> None:
        self._order("pause_recording" if paused else "resume_recording", leg)

    async def try_recording(self, file: str) -> None:
        self._order("try_recording", file)

    async def hang_up(self, leg: str) -> None:
        self._order("hang_up", leg)
        if leg not in self.channels:
            raise UnknownLeg(leg)

    async def survey(self) -> Survey:
        return self.survey_now

    async def forget(self, legs: list[str]) -> None:
        self.orders.extend(("forget", leg) for leg in legs)

    # What the test tells

    def tell(self, kind: type[Any], leg: str, **values: Any) -> None:
        self._on_event(kind(leg=leg, at=asyncio.get_running_loop().time(), **values))

    def appears(self, leg: str) -> None:
        self.channels.add(leg)
        self.tell(LegAppeared, leg)

    def rings(self, leg: str) -> None:
        self.tell(LegRang, leg)

    def answers(self, leg: str) -> None:
        self.channels.add(leg)
        self.tell(LegAnswered, leg)

    def joins(self, leg: str, agent_leg: str) -> None:
        self.tell(LegsJoined, leg, agent_leg=agent_leg)

    def ends(self, leg: str, *, answered: bool = False, rang: bool = False, **values: Any) -> None:
        self.channels.discard(leg)
        self.tell(LegEnded, leg, appeared=True, answered=answered, rang=rang, **values)

    def tell_not_made(self, leg: str) -> None:
        self.tell(LegEnded, leg, appeared=False, answered=False, rang=False)

    async def asks(self, leg: str, verdict: str = "", cause: str = "") -> str:
        assert self._gate is not None
        return await self._gate(JoinQuestion(leg=leg, verdict=verdict, cause=cause))

    async def asks_to_dial(self, leg: str) -> str:
        assert self._gate is not None
        return await self._gate(DialQuestion(leg=leg))

    def link_up(self) -> None:
        self._up = True
        self._on_event(LinkUp())

    def link_lost(self) -> None:
        self._up = False
        self._on_event(LinkLost("cut by the test"))
