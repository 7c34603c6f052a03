"""The switchboard port: what the dialer asks of a PBX and what the PBX tells it.

Two adapters serve it and pass the same tests: Asterisk (asterisk.py) and the simulated switchboard in virtual
time (simulated.py). A leg is named by its own id everywhere; channel names stay inside the adapter.

Orders return when the PBX has taken them; what came of them arrives as events, in the order in which the
adapter consumed them. `SwitchboardError` and its kinds say whose fault a failed order is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from telephony.ears.finds import SILENCE_AFTER_SPEECH as SILENCE_AFTER_SPEECH
from telephony.model.campaign import Amd
from telephony.model.monitoring import MonitorMode

LISTENING_LIMIT = 60.0
"""Seconds a leg is listened to, from the last order on: beyond the longest greeting, and never for a whole call."""

KEPT_LIMIT = 15.0
"""Seconds a customer who was kept waits for a decision, which takes milliseconds: for a service that is gone."""

PARKED_LIMIT = 1800.0
"""Seconds a customer is kept on hold at the most: the service may be gone."""

THIRD_LIMIT = 120.0
"""Seconds a third party waits to be joined at the most, for the same reason."""

LISTEN_AFTER = 0.8
"""Seconds from the answer on until `parallel` begins to listen: no greeting is over by then, a call that ends at once
costs no listening channel, and what making one costs does not delay the join."""


class SwitchboardError(Exception):
    """An order to the PBX failed."""


class PbxUnreachable(SwitchboardError):
    """There is no link to the PBX; the order was certainly not sent."""


class OrderUnsettled(SwitchboardError):
    """The order was sent and no answer came; events or the next survey tell what became of it."""


class OrderRefused(SwitchboardError):
    """The PBX said no; nothing was done."""


class UnknownLeg(OrderRefused):
    """The leg has no channel: not yet or no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCall:
    """A reservation call. `phone`: endpoint name; `ring_limit`: seconds; nothing of a customer is in it.

    `in_browser`: the phone is our own page, which answers by itself where it is told the leg.
    """

    leg: str
    phone: str
    ring_limit: int
    caller_name: str = ""
    in_browser: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerCall:
    """A customer leg of its own, joined to the agent's leg on answer.

    `dial`: the trunk's template filled in, e.g. `PJSIP/+442079460000@carrier`; `ring_limit`: seconds;
    `amd_arguments`: as AMD() takes them, empty for amd.conf's; `abandon_sound`: played where no agent is left;
    `recording`: WAV file, as the PBX knows it, for both directions from the join on; empty for none. `keep`: where the
    agent's leg ends first the customer is parked, for `KEPT_LIMIT`.
    """

    leg: str
    agent_leg: str
    dial: str
    ring_limit: int
    caller_id: str = ""
    amd: Amd = Amd.OFF
    amd_arguments: str = ""
    abandon_sound: str = ""
    recording: str = ""
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectCall:
    """A customer dialed from the agent's own leg, who hears ringing, early media and announcements as they are.

    `dial`, `ring_limit`, `recording` and `keep` as in `CustomerCall`. Before anything is dialed the PBX asks the gate a
    `DialQuestion`.
    """

    leg: str
    agent_leg: str
    dial: str
    ring_limit: int
    caller_id: str = ""
    recording: str = ""
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdCall:
    """A third party, to whom a customer may be handed over: a colleague's phone, or a number through a trunk.

    `dial`: `PJSIP/<endpoint>`, or the trunk's template filled in; `ring_limit`: seconds. Nothing of the customer is
    in it.
    """

    leg: str
    dial: str
    ring_limit: int
    caller_id: str = ""
    caller_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorCall:
    """A supervisor's phone, for the conversation that `agent_leg` is in. `phone`: endpoint; `ring_limit`: seconds."""

    leg: str
    phone: str
    agent_leg: str
    mode: MonitorMode
    ring_limit: int
    in_browser: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEvent:
    """Something happened to a leg. `at`: the loop's monotonic clock when it was consumed, seconds."""

    leg: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAppeared(LegEvent):
    """The leg's channel exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRang(LegEvent):
    """The far end rings (SIP 180, or 183: early media)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAnswered(LegEvent):
    """The far end answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(LegEvent):
    """The leg is gone, or could never be made (`appeared` false).

    `cause`: Q.850, 0 = none; `sip`: last SIP response code, None = none; `missing_endpoint`: there is no such
    endpoint in the PBX.
    """

    appeared: bool
    answered: bool
    rang: bool
    cause: int = 0
    sip: int | None = None
    ring_limit_reached: bool = False
    missing_endpoint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LegsJoined(LegEvent):
    """`leg` (a customer's) and `agent_leg` hear each other."""

    agent_leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegsParted(LegEvent):
    """`leg` and `agent_leg` no longer hear each other; either may live on."""

    agent_leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineVerdict(LegEvent):
    """The verdict on a customer leg: HUMAN, MACHINE, NOTSURE, HANGUP or, inline, FAX; `cause`: Asterisk's own text."""

    verdict: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepHeard(LegEvent):
    """A machine's beep on a customer leg has just ended; each tone is told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded(LegEvent):
    """A customer leg spoke and has now been silent for `SILENCE_AFTER_SPEECH`; once for each stretch of speech.

    Where a beep came in between, the beep was told and this is not.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlayed(LegEvent):
    """A recorded message is over on a customer leg, which is ended now; not `whole`: it could not be played.

    Nothing is told of one that was begun again, or that the far end hung up on.
    """

    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LegAbandoned(LegEvent):
    """An answered customer leg found no agent to be joined to; it hears the abandon sound, if any, and is ended."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The link to the PBX stands. Whoever drives calls takes a survey before the next order."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The link to the PBX is gone; `reason` in words."""

    reason: str


Event = LegEvent | LinkUp | LinkLost


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLeg:
    """A leg that is up. `state`: 'placing', 'ringing' or 'up'; `joined_to`: the leg it talks to.

    `message`: 'waiting' for a customer leg that was set aside, 'playing' while it hears a message, else empty.
    `parked`: a customer leg on hold.
    """

    leg: str
    state: str
    joined_to: str | None = None
    message: str = ""
    parked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEnd:
    """What the flight recorder kept of a leg that ended; `joined`: it talked. Times: epoch seconds, 0 = never.

    `abandoned`: no agent was there for it; `message_left`: a recorded message was played to it, whole.
    """

    leg: str
    answered: bool
    rang: bool
    cause: int
    sip: int | None
    answered_at: float = 0.0
    ended_at: float = 0.0
    amd_verdict: str = ""
    amd_cause: str = ""
    joined: bool = False
    abandoned: bool = False
    message_left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EarsState:
    """`legs`: listened to now; `restarts`: times the process that listens ended by itself and was started again."""

    legs: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What really is and was: live legs, recorded ends, and since when this PBX process runs (epoch seconds)."""

    live: dict[str, LiveLeg]
    ended: dict[str, RecordedEnd]
    running_since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinQuestion:
    """An answered customer leg asks before it is joined; the verdict is set for `inline` machine detection."""

    leg: str
    verdict: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DialQuestion:
    """An agent's leg asks before it dials this customer leg: the guard of SPEC section 6."""

    leg: str


JOIN, END, ABANDON, MESSAGE, DIAL = "join", "end", "abandon", "message", "dial"

Gate = Callable[[JoinQuestion | DialQuestion], Awaitable[str]]
"""Answers a `JoinQuestion` with JOIN, END, ABANDON or MESSAGE, a `DialQuestion` with DIAL or END.

A join question without an answer in 2 s is a JOIN. MESSAGE sets the leg aside, as `set_aside` does.
A dial question without an answer in 2 s is a no: nothing is dialed and the agent is back on hold.
"""


class Switchboard(Protocol):
    """A PBX as the dialer sees it."""

    def subscribe(self, on_event: Callable[[Event], None], gate: Gate) -> None:
        """Name the one consumer of events (called in order, must not block) and the one who answers the gate."""

    async def start(self) -> None:
        """Begin to connect; `LinkUp` tells when the link stands. Raises `OrderRefused` only for a bad configuration."""

    async def stop(self) -> None:
        """End the link; calls that are up stay up."""

    @property
    def connected(self) -> bool:
        """True between LinkUp and LinkLost."""

    async def phone_ready(self, phone: str) -> bool | None:
        """False where a call to this phone would find nobody: not registered, or no such endpoint; None: not known."""

    @property
    def ears(self) -> EarsState:
        """How listening goes; calls do not depend on it."""

    async def ring_agent(self, call: AgentCall) -> None:
        """Ring an agent's phone; answered, it is held. At most one Originate for a leg id, ever."""

    async def call_customer(self, call: CustomerCall) -> None:
        """Dial a customer; answered, the leg asks the gate and is joined to `agent_leg`."""

    async def call_from_agent(self, call: DirectCall) -> None:
        """Dial a customer from a held agent leg; whatever comes of it, the agent's leg goes back to hold."""

    async def play_ringing(self, leg: str) -> None:
        """Let a held agent leg hear a ringing tone; returns when it is heard."""

    async def hold(self, leg: str) -> None:
        """Put an agent leg back on silent hold."""

    async def call_third(self, call: ThirdCall) -> None:
        """Dial a third party; answered, it waits in silence until it is joined, for `THIRD_LIMIT` at the most.

        When who it was joined to is gone, so is it.
        """

    async def monitor(self, call: MonitorCall) -> None:
        """Ring a supervisor's phone; answered, it is in the conversation of an agent's leg, and ends with that leg."""

    async def change_monitor(self, leg: str, mode: MonitorMode) -> None:
        """Another way of being in the conversation. Raises `UnknownLeg`, `OrderRefused` where the leg is not up."""

    async def park(self, leg: str) -> None:
        """Put an answered customer on hold; an agent it talked to is back on silent hold. Returns when that is so.

        A third party is taken back to where it waits.

        It hears a sound that tells it is on hold, is not recorded from the join on meanwhile, and is ended where nobody
        comes back to it within `PARKED_LIMIT`. Raises `UnknownLeg` where it has no channel, `OrderRefused` where it is
        not up.
        """

    async def join(self, leg: str, agent_leg: str) -> None:
        """Join a parked customer to an agent's leg on hold, the one it talked to or another; returns when they are.

        A third party that waits is joined to an agent's leg in the same way, and a customer to a third party: handed
        over, and from then on not recorded any more. Who hangs up then ends the other as before. Where they are joined
        already nothing happens. Raises `UnknownLeg` where one of the two has no channel, `OrderRefused` where one is
        not up or talks to somebody else.
        """

    async def answer_to(self, leg: str, agent_leg: str) -> None:
        """Once this customer leg of its own is answered, join it to that agent's leg and not to the one it was given.

        Raises `UnknownLeg` where it has no channel.
        """

    async def mute(self, agent_leg: str, *, muted: bool) -> None:
        """Let whom this leg is joined to hear silence, until the opposite is ordered or the leg ends.

        The same again changes nothing. Raises `UnknownLeg` where it has no channel, `OrderRefused` where it is not up.
        """

    async def send_digits(self, leg: str, digits: str) -> None:
        """Send DTMF digits (0-9, A-D, * and #, at most 32) to a leg; returns when the last one was sent.

        Several orders for one leg are carried out one after the other. Raises `UnknownLeg` where it has no channel,
        `OrderRefused` where it is not up or for anything but digits.
        """

    async def listen(self, leg: str) -> None:
        """Tell beeps and ends of speech of a customer leg that is up, for `LISTENING_LIMIT`.

        With `parallel` machine detection that begins by itself, `LISTEN_AFTER` the answer. Where the leg is listened to
        already, its time begins anew, and a silence that lasts is told again. Raises `UnknownLeg` where it has no
        channel, `OrderRefused` where it is not up or no more can be listened to.
        """

    async def set_aside(self, leg: str) -> None:
        """Let an answered customer leg wait alone in silence; an agent it talked to is back on hold.

        Raises `UnknownLeg` where it has no channel, `OrderRefused` where it is not up.
        """

    async def play_message(self, leg: str, sound: str) -> None:
        """Play a recorded message to an answered customer leg from its beginning, alone, and end the leg after it.

        `sound`: the file as the PBX names it, without suffix. A message that plays is begun again. An agent it talked
        to is back on hold. Raises `UnknownLeg` where it has no channel, `OrderRefused` where it is not up.
        """

    async def record(self, leg: str, *, tape: str, file: str) -> None:
        """Record a joined customer leg on demand, both directions, into a WAV file as the PBX knows it.

        It goes on until `stop_recording` of this `tape`, an id of its own, or the leg's end; the file is complete a
        moment later. Raises `UnknownLeg` where the leg has no channel.
        """

    async def stop_recording(self, tape: str) -> None:
        """End a recording on demand; raises `UnknownLeg` where it has ended."""

    async def pause_recording(self, leg: str, *, paused: bool) -> None:
        """Put silence in place of what is said into the recording that began with the join, or end that.

        Raises `OrderRefused` where there is none.
        """

    async def try_recording(self, file: str) -> None:
        """Record a second of a tone into this file, with no telephone; raises `OrderRefused` where that fails."""

    async def hang_up(self, leg: str) -> None:
        """End a leg; raises `UnknownLeg` where it has no channel (yet)."""

    async def survey(self) -> Survey:
        """Read live legs and the flight recorder."""

    async def forget(self, legs: list[str]) -> None:
        """Remove settled legs from the flight recorder."""
