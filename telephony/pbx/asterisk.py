"""The switchboard on a real Asterisk: orders go out as AMI actions, its events come back as the port's.

One link, one FastAGI server, one book of the legs that are up. A leg's id is its channel's Uniqueid, which Asterisk
takes for a channel's name in every action; no name of a channel is kept, and none leaves this adapter.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress

from telephony.model.campaign import Amd
from telephony.model.monitoring import MonitorMode
from telephony.pbx import asterisk_orders as orders
from telephony.pbx.ami import (
    Action,
    AmiLink,
    AmiLoginRefused,
    Message,
)
from telephony.pbx.asterisk_book import MONITOR, THIRD, LegBook
from telephony.pbx.asterisk_controls import Controls
from telephony.pbx.asterisk_listening import Listening
from telephony.pbx.asterisk_moves import Moves
from telephony.pbx.asterisk_orders import port_errors
from telephony.pbx.asterisk_pace import OriginatePace
from telephony.pbx.asterisk_scripts import Scripts
from telephony.pbx.asterisk_survey import FAMILY, listeners_of, recorded_ends, seconds
from telephony.pbx.asterisk_unmade import UnmadeLegs
from telephony.pbx.fastagi import FastAgiServer
from telephony.pbx.port import (
    AgentCall,
    CustomerCall,
    DirectCall,
    EarsState,
    Event,
    Gate,
    LegEnded,
    LinkLost,
    LinkUp,
    MonitorCall,
    OrderRefused,
    OrderUnsettled,
    PbxUnreachable,
    Survey,
    SwitchboardError,
    ThirdCall,
    UnknownLeg,
)

log = logging.getLogger(__name__)

# One AGI session clears a row in 0.3 ms and may take 5 s.
FORGET_AT_ONCE = 2000
FORGET_WITHIN = 10.0
# An agent's leg asks the guard 1 ms after its Redirect, and the dialplan gives up after 2 s.
DIAL_ASKED_WITHIN = 2.5

# A spy that attaches while its leg is being hung up may hold the leg's end back until the spy's own limit
# (asterisk/asterisk#2123); an ordinary end is told within milliseconds.
GONE_WITHIN = 2.0
# Record() of the probe ends by itself after 2 s.
PROBE_WITHIN = 5.0
# What RECORD_STATUS says of a file that was written.
RECORDED = ("TIMEOUT", "HANGUP", "SILENCE", "DTMF")


class AsteriskSwitchboard:
    """A `Switchboard` over one AMI user, one FastAGI server and the ears.

    `fastagi_address` is host:port as Asterisk reaches the server; empty: `fastagi_host` and the port listened on. The
    same with `ears_address`, for the AudioSocket connections of legs that are listened to.
    `auto_answer` adds headers to the reservation call that make desk phones answer by themselves. Times in seconds.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        fastagi_host: str = "127.0.0.1",
        fastagi_port: int = 0,
        fastagi_address: str = "",
        ears_host: str = "127.0.0.1",
        ears_port: int = 0,
        ears_address: str = "",
        auto_answer: bool = False,
        # Measured 2-3 ms from Redirect to the tone; at 1 s the customer must not be dialed into nothing.
        ringing_deadline: float = 1.0,
        # Originates whose channel has not appeared yet. A healthy Asterisk has one or two; 100 heavy ones a second
        # without a brake drove it into collapse (load 850), and then every call fails, not only the new ones. At 20 a
        # burst still goes out at 335 calls a second on 2 cores (at 1: 196; at 100: 1,400, more than it can carry).
        max_originates: int = 20,
        # An agent looks at the screen meanwhile; after this the order fails as "not sent" and may be given again.
        originate_wait: float = 3.0,
    ) -> None:
        self._scripts = Scripts()
        self._fastagi = FastAgiServer(host=fastagi_host, port=fastagi_port, scripts=self._scripts.handlers)
        self._fastagi_host = fastagi_host
        self._fastagi_address = fastagi_address
        self._auto_answer = auto_answer
        self._link = AmiLink(
            host=host,
            port=port,
            username=username,
            secret=secret,
            on_up=self._up,
            on_event=self._take,
            on_lost=self._lost,
        )
        self._book = LegBook()
        self._moves = Moves(book=self._book, send=self._link.send, deadline=ringing_deadline)
        self._controls = Controls(book=self._book, moves=self._moves, send=self._link.send)
        self._listening = Listening(
            host=ears_host,
            port=ears_port,
            address=ears_address,
            book=self._book,
            send=self._link.send,
            tell=lambda event: self._on_event(event),
        )
        self._pace = OriginatePace(at_once=max_originates, patience=originate_wait)
        self._unmade = UnmadeLegs(book=self._book, send=self._link.send)
        self._probes: dict[str, asyncio.Future[str]] = {}
        self._on_event: Callable[[Event], None] = lambda _: None
        self._running_since = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused = ""

    def subscribe(self, on_event: Callable[[Event], None], gate: Gate) -> None:
        self._on_event = on_event
        self._scripts.gate = gate

    # -- the link ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen for FastAGI and begin to connect.

        Raises OrderRefused where the FastAGI address cannot be listened on. A refused AMI login is not raised here
        (it takes Asterisk a second to say so) but stands in `trouble`, and no further login is tried.
        """
        try:
            await self._fastagi.start()
        except OSError as error:
            where = f"{self._fastagi_host}:{self._fastagi.port}"
            raise OrderRefused(f"cannot listen for FastAGI on {where}: {error.strerror or error}") from None
        await self._listening.start()
        self._spawn(self._run_link)

    async def stop(self) -> None:
        await self._link.close()
        await self._fastagi.stop()
        await self._listening.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        return self._link.up

    @property
    def trouble(self) -> str:
        """Why there is no link, in words for an operator; empty while there is one."""
        return self._refused or self._link.trouble

    @property
    def fastagi_address(self) -> str:
        """host:port that Asterisk is told."""
        return self._fastagi_address or f"{self._fastagi_host}:{self._fastagi.port}"

    @property
    def ears(self) -> EarsState:
        return EarsState(legs=self._listening.ears.legs, restarts=self._listening.ears.restarts)

    async def _run_link(self) -> None:
        try:
            await self._link.run()
        except AmiLoginRefused as refusal:
            self._refused = f"{refusal}; correct user or secret and start the service again"
            log.error("%s", self._refused)

    def _up(self) -> None:
        self._on_event(LinkUp())

    def _lost(self, reason: str) -> None:
        self._book.clear()
        self._pace.all_through()
        self._moves.lost(reason)
        self._on_event(LinkLost(reason=reason))

    def _take(self, message: Message) -> None:
        match message.event:
            case "FullyBooted":
                # The event bears no time of Asterisk's; right to about a second, by our own clock.
                self._running_since = time.time() - seconds(message.text("Uptime"))
            case "Newchannel" | "Hangup":
                self._pace.through(message.text("Uniqueid"))
            case "OriginateResponse" if message.response == "Failure" and self._book.awaited(message.action_id):
                self._never_made(message.action_id, message.text("Channel"))
            case "UserEvent" if (told := self._probes.get(message.text("Id"))) is not None and not told.done():
                told.set_result(message.text("Status"))
            case "UserEvent":
                self._controls.take(message)
        for event in self._book.take(message, asyncio.get_running_loop().time()):
            if isinstance(event, LegEnded):
                self._moves.ended(event.leg)
            self._listening.happened(event)
            self._on_event(event)
        if message.event in ("BridgeEnter", "UserEvent"):
            self._moves.moved(self._book.leg_of(message.text("Uniqueid")))

    # -- legs ----------------------------------------------------------------------------------------------------

    async def phone_ready(self, phone: str) -> bool | None:
        try:
            async with port_errors():
                state = (await self._link.send(orders.phone_state(phone))).text("Value")
        except SwitchboardError:
            return None
        return None if state == "UNKNOWN" else state not in ("UNAVAILABLE", "INVALID")

    async def ring_agent(self, call: AgentCall) -> None:
        action = orders.ring_agent(call, fastagi=self.fastagi_address, auto_answer=self._auto_answer)
        await self._originate(call.leg, action)

    async def call_customer(self, call: CustomerCall) -> None:
        action = orders.call_customer(call, fastagi=self.fastagi_address)
        if call.amd is Amd.PARALLEL:
            self._listening.from_answer_on(call.leg)
        await self._originate(call.leg, action)

    async def call_third(self, call: ThirdCall) -> None:
        await self._originate(call.leg, orders.call_third(call, fastagi=self.fastagi_address), context=THIRD)

    async def monitor(self, call: MonitorCall) -> None:
        action = orders.monitor(call, fastagi=self.fastagi_address, auto_answer=self._auto_answer)
        await self._originate(call.leg, action, context=MONITOR)

    async def change_monitor(self, leg: str, mode: MonitorMode) -> None:
        await self._controls.change_monitor(leg, mode)

    async def _originate(self, leg: str, action: Action, *, context: str = "") -> None:
        self._pace.check_new(leg)
        if not self._link.up:
            raise PbxUnreachable(f"no link to Asterisk: {self.trouble}")
        await self._pace.admit(leg)
        self._book.expect(leg, context=context)
        try:
            async with port_errors():
                await self._link.send(action)
        except PbxUnreachable:
            self._book.drop(leg)
            self._pace.not_sent(leg)
            raise
        except OrderRefused:
            self._book.drop(leg)
            self._pace.through(leg)
            raise
        except OrderUnsettled:
            self._pace.through(leg)
            raise

    def _never_made(self, leg: str, channel: str) -> None:
        async def tell() -> None:
            ended = await self._unmade.end_of(leg, channel)
            if ended is not None:
                self._pace.through(leg)
                self._on_event(ended)

        self._spawn(tell)

    async def listen(self, leg: str) -> None:
        await self._listening.listen(leg)

    async def set_aside(self, leg: str) -> None:
        self._check_answered(leg)
        async with self._moves.one_at_a_time(leg):
            await self._moves.go_to(leg, "aside", orders.send_customer_to(self._book.channel(leg), "aside"))

    async def play_message(self, leg: str, sound: str) -> None:
        self._check_answered(leg)
        channel = self._book.channel(leg)
        async with self._moves.one_at_a_time(leg), port_errors():
            await self._link.send(orders.set_message(channel, sound))
            await self._link.send(orders.send_customer_to(channel, "message"))

    def _check_answered(self, leg: str) -> None:
        if self._book.unanswered(leg):
            raise OrderRefused(f"leg {leg} is not up")

    async def record(self, leg: str, *, tape: str, file: str) -> None:
        if not self._book.knows(leg):
            raise UnknownLeg(f"leg {leg} has no channel")
        async with port_errors():
            await self._link.send(orders.record(self._book.channel(leg), tape, file))

    async def stop_recording(self, tape: str) -> None:
        async with port_errors():
            await self._link.send(orders.hang_up(tape))

    async def pause_recording(self, leg: str, *, paused: bool) -> None:
        async with port_errors():
            await self._link.send(orders.pause_recording(self._book.channel(leg), paused=paused))

    async def try_recording(self, file: str) -> None:
        probe = str(uuid.uuid4())
        told = self._probes[probe] = asyncio.get_running_loop().create_future()
        try:
            async with port_errors():
                await self._link.send(orders.try_recording(file, probe))
            async with asyncio.timeout(PROBE_WITHIN):
                status = await told
        except TimeoutError:
            raise OrderUnsettled(f"no word from [pd-probe] within {PROBE_WITHIN:g} s") from None
        finally:
            del self._probes[probe]
        if status not in RECORDED:
            raise OrderRefused(f"Asterisk's Record() ended with {status}")

    async def hang_up(self, leg: str) -> None:
        async with port_errors():
            await self._link.send(orders.hang_up(self._book.channel(leg)))
        asyncio.get_running_loop().call_later(GONE_WITHIN, self._make_sure_of_the_end, leg)

    def _make_sure_of_the_end(self, leg: str) -> None:
        if self._link.up and self._book.knows(leg):
            self._spawn(lambda: self._end_for_good(leg))

    async def _end_for_good(self, leg: str) -> None:
        """Of a leg that was hung up and has not ended: who listens to it is ended, and it is hung up again."""
        log.warning("leg %s: no end %g s after its hang-up; its listeners are ended", leg, GONE_WITHIN)
        try:
            async with port_errors():
                channels = await self._link.send_list({"Action": "CoreShowChannels"})
            for listener in listeners_of(channels, leg):
                with suppress(UnknownLeg):
                    async with port_errors():
                        await self._link.send(orders.hang_up(listener))
            await self.hang_up(leg)
        except UnknownLeg:
            for event in self._book.gone(leg, asyncio.get_running_loop().time()):
                self._on_event(event)
        except SwitchboardError as error:
            log.warning("leg %s: still not ended: %s", leg, error)

    async def call_from_agent(self, call: DirectCall) -> None:
        orders.direct_variables(call)  # refuses here what could not be sent later
        self._pace.check_new(call.leg)
        if not self._link.up:
            raise PbxUnreachable(f"no link to Asterisk: {self.trouble}")
        # the dialplan takes the leg back to hold by itself after a call; it may still be on its way
        await self._moves.wait_in(call.agent_leg, "hold")
        self._pace.note(call.leg)
        self._book.expect(call.leg, dialed_by=call.agent_leg)

        def not_dialed() -> None:
            self._scripts.forget_dial(call)
            for event in self._book.never_dialed(call.leg, asyncio.get_running_loop().time()):
                self._on_event(event)

        self._scripts.expect_dial(call, refused=not_dialed)
        try:
            await self._moves.redirect(call.agent_leg, orders.send_to(call.agent_leg, "dial"))
        except SwitchboardError as error:
            if not self._scripts.forget_dial(call):
                return  # it asked already: its events tell
            self._book.drop(call.leg)
            self._pace.not_sent(call.leg)
            if isinstance(error, UnknownLeg):
                raise
            raise PbxUnreachable(f"leg {call.leg} was not dialed") from None
        asyncio.get_running_loop().call_later(DIAL_ASKED_WITHIN, self._never_asked, call, not_dialed)

    def _never_asked(self, call: DirectCall, not_dialed: Callable[[], None]) -> None:
        if self._scripts.forget_dial(call):
            log.error("leg %s: the dialplan did not ask to dial it within %g s", call.leg, DIAL_ASKED_WITHIN)
            not_dialed()

    async def play_ringing(self, leg: str) -> None:
        await self._moves.wait_in(leg, "ringing")

    async def hold(self, leg: str) -> None:
        await self._moves.wait_in(leg, "hold")

    async def park(self, leg: str) -> None:
        await self._controls.park(leg)

    async def join(self, leg: str, agent_leg: str) -> None:
        await self._controls.join(leg, agent_leg)

    async def answer_to(self, leg: str, agent_leg: str) -> None:
        await self._controls.answer_to(leg, agent_leg)

    async def mute(self, agent_leg: str, *, muted: bool) -> None:
        await self._controls.mute(agent_leg, muted=muted)

    async def send_digits(self, leg: str, digits: str) -> None:
        await self._controls.send_digits(leg, digits)

    # -- what was ------------------------------------------------------------------------------------------------

    async def survey(self) -> Survey:
        """Read live legs and the flight recorder.

        Channels first: a leg that ends in between is then in the recorder. A leg whose end is still on its way as an
        event counts as live, and as nothing else.
        """
        async with port_errors():
            channels = await self._link.send_list({"Action": "CoreShowChannels"})
            rows = await self._link.send_list({"Action": "DBGetTree", "Family": FAMILY})
        live = self._book.merge(channels)
        ended = {leg: end for leg, end in recorded_ends(rows).items() if leg not in live}
        return Survey(live=live, ended=ended, running_since=self._running_since)

    async def forget(self, legs: list[str]) -> None:
        for first in range(0, len(legs), FORGET_AT_ONCE):
            await self._forget(legs[first : first + FORGET_AT_ONCE])

    async def _forget(self, legs: list[str]) -> None:
        batch = str(uuid.uuid4())
        done = self._scripts.clearing(batch, legs)
        try:
            async with port_errors():
                await self._link.send(orders.clear_recorder(batch, fastagi=self.fastagi_address, limit=FORGET_WITHIN))
            async with asyncio.timeout(FORGET_WITHIN):
                await done
        except TimeoutError:
            raise OrderUnsettled(f"the dialplan did not ask for the list within {FORGET_WITHIN:g} s") from None
        finally:
            done.cancel()

    def _spawn(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
