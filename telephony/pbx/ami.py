"""The link to Asterisk's manager interface (AMI): one connection at a time, kept up for as long as the service runs.

    connect -> login -> FullyBooted -> on_up -> events -> on_lost -> wait -> connect ...

Three promises, on which the dialer builds. An action is written at most once, whatever happens to the link.
Events reach `on_event` in the order in which Asterisk sent them, one after the other, none of them left out
between `on_up` and `on_lost`. Nothing waits without a limit: an action has a deadline, and fails in the moment the
link is lost.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable

from telephony.pbx.ami_action import Action, check_action, quoted_variable
from telephony.pbx.ami_message import (
    AmiBusy,
    AmiError,
    AmiLoginRefused,
    AmiLost,
    AmiNotConnected,
    AmiNotSent,
    AmiRefused,
    AmiTimeout,
    AmiUnsettled,
    AmiValueError,
    Message,
)
from telephony.pbx.ami_wire import AmiWire, Answer

__all__ = [
    "Action",
    "AmiBusy",
    "AmiError",
    "AmiLink",
    "AmiLoginRefused",
    "AmiLost",
    "AmiNotConnected",
    "AmiNotSent",
    "AmiRefused",
    "AmiTimeout",
    "AmiUnsettled",
    "AmiValueError",
    "Message",
    "quoted_variable",
]

log = logging.getLogger(__name__)


class AmiLink:
    """The manager connection of one Asterisk; `run` it in a task, `send` actions while `up`.

    `on_up()`, `on_event(message)` and `on_lost(reason)` are plain functions, called from the event loop, never
    nested in one another: hand the work on (a queue of the agent's own) and return. What they raise is logged,
    counted in `handler_errors` and otherwise changes nothing. Events from before `on_up` are not reported: what
    they tell is read by the resync that follows `on_up`. All times are in seconds.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        on_up: Callable[[], None],
        on_event: Callable[[Message], None],
        on_lost: Callable[[str], None],
        # On one machine or in one data centre a connection takes milliseconds; this is a lost packet and its repeat.
        connect_deadline: float = 5.0,
        # Asterisk answers an action in milliseconds (a refused login after 1 s, on purpose); at 5 s it is in trouble
        # and the caller must be told.
        action_deadline: float = 5.0,
        # A list of some thousand channels or database rows takes below a second, on a loaded machine a few.
        list_deadline: float = 15.0,
        # From login to FullyBooted while Asterisk loads its modules; longer means that the user lacks read=system.
        boot_deadline: float = 60.0,
        # A dead Asterisk or network is known after at most ping_every + ping_deadline: before the next customer
        # would be dialed into nothing. Costs 0.2 actions a second.
        ping_every: float = 5.0,
        ping_deadline: float = 2.0,
        # Asterisk works the actions of one connection off one by one; more than this only wait there, not here.
        max_in_flight: int = 200,
        # A restart of Asterisk takes seconds: be there at once, but do not knock ten times a second for an hour.
        backoff_first: float = 0.2,
        backoff_max: float = 10.0,
        # Received and not yet handled; some 2,500 events. Beyond it we stop reading and TCP holds Asterisk back.
        backlog_bytes: int = 1024 * 1024,
    ) -> None:
        self._host = host
        self._port = port
        self._username = username
        self._login_action = check_action({"Action": "Login", "Username": username, "Secret": secret, "Events": "on"})
        self._ping_action = check_action({"Action": "Ping"})
        self._on_up = on_up
        self._on_event = on_event
        self._on_lost = on_lost
        self._connect_deadline = connect_deadline
        self._action_deadline = action_deadline
        self._list_deadline = list_deadline
        self._boot_deadline = boot_deadline
        self._ping_every = ping_every
        self._ping_deadline = ping_deadline
        self._max_in_flight = max_in_flight
        self._backoff_first = backoff_first
        self._backoff_max = backoff_max
        self._backlog_bytes = backlog_bytes
        self._wire: AmiWire | None = None
        self._login: Answer | None = None
        self._story: asyncio.Task[None] | None = None
        self._closed = False
        self._failures = 0
        self.up = False
        """True from just before `on_up` to just before `on_lost`."""
        self.trouble = "not started"
        """Why the link is not up, in words for an operator; empty while it is."""
        self.handler_errors = 0

    # -- the story -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link up until `close`.

        Raises AmiLoginRefused when Asterisk does not accept user and secret.
        """
        if self._story is not None:
            raise RuntimeError("an AmiLink runs once")
        if self._closed:
            return
        self._story = asyncio.create_task(self._keep_up())
        try:
            await asyncio.wait((self._story,))
        finally:
            await self.close()
        if not self._story.cancelled():
            self._story.result()

    async def close(self) -> None:
        """Hang up and end `run`, out of a connect or a pause too; nothing of the link is left afterwards."""
        self._closed = True
        if self._story is not None:
            self._story.cancel()
            await asyncio.wait((self._story,))

    async def _keep_up(self) -> None:
        while True:
            self.trouble = await self._hold_one_connection()
            pause = min(self._backoff_max, self._backoff_first * 2.0 ** min(self._failures, 30))
            pause *= random.uniform(0.5, 1.0)  # noqa: S311  # spreads several cells, guards no secret
            self._failures += 1
            log.warning("AMI %s:%d: %s; again in %.1f s", self._host, self._port, self.trouble, pause)
            await asyncio.sleep(pause)

    async def _hold_one_connection(self) -> str:
        """From connect to loss; the reason of the loss is returned."""
        try:
            async with asyncio.timeout(self._connect_deadline):
                _, wire = await asyncio.get_running_loop().create_connection(self._new_wire, self._host, self._port)
        except TimeoutError:
            return f"no connection within {self._connect_deadline:g} s"
        except OSError as error:
            return f"cannot connect: {error.strerror or error}"
        self._wire = wire
        try:
            await self._log_in(wire)
            await self._watch(wire)
        finally:
            wire.fail("closed by this service")
            self._wire = None
        return wire.gone.result()

    def _new_wire(self) -> AmiWire:
        return AmiWire(
            on_event=self._take_event,
            on_gone=self._take_loss,
            max_in_flight=self._max_in_flight,
            backlog_bytes=self._backlog_bytes,
        )

    async def _log_in(self, wire: AmiWire) -> None:
        # The secret goes to nobody who has not greeted as Asterisk does.
        await asyncio.wait(
            (wire.greeted, wire.gone), timeout=self._connect_deadline, return_when=asyncio.FIRST_COMPLETED
        )
        if not wire.greeted.done():
            wire.fail(f"connected, but no greeting within {self._connect_deadline:g} s")
        if wire.gone.done():
            return
        self._login = wire.submit(self._login_action)
        await asyncio.wait((self._login.done,), timeout=self._action_deadline)
        if not self._login.done.done():
            wire.fail(f"no answer to the login within {self._action_deadline:g} s")
        wire.forget(self._login)
        refusal = self._login.done.exception()
        if isinstance(refusal, AmiRefused):
            wire.fail(f"login refused: {refusal.reason}")
            user = f"the login of manager user {self._username!r} at {self._host}:{self._port}"
            raise AmiLoginRefused(user, refusal.message)

    async def _watch(self, wire: AmiWire) -> None:
        """Ask for a sign of life again and again until the connection is gone."""
        boot_by = asyncio.get_running_loop().time() + self._boot_deadline
        while not wire.gone.done():
            await asyncio.wait((wire.gone,), timeout=self._ping_every)
            if not self.up and asyncio.get_running_loop().time() > boot_by:
                wire.fail(
                    f"logged in, but no FullyBooted within {self._boot_deadline:g} s:"
                    " Asterisk is still loading, or the manager user lacks read=system"
                )
            if not wire.gone.done():
                await self._ping(wire)

    async def _ping(self, wire: AmiWire) -> None:
        asked_at = asyncio.get_running_loop().time()
        try:
            pong = wire.submit(self._ping_action)
        except AmiNotConnected:
            return  # closing already; the loss is reported in the next turn of the loop
        await asyncio.wait((pong.done,), timeout=self._ping_deadline)
        # Behind a burst of events the answer may be late, but then there are events.
        if wire.heard_at < asked_at:
            wire.fail(f"silent: no answer to a ping within {self._ping_deadline:g} s")
        wire.forget(pong)

    # -- what comes in -------------------------------------------------------------------------------------------

    def _take_event(self, message: Message) -> None:
        if not self.up:
            if message.event != "FullyBooted" or not self._logged_in():
                return
            self.up = True
            self.trouble = ""
            self._failures = 0
            log.info("AMI %s:%d: up", self._host, self._port)
            self._tell(self._on_up)
        self._tell(self._on_event, message)

    def _logged_in(self) -> bool:
        done = self._login.done if self._login is not None else None
        return done is not None and done.done() and not done.cancelled() and done.exception() is None

    def _take_loss(self, reason: str) -> None:
        self._login = None
        self.trouble = reason
        if self.up:
            self.up = False
            self._tell(self._on_lost, reason)

    def _tell(self, handler: Callable[..., None], *arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception as error:
            self.handler_errors += 1
            # The stack without the exception's own text, which may quote a customer's data.
            stack = "".join(traceback.format_tb(error.__traceback__))
            log.error("AMI %s: a handler raised %s for %r\n%s", self._host, type(error).__name__, arguments, stack)

    # -- what goes out -------------------------------------------------------------------------------------------

    async def send(self, action: Action) -> Message:
        """Write one action and return Asterisk's first answer to it; events it causes go to `on_event`.

        An ActionID of the caller is kept, else one is made. Raises AmiValueError, AmiNotConnected or AmiBusy
        (nothing was written), AmiRefused (Asterisk said no), AmiTimeout or AmiLost (nobody knows).
        """
        return (await self._request(action, as_list=False, deadline=self._action_deadline))[0]

    async def send_list(self, action: Action) -> list[Message]:
        """Write one action that Asterisk answers with a list, and return the rows; they do not go to `on_event`.

        Raises what `send` raises; AmiRefused also when the answer is not a list.
        """
        return await self._request(action, as_list=True, deadline=self._list_deadline)

    async def _request(self, action: Action, *, as_list: bool, deadline: float) -> list[Message]:
        checked = check_action(action)
        if self._wire is None or not self.up:
            raise AmiNotConnected(f"no link to Asterisk: {self.trouble}")
        return await self._wire.request(checked, as_list=as_list, deadline=deadline)
