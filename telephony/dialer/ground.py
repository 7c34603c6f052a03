"""What every desk of a cell stands on: the store, the switchboard, the bell, and who owns which leg."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from telephony.dialer.changes import Changes
from telephony.pbx.audio_folder import AudioFolder
from telephony.pbx.port import LegEvent, Switchboard
from telephony.store.engine import Store
from telephony.store.grants import Place
from telephony.store.work import Work, change

if TYPE_CHECKING:
    from telephony.dialer.monitoring import Monitor

log = logging.getLogger(__name__)
T = TypeVar("T")


class LegOwner(Protocol):
    """Who is told what happens to a leg, in order."""

    def leg_event(self, event: LegEvent) -> None: ...


@dataclass(slots=True, kw_only=True)
class Ground:
    """`settled`: legs whose flight-recorder rows may be forgotten; `fastagi`: where Asterisk finds the service."""

    store: Store
    board: Switchboard
    place: Place
    changes: Changes
    audio: AudioFolder
    owners: dict[str, LegOwner] = field(default_factory=dict)
    monitors: dict[str, Monitor] = field(default_factory=dict)  # by the call they are in
    free_colleague: Callable[[str], None] = lambda _agent_id: None  # a call handed to this agent is over
    settled: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    recordings_work: bool = True  # False: the PBX was asked to record and nothing arrived
    recordings_wanted: asyncio.Event = field(default_factory=asyncio.Event)  # one ended, or is to be removed
    resync_wanted: asyncio.Event = field(default_factory=asyncio.Event)
    work_wanted: asyncio.Event = field(default_factory=asyncio.Event)  # contacts, places or agents became free
    lost_cell: asyncio.Event = field(default_factory=asyncio.Event)  # another process drives this cell now

    def sound(self, file_name: str) -> str:
        """A message's file as the PBX names it, without suffix."""
        return self.audio.for_pbx((self.audio.messages / file_name).with_suffix(""))

    def resync_in(self, seconds: float) -> None:
        """Take a survey then."""
        asyncio.get_running_loop().call_later(seconds, self.resync_wanted.set)

    async def change(self, fn: Callable[[Work], T], *, urgent: bool = False) -> T:
        """Run one transaction and ring the bell for its events; `urgent`: before those that begin something new."""
        result = await change(self.store, fn, urgent=urgent)
        self.changes.notify()
        return result

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside, kept until it ends; its failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())
