"""One TCP connection to Asterisk's manager interface: panoramisk's reading and writing of messages inside a guard.

panoramisk 1.4 reads and writes single messages well, and this is all we let it do: `Message.from_line` and
`Action.__str__`. Left to itself it repeats unanswered actions after a reconnect (one Originate becomes two calls),
hangs on others, swallows events whose ActionID it waits for, drops UTF-8 that two TCP segments share, has no bound and
no time limit anywhere. So `AmiWire` does the rest itself: cuts the stream into messages, writes an action once,
matches answers, hands every other message on in the order of arrival, and fails everything that waits the moment
the connection is gone. Its Manager class, which only adds the reconnect with replay, is not used. No type of
panoramisk leaves this file.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from panoramisk.actions import Action as PanoramiskAction
from panoramisk.message import Message as PanoramiskMessage

from telephony.pbx.ami_action import CheckedAction
from telephony.pbx.ami_message import (
    AmiBusy,
    AmiError,
    AmiLost,
    AmiNotConnected,
    AmiRefused,
    AmiTimeout,
    AmiUnsettled,
    AmiValueError,
    Message,
)

log = logging.getLogger(__name__)

# The first line of every manager connection, e.g. `Asterisk Call Manager/11.0.0`; 256 bytes without it is no Asterisk.
BANNER = b"Asterisk Call Manager/"
BANNER_LIMIT = 256
# About 40 events, 1 ms of parsing: what one turn of the event loop may take before others run.
SLICE = 16 * 1024
# An event of Asterisk has 0.3 to 3 KB, with many channel variables some 10 KB; a message above this is a broken peer.
MESSAGE_LIMIT = 1024 * 1024
# One row for each channel, contact or database entry: more than one Asterisk can hold.
ROW_LIMIT = 100_000

END = b"\r\n\r\n"


class _Headers(PanoramiskMessage):  # type: ignore[misc]  # panoramisk has no type information
    """What panoramisk reads of a message, as a plain dict by lower-case names: its own mapping is as dear again."""

    def __init__(self, headers: Mapping[str, str | Sequence[str]], content: str = "") -> None:
        self.plain = {name.lower(): value for name, value in headers.items()}


@dataclass(slots=True, kw_only=True, eq=False)
class Answer:
    """What one written action waits for: its first response, or that and all rows of the list it announces."""

    action: str
    action_id: str
    done: asyncio.Future[list[Message]]
    as_list: bool
    messages: list[Message] = field(default_factory=list)

    def settle(self, result: list[Message] | Exception) -> None:
        if self.done.done():
            return
        if isinstance(result, Exception):
            self.done.set_exception(result)
            self.done.exception()  # nobody may be waiting any more; then it is not worth a complaint of asyncio
        else:
            self.done.set_result(result)


class AmiWire(asyncio.Protocol):
    """The guarded connection; `on_event` and `on_gone` are called synchronously and must not raise."""

    def __init__(
        self,
        *,
        on_event: Callable[[Message], None],
        on_gone: Callable[[str], None],
        max_in_flight: int,
        backlog_bytes: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._on_gone = on_gone
        self._backlog_bytes = backlog_bytes
        self._backlog: deque[bytes] = deque()
        self._backlog_size = 0
        self._reading = True
        self._head = b""
        self._rest = b""
        self._places = asyncio.Semaphore(max_in_flight)
        self._writable = asyncio.Event()
        self._writable.set()
        self._answers: dict[str, Answer] = {}
        self.heard_at = self._loop.time()
        """Loop time of the last bytes from Asterisk, received or worked off."""
        self.greeted: asyncio.Future[str] = self._loop.create_future()
        """Done with the protocol version when the banner has come."""
        self.gone: asyncio.Future[str] = self._loop.create_future()
        """Done with the reason when the connection is gone."""

    # -- asyncio's side ------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        if self.gone.done():
            return
        self.heard_at = self._loop.time()
        if not self._backlog and len(data) <= SLICE:
            self._parse(data)
            return
        if not self._backlog:
            self._loop.call_soon(self._work_off)
        self._backlog.extend(data[at : at + SLICE] for at in range(0, len(data), SLICE))
        self._backlog_size += len(data)
        if self._reading and self._backlog_size > self._backlog_bytes:
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: object) -> None:
        while self._backlog and not self.gone.done():  # what Asterisk said before it hung up is still true
            self._parse(self._backlog.popleft())
        self.fail("Asterisk closed the connection" if exc is None else f"connection broken: {exc}")

    # -- reading -------------------------------------------------------------------------------------------------

    def _work_off(self) -> None:
        if self.gone.done() or not self._backlog:
            return
        piece = self._backlog.popleft()
        self._backlog_size -= len(piece)
        self._parse(piece)
        self.heard_at = self._loop.time()
        if not self._reading and self._backlog_size < self._backlog_bytes // 4:
            self._reading = True
            self._transport.resume_reading()
        if self._backlog:
            self._loop.call_soon(self._work_off)

    def _parse(self, data: bytes) -> None:
        if not self.greeted.done():
            data = self._greet(data)
        *blocks, self._rest = (self._rest + data).split(END)
        try:
            for block in blocks:
                # between two messages Asterisk may send an end of line too many
                message = _Headers.from_line(block.decode("utf-8", "replace").strip())
                if message is not None and not self.gone.done():
                    self._take(Message(message.plain))
        except Exception as error:  # better a new connection than one on which nothing is read any more
            stack = "".join(traceback.format_tb(error.__traceback__))  # its text may quote a customer's data
            log.error("AMI: reading failed, %s\n%s", type(error).__name__, stack)
            self.fail("reading failed")
        if len(self._rest) > MESSAGE_LIMIT:
            self.fail(f"a message of more than {MESSAGE_LIMIT} bytes")

    def _greet(self, data: bytes) -> bytes:
        """Read the banner, which may come in pieces or together with what follows it; the rest is returned."""
        self._head += data
        banner, end, rest = self._head.partition(b"\r\n")
        if not self._head.startswith(BANNER[: len(self._head)]) or (not end and len(banner) > BANNER_LIMIT):
            self.fail(f"this is not an Asterisk manager port, it greets with {self._head[:40]!r}")
        if not end:
            return b""
        self._head = b""
        self.greeted.set_result(banner[len(BANNER) :].decode("ascii", "replace"))
        return rest

    def _take(self, message: Message) -> None:
        if not message.event:
            self._take_response(message)
            return
        answer = self._answers.get(message.action_id) if message.action_id else None
        if answer is not None and answer.as_list:
            self._take_row(answer, message)
        else:
            self._on_event(message)

    def _take_response(self, message: Message) -> None:
        answer = self._answers.get(message.action_id)
        if answer is None:
            log.debug("AMI answer %s to an action nobody waits for, ActionID %s", message.response, message.action_id)
        elif message.response == "Error":
            answer.settle(AmiRefused(answer.action, message))
        elif not answer.as_list:
            answer.settle([message])
        elif message.text("eventlist").lower() != "start":
            answer.settle(AmiRefused(answer.action, message))

    def _take_row(self, answer: Answer, message: Message) -> None:
        end = message.text("eventlist").lower()
        if end == "complete":
            answer.settle(answer.messages)
        elif end == "cancelled":  # half a list read as a whole one would end calls that are up
            answer.settle(AmiUnsettled(f"{answer.action}: Asterisk broke the list off"))
        elif len(answer.messages) >= ROW_LIMIT:
            answer.settle(AmiUnsettled(f"{answer.action}: more than {ROW_LIMIT} rows"))
        elif not answer.done.done():
            answer.messages.append(message)

    # -- writing -------------------------------------------------------------------------------------------------

    async def request(self, action: CheckedAction, *, as_list: bool, deadline: float) -> list[Message]:
        """Write an action once and wait, `deadline` seconds in all, for its answer."""
        name = action.name
        late: AmiError = AmiBusy(f"{name}: no place among the actions in flight for {deadline:g} s")
        try:
            async with asyncio.timeout(deadline), self._places:
                late = AmiBusy(f"{name}: Asterisk does not read for {deadline:g} s")
                await self._writable.wait()
                answer = self.submit(action, as_list=as_list)
                late = AmiTimeout(f"{name}: no answer for {deadline:g} s")
                try:
                    return await answer.done
                finally:
                    self.forget(answer)
        except TimeoutError:
            raise late from None

    def submit(self, action: CheckedAction, *, as_list: bool = False) -> Answer:
        """Write an action now, whatever is in flight; the caller must `forget` the answer when it is done with it."""
        fields = PanoramiskAction(action.fields)
        if self.gone.done() or self._transport.is_closing():
            raise AmiNotConnected("the link to Asterisk is down")
        if fields.id in self._answers:
            raise AmiValueError("ActionID", "an action with this id still waits for its answer")
        answer = Answer(action=action.name, action_id=fields.id, as_list=as_list, done=self._loop.create_future())
        self._answers[answer.action_id] = answer
        log.debug("AMI %s, ActionID %s", answer.action, answer.action_id)
        self._transport.write(str(fields).encode())
        return answer

    def forget(self, answer: Answer) -> None:
        self._answers.pop(answer.action_id, None)
        answer.done.cancel()

    def fail(self, reason: str) -> None:
        """End this connection for good: everybody who waits learns it in this moment."""
        if self.gone.done():
            return
        self.gone.set_result(reason)
        self._backlog.clear()
        self._transport.abort()
        for answer in list(self._answers.values()):
            answer.settle(AmiLost(f"{answer.action}: {reason}"))
        self._writable.set()
        self._on_gone(reason)
