"""The inside of the simulated switchboard: legs, gate, join and flight recorder.

What the dialplan does on a real PBX is done here by the same rules. The exchange knows nothing of the link to the
service: it tells every event, and `gate` is None while there is nobody to be asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.model.campaign import Amd
from telephony.pbx.port import (
    ABANDON,
    END,
    JOIN,
    KEPT_LIMIT,
    LISTEN_AFTER,
    LISTENING_LIMIT,
    MESSAGE,
    PARKED_LIMIT,
    THIRD_LIMIT,
    AgentCall,
    BeepHeard,
    CustomerCall,
    DialQuestion,
    DirectCall,
    Gate,
    JoinQuestion,
    LegAbandoned,
    LegAnswered,
    LegAppeared,
    LegEnded,
    LegEvent,
    LegRang,
    LegsJoined,
    LegsParted,
    LiveLeg,
    MachineVerdict,
    MessagePlayed,
    MonitorCall,
    RecordedEnd,
    SpeechEnded,
    ThirdCall,
)
from telephony.pbx.simulated_clock import Clock, Timer
from telephony.pbx.simulated_people import Customer
from telephony.pbx.simulated_tape import Tape

log = logging.getLogger(__name__)

PBX_DELAY = 0.01
"""Seconds from an order to what it does, as measured on Asterisk."""

GATE_LIMIT = 2.0
"""Seconds the service has to answer the gate, then the customer is joined: as in the dialplan."""

INLINE_LIMIT = 3.5
"""Seconds a customer waits for a verdict at most; then it is NOTSURE and the gate is asked."""

ABANDON_SOUND = 3.0
"""Seconds an announcement to an abandoned customer lasts."""

MESSAGE_SOUND = 3.0
"""Seconds a recorded message lasts."""

LAST_WORD = 0.5
"""Seconds between the end of a message and that of its leg, as in the dialplan."""

NORMAL_CLEARING, NO_ANSWER = 16, 19
CANCELLED = 487  # what an INVITE that was taken back ends with


AnyCall = AgentCall | CustomerCall | DirectCall | ThirdCall | MonitorCall


@dataclass(eq=False, slots=True, kw_only=True)
class Leg:
    """A leg that has not ended; `state`: 'placing', 'ringing' or 'up'."""

    call: AnyCall
    state: str = "placing"
    appeared: bool = False
    rang: bool = False
    answered_at: float = 0.0  # epoch seconds
    verdict: str = ""
    cause: str = ""
    joined: bool = False
    abandoned: bool = False
    message: str = ""  # 'waiting', 'playing' or 'left'
    parked: Timer | None = None  # its end where nobody comes back to it
    muted: bool = False
    digits: str = ""  # that it was sent
    playing: Timer | None = None
    partner: Leg | None = None
    tapes: dict[str, Tape] = field(default_factory=dict)  # by id; under the leg's own the one from the join on
    heard_until: float = 0.0  # the clock's seconds
    quiet: bool = False  # told to be silent after speech
    timers: list[Timer] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.call.leg

    @property
    def is_agent(self) -> bool:
        return isinstance(self.call, AgentCall)

    @property
    def is_third(self) -> bool:
        return isinstance(self.call, ThirdCall)

    def watches(self, agent: Leg) -> bool:
        return isinstance(self.call, MonitorCall) and self.call.agent_leg == agent.id

    def dialed_by(self, agent: Leg) -> bool:
        return isinstance(self.call, DirectCall) and self.call.agent_leg == agent.id


class Exchange:
    """The legs of one PBX process and the ends it recorded."""

    def __init__(self, *, clock: Clock, tell: Callable[[LegEvent], None]) -> None:
        self._clock = clock
        self._tell = tell
        self.gate: Gate | None = None
        self.legs: dict[str, Leg] = {}
        self.recorder: dict[str, RecordedEnd] = {}
        self._questions: set[asyncio.Task[None]] = set()

    def live(self) -> dict[str, LiveLeg]:
        return {
            leg.id: LiveLeg(
                leg=leg.id,
                state=leg.state,
                joined_to=leg.partner.id if leg.partner else None,
                message=leg.message if leg.message != "left" else "playing",
                parked=leg.parked is not None,
            )
            for leg in self.legs.values()
            if leg.appeared
        }

    def later(self, leg: Leg, delay: float, action: Callable[[], None]) -> None:
        """Do something with a leg in `delay` seconds, unless it has ended by then."""
        leg.timers.append(self._clock.call_later(delay, action))

    def lose_everything(self) -> None:
        """The process dies: no leg is left, none is recorded."""
        for leg in self.legs.values():
            for timer in leg.timers:
                timer.cancel()
        self.legs.clear()

    # -- the life of a leg -------------------------------------------------------------------------------

    def place(self, call: AnyCall) -> Leg:
        leg = self.legs[call.leg] = Leg(call=call)
        if isinstance(call, CustomerCall | DirectCall) and call.recording:
            leg.tapes[leg.id] = Tape(call.recording, self._clock)
        return leg

    def record(self, leg: Leg, tape: str, file: str) -> None:
        leg.tapes[tape] = Tape(file, self._clock)
        if leg.partner is not None:
            leg.tapes[tape].roll()

    def stop_recording(self, tape: str) -> bool:
        """Whether it was still running."""
        for leg in self.legs.values():
            if tape in leg.tapes:
                leg.tapes.pop(tape).end()
                return True
        return False

    def appear(self, leg: Leg) -> None:
        """Its channel comes to be, and from now on it may ring so long and no longer."""

        def appeared() -> None:
            leg.appeared = True
            self._tell(LegAppeared(leg=leg.id, at=self._clock.now()))

        def rang_out() -> None:
            if leg.state != "up":
                self.end(leg, cause=NO_ANSWER, sip=480 if leg.rang else None, ring_limit_reached=True)

        self.later(leg, PBX_DELAY, appeared)
        self.later(leg, leg.call.ring_limit, rang_out)

    def ring(self, leg: Leg) -> None:
        leg.state, leg.rang = "ringing", True
        self._tell(LegRang(leg=leg.id, at=self._clock.now()))

    def answer(self, leg: Leg) -> None:
        leg.state, leg.answered_at = "up", self._clock.wall()
        if leg.is_third:
            self.later(leg, THIRD_LIMIT, lambda: self._waited_too_long(leg))
        self._tell(LegAnswered(leg=leg.id, at=self._clock.now()))

    def _waited_too_long(self, leg: Leg) -> None:
        if not leg.joined:
            self.end(leg, cause=NORMAL_CLEARING)

    def end(
        self,
        leg: Leg,
        *,
        cause: int,
        sip: int | None = None,
        ring_limit_reached: bool = False,
        missing_endpoint: bool = False,
    ) -> None:
        """End a leg once; a customer who talked to it goes too, an agent's leg goes back to its hold."""
        if self.legs.pop(leg.id, None) is None:
            return
        for timer in leg.timers:
            timer.cancel()
        partner = leg.partner
        if partner is not None:
            self._part(leg, partner)
        for tape in leg.tapes.values():
            tape.end()
        answered = leg.state == "up"
        if leg.appeared:
            self.recorder[leg.id] = RecordedEnd(
                leg=leg.id,
                answered=answered,
                rang=leg.rang,
                cause=cause,
                sip=sip,
                answered_at=leg.answered_at,
                ended_at=self._clock.wall(),
                amd_verdict=leg.verdict,
                amd_cause=leg.cause,
                joined=leg.joined,
                abandoned=leg.abandoned,
                message_left=leg.message == "left",
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
            if leg.is_agent and isinstance(partner.call, CustomerCall | DirectCall) and partner.call.keep:
                self.park(partner, KEPT_LIMIT)
            else:
                self.later(partner, PBX_DELAY, lambda: self.end(partner, cause=NORMAL_CLEARING))
        for watcher in [other for other in self.legs.values() if other.watches(leg)]:
            self.later(watcher, PBX_DELAY, lambda watcher=watcher: self.end(watcher, cause=NORMAL_CLEARING))  # type: ignore[misc]
        for dialed in [other for other in self.legs.values() if other.dialed_by(leg) and other.state != "up"]:
            self.end(dialed, cause=NORMAL_CLEARING, sip=CANCELLED if dialed.appeared else None)

    # -- the ears ----------------------------------------------------------------------------------------

    def listen(self, leg: Leg) -> None:
        listened = self._heard(leg)
        leg.heard_until = self._clock.now() + LISTENING_LIMIT
        if listened and leg.quiet:
            self.later(leg, PBX_DELAY, lambda: self._tell_silence(leg))

    def _listen_unless_heard(self, leg: Leg) -> None:
        if not self._heard(leg):
            self.listen(leg)

    def heard(self) -> int:
        """How many legs are listened to."""
        return sum(self._heard(leg) for leg in self.legs.values())

    def _heard(self, leg: Leg) -> bool:
        return self._clock.now() < leg.heard_until

    def _speak(self, leg: Leg, customer: Customer) -> None:
        """What an answered customer's side is going to say, for whoever listens by then."""
        for moment in customer.beeps:
            self.later(leg, moment, lambda: self._tell_beep(leg))
        for moment in customer.falls_silent:
            self.later(leg, moment, lambda: self._tell_silence(leg))

    def _tell_beep(self, leg: Leg) -> None:
        if self._heard(leg):
            leg.quiet = False
            self._tell(BeepHeard(leg=leg.id, at=self._clock.now()))

    def _tell_silence(self, leg: Leg) -> None:
        if self._heard(leg):
            leg.quiet = True
            self._tell(SpeechEnded(leg=leg.id, at=self._clock.now()))

    # -- an answered customer ----------------------------------------------------------------------------

    def answer_customer(self, leg: Leg, call: CustomerCall, customer: Customer) -> None:
        """Answered: machine detection as the call wants it, and the gate."""
        self._customer_up(leg, customer)
        if call.amd is Amd.PARALLEL:
            self.later(leg, LISTEN_AFTER, lambda: self._listen_unless_heard(leg))
        if call.amd is Amd.OFF or not customer.verdict:
            self._ask_gate(leg, call)
            return

        said, after = (customer.verdict, customer.cause), customer.verdict_after
        if call.amd is Amd.INLINE and customer.fax_heard is not None:
            said, after = ("FAX", "CED"), customer.fax_heard
        elif call.amd is Amd.INLINE and after > INLINE_LIMIT:
            said, after = ("NOTSURE", "TIMEOUT"), INLINE_LIMIT

        def verdict() -> None:
            leg.verdict, leg.cause = said
            self._tell(MachineVerdict(leg=leg.id, at=self._clock.now(), verdict=leg.verdict, cause=leg.cause))
            if call.amd is Amd.INLINE:
                self._ask_gate(leg, call)

        self.later(leg, after, verdict)
        if call.amd is Amd.PARALLEL:
            self._ask_gate(leg, call)

    def _customer_up(self, leg: Leg, customer: Customer) -> None:
        self.answer(leg)
        self._speak(leg, customer)
        if customer.hangs_up_after is not None:
            self.later(leg, customer.hangs_up_after, lambda: self.end(leg, cause=NORMAL_CLEARING))

    def _ask_gate(self, leg: Leg, call: CustomerCall) -> None:
        question = JoinQuestion(leg=leg.id, verdict=leg.verdict, cause=leg.cause)
        self.ask(question, otherwise=JOIN, then=lambda answer: self._go(leg, answer))

    def ask(self, question: JoinQuestion | DialQuestion, *, otherwise: str, then: Callable[[str], None]) -> None:
        """Put a question to the gate; its failure, its absence and its silence count as `otherwise`."""
        gate = self.gate
        if gate is None:
            then(otherwise)
            return

        async def ask() -> None:
            try:
                answer = await gate(question)
            except Exception:
                log.exception("leg %s: the gate failed, as without an answer: %s", question.leg, otherwise)
                answer = otherwise
            limit.cancel()
            then(answer)

        def silence() -> None:
            task.cancel()
            then(otherwise)

        task = asyncio.get_running_loop().create_task(ask())
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        self._clock.watch(task)
        limit = self._clock.call_later(GATE_LIMIT, silence, scaled=False)

    def answer_direct(self, leg: Leg, call: DirectCall, customer: Customer) -> None:
        """Answered to an agent who heard it ring: they talk at once."""
        self._customer_up(leg, customer)
        self._go(leg, JOIN)

    def _go(self, leg: Leg, answer: str) -> None:
        if leg.id not in self.legs:
            return
        call = leg.call
        assert isinstance(call, CustomerCall | DirectCall)
        agent = self.legs.get(call.agent_leg)
        if answer == END:
            self.later(leg, PBX_DELAY, lambda: self.end(leg, cause=NORMAL_CLEARING))
        elif answer == MESSAGE:
            self.set_aside(leg)
        elif answer == ABANDON or agent is None or agent.state != "up" or agent.partner is not None:
            leg.abandoned = True
            self._tell(LegAbandoned(leg=leg.id, at=self._clock.now()))
            sound = isinstance(call, CustomerCall) and call.abandon_sound
            rest = ABANDON_SOUND if sound else PBX_DELAY
            self.later(leg, rest, lambda: self.end(leg, cause=NORMAL_CLEARING))
        else:
            self.connect(leg, agent)

    def connect(self, leg: Leg, agent: Leg) -> None:
        """From now on they hear each other."""
        if leg.parked is not None:
            leg.parked.cancel()
            leg.parked = None
        leg.partner, agent.partner = agent, leg
        leg.joined = agent.joined = True
        if not agent.is_third:  # who is handed over is not recorded any more
            for tape in leg.tapes.values():
                tape.roll()
        self._tell(LegsJoined(leg=leg.id, at=self._clock.now(), agent_leg=agent.id))

    def park(self, leg: Leg, limit: float = PARKED_LIMIT) -> None:
        """On hold, away from whom it talks to; ended where nobody comes back."""
        if leg.parked is None and not leg.is_third:
            leg.parked = self._clock.call_later(limit, lambda: self.end(leg, cause=NORMAL_CLEARING))
            leg.timers.append(leg.parked)
        if leg.partner is not None:
            self._part(leg, leg.partner)

    # -- a message ---------------------------------------------------------------------------------------

    def set_aside(self, leg: Leg) -> None:
        leg.message = "waiting"
        if leg.partner is not None:
            self._part(leg, leg.partner)

    def play(self, leg: Leg) -> None:
        """From its beginning; what played before is told no more."""
        if leg.message == "left":
            return
        self.set_aside(leg)
        leg.message = "playing"
        if leg.playing is not None:
            leg.playing.cancel()

        def over() -> None:
            leg.message = "left"
            self._tell(MessagePlayed(leg=leg.id, at=self._clock.now(), whole=True))
            self.later(leg, LAST_WORD, lambda: self.end(leg, cause=NORMAL_CLEARING))

        leg.playing = self._clock.call_later(MESSAGE_SOUND, over)
        leg.timers.append(leg.playing)

    def _part(self, leg: Leg, partner: Leg) -> None:
        leg.partner = partner.partner = None
        agent, customer = (leg, partner) if leg.is_agent or (leg.is_third and not partner.is_agent) else (partner, leg)
        for tape in customer.tapes.values():
            tape.rest()
        self._tell(LegsParted(leg=customer.id, at=self._clock.now(), agent_leg=agent.id))
