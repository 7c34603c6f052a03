"""One request with all that a handler needs: who asks, of which tenant, the store and the dialer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from aiohttp import web
from pydantic_core import to_json
from sqlalchemy import Connection

from telephony.dialer.preview import Pulled
from telephony.dialer.requests import Target
from telephony.model.message_drop import When
from telephony.model.monitoring import MonitorMode
from telephony.model.reasons import Withdrawal
from telephony.model.transfer import TransferEvent, TransferState
from telephony.pbx.port import EarsState
from telephony.settings import Settings
from telephony.store.accounts import Role
from telephony.store.engine import Store
from telephony.store.errors import NoSuch
from telephony.store.sessions import Caller
from telephony.web.auth import Door
from telephony.web.feed import Feed
from telephony.web.lag import LoopLag
from telephony.web.neighbours import Neighbours
from telephony.web.phone_lines import PhoneLines
from telephony.web.problems import Problem
from telephony.web.routes import ID, Route

T = TypeVar("T")

CHUNK = 64 * 1024
"""Bytes of a streamed body handed on at once."""


class CallFront(Protocol):
    """What the web asks about a call under way; `telephony.dialer.requests.CallRequests` is it."""

    async def hold(self, agent_id: str, attempt_id: str, *, held: bool) -> None: ...
    async def mute(self, agent_id: str, attempt_id: str, *, muted: bool) -> None: ...
    async def send_digits(self, agent_id: str, attempt_id: str, digits: str) -> None: ...
    async def transfer(
        self, agent_id: str, attempt_id: str, action: TransferEvent, to: Target | None
    ) -> TransferState: ...
    async def do_not_call(self, agent_id: str, attempt_id: str) -> None: ...
    async def remove(self, agent_id: str, offer_id: str, *, listed: bool, why: str | None) -> dict[str, Any]: ...


class SupervisionFront(Protocol):
    """What supervisors do; `telephony.dialer.supervision.Supervision` is it."""

    async def hang_up(self, agent_id: str, attempt_id: str) -> None: ...
    async def set_state(self, agent_id: str, state: str, reason: str | None) -> None: ...
    async def free(self, agent_id: str) -> None: ...
    async def monitor(
        self, supervisor_id: str, name: str, agent_id: str, attempt_id: str, mode: MonitorMode
    ) -> None: ...
    async def leave(self, supervisor_id: str, attempt_id: str) -> None: ...


class Front(Protocol):
    """What the web asks of the dialer; `telephony.dialer.floor.Floor` is it."""

    async def set_state(self, agent_id: str, state: str, reason: str | None = None) -> None: ...
    async def set_phone(self, agent_id: str, phone: str) -> None: ...
    async def use_browser(self, agent_id: str) -> None: ...
    async def phone_ready(self, phone: str) -> bool | None: ...
    async def phone_trouble(self, agent_id: str, code: str, call: str | None) -> None: ...
    async def phone_attached(self, agent_id: str, leg: str | None) -> None: ...
    async def next_pull(self, agent_id: str, campaign_id: str) -> Pulled: ...
    async def decide(self, agent_id: str, offer_id: str, action: str) -> dict[str, Any]: ...
    async def cancel(self, agent_id: str, attempt_id: str) -> None: ...
    async def hang_up(self, agent_id: str, attempt_id: str) -> None: ...
    async def voicemail_left(self, agent_id: str, attempt_id: str) -> None: ...
    async def drop_message(self, agent_id: str, attempt_id: str, when: When) -> None: ...
    async def record(self, agent_id: str, attempt_id: str, action: str) -> None: ...
    async def wrap_up(
        self,
        agent_id: str,
        attempt_id: str,
        *,
        disposition: str,
        note: str = "",
        callback_at: datetime | None = None,
        callback_mine: bool = False,
    ) -> None: ...
    async def here(self, agent_id: str) -> None: ...
    def seen(self, agent_id: str) -> None: ...
    def live_opened(self, agent_id: str) -> None: ...
    def live_closed(self, agent_id: str) -> None: ...
    def wake(self) -> None: ...
    async def campaign_stopped(self, campaign_id: str) -> None: ...
    async def withdraw_contact(self, contact_id: str, code: Withdrawal) -> None: ...
    @property
    def ready(self) -> bool: ...
    @property
    def pbx_connected(self) -> bool: ...
    @property
    def recordings_work(self) -> bool: ...
    def recordings_changed(self) -> None: ...
    @property
    def ears(self) -> EarsState: ...
    @property
    def calls(self) -> CallFront: ...
    @property
    def supervision(self) -> SupervisionFront: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What stands behind the web."""

    settings: Settings
    store: Store
    floor: Front
    door: Door
    feed: Feed
    lag: LoopLag
    phones: PhoneLines
    neighbours: Neighbours


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request under way. `id` is the request's, for the log and the answer's X-Request-ID."""

    request: web.Request
    services: Services
    id: str
    language: str
    route: Route | None = None
    _caller: Caller | None = None

    @property
    def floor(self) -> Front:
        return self.services.floor

    @property
    def caller(self) -> Caller:
        """Who asks; only on routes that are not public."""
        if self._caller is None:
            raise Problem("UNAUTHENTICATED")
        return self._caller

    def admit(self, caller: Caller) -> None:
        """The caller is known: answer in their language."""
        self._caller = caller
        self.language = caller.language

    @property
    def user_id(self) -> str | None:
        return self._caller.user_id if self._caller else None

    @property
    def agent_id(self) -> str:
        """The asking agent's id; a `Problem` for users who take no calls."""
        if not self.caller.agent:
            raise Problem("NO_DESK")
        return self.caller.user_id

    @property
    def tenant_id(self) -> str:
        """The tenant all of this request is about: the user's own; an installation's administrator says `?tenant=`.

        Another tenant than one's own does not exist for a user: NOT_FOUND.
        """
        asked = self.request.query.get("tenant")
        own = self.caller.tenant_id
        if own is None:
            if not asked:
                raise Problem("TENANT_NEEDED", errors=[{"field": "tenant", "message": "missing"}])
            if not re.fullmatch(ID, asked):
                raise NoSuch("tenant")
            return asked
        if asked and asked != own:
            raise Problem("NOT_FOUND")
        return own

    @property
    def teams(self) -> tuple[str, ...] | None:
        """The teams whose agents and calls a supervisor may see; None: the whole tenant."""
        return self.caller.team_ids if self.caller.role is Role.SUPERVISOR else None

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def run(self, fn: Callable[[Connection], T]) -> T:
        """The result of a store function, in a transaction of its own; that of a GET changes nothing."""
        store = self.services.store
        return await (store.read(fn) if self.request.method == "GET" else store.run(fn))

    async def chunks(self, most: int) -> AsyncIterator[bytes]:
        """The body of a route with `takes`, piece by piece; `Problem` TOO_LARGE after `most` bytes."""
        read = 0
        async for chunk in self.request.content.iter_chunked(CHUNK):
            read += len(chunk)
            if read > most:
                raise Problem("TOO_LARGE", limit=most)
            yield chunk


def json_answer(value: Any, *, status: int = 200, content_type: str = "application/json") -> web.Response:
    """A value (dicts, lists, pydantic models, moments) as a JSON response."""
    return web.Response(body=to_json(value), status=status, content_type=content_type)
