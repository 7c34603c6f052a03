"""The web before a dialer that only takes notes: real HTTP and a real database."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Connection

from telephony.dialer.changes import Changes
from telephony.dialer.preview import Pulled
from telephony.dialer.requests import Target
from telephony.model.monitoring import MonitorMode
from telephony.model.reasons import Withdrawal
from telephony.model.transfer import TransferEvent, TransferState
from telephony.pbx.port import EarsState
from telephony.settings import Http, Phones, Settings
from telephony.store import accounts, outbox
from telephony.store.accounts import NewUser, Role
from telephony.store.engine import Store
from telephony.store.passwords import hash_password
from telephony.web.server import WebServer
from tests.support.company import Company, company

PASSWORD = "correct horse"
_HASH = hash_password(PASSWORD)


class NotedCalls:
    """What was asked about calls under way."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    async def hold(self, agent_id: str, attempt_id: str, *, held: bool) -> None:
        self._note("hold", agent_id, attempt_id, held)

    async def mute(self, agent_id: str, attempt_id: str, *, muted: bool) -> None:
        self._note("mute", agent_id, attempt_id, muted)

    async def send_digits(self, agent_id: str, attempt_id: str, digits: str) -> None:
        self._note("dtmf", agent_id, attempt_id, digits)

    async def transfer(self, agent_id: str, attempt_id: str, action: TransferEvent, to: Target | None) -> TransferState:
        self._note("transfer", agent_id, attempt_id, action.value, to)
        return TransferState.CONSULT

    async def do_not_call(self, agent_id: str, attempt_id: str) -> None:
        self._note("do not call", agent_id, attempt_id)

    async def remove(self, agent_id: str, offer_id: str, *, listed: bool, why: str | None) -> dict[str, Any]:
        self._note("remove", agent_id, offer_id, *((listed, why) if listed or why else ()))
        return {"offer": offer_id, "state": "removed", "attempt": None}


class NotedSupervision:
    """What supervisors asked."""

    def __init__(self, note: Callable[..., None]) -> None:
        self._note = note

    async def hang_up(self, agent_id: str, attempt_id: str) -> None:
        self._note("supervisor hangs up", agent_id, attempt_id)

    async def set_state(self, agent_id: str, state: str, reason: str | None) -> None:
        self._note("supervisor sets", agent_id, state, reason)

    async def free(self, agent_id: str) -> None:
        self._note("free", agent_id)

    async def monitor(self, supervisor_id: str, name: str, agent_id: str, attempt_id: str, mode: MonitorMode) -> None:
        self._note("monitor", supervisor_id, name, agent_id, attempt_id, mode.value)

    async def leave(self, supervisor_id: str, attempt_id: str) -> None:
        self._note("leave", supervisor_id, attempt_id)


class NotedFloor:
    """Notes what the web asked of the dialer; `refuse` is raised by the next request."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.seen_agents: list[str] = []
        self.live: list[str] = []
        self.refuse: Exception | None = None
        self.refuse_all: Exception | None = None  # by every request
        self.pulled = Pulled()
        self.ready = True
        self.pbx_connected = True
        self.recordings_work = True
        self.ears = EarsState(legs=0, restarts=0)
        self.calls = NotedCalls(self._note)
        self.supervision = NotedSupervision(self._note)

    def _note(self, *what: Any) -> None:
        self.asked.append(what)
        if self.refuse_all is not None:
            raise self.refuse_all
        if self.refuse is not None:
            refusal, self.refuse = self.refuse, None
            raise refusal

    async def set_state(self, agent_id: str, state: str, reason: str | None = None) -> None:
        self._note("state", agent_id, state, reason)

    async def set_phone(self, agent_id: str, phone: str) -> None:
        self._note("phone", agent_id, phone)

    async def use_browser(self, agent_id: str) -> None:
        self._note("browser", agent_id)

    async def phone_ready(self, phone: str) -> bool | None:
        self._note("phone_ready", phone)
        return True

    async def phone_trouble(self, agent_id: str, code: str, call: str | None) -> None:
        self._note("trouble", agent_id, code, call)

    async def phone_attached(self, agent_id: str, leg: str | None) -> None:
        self._note("attached", agent_id, leg)

    async def next_pull(self, agent_id: str, campaign_id: str) -> Pulled:
        self._note("next", agent_id, campaign_id)
        return self.pulled

    async def decide(self, agent_id: str, offer_id: str, action: str) -> dict[str, Any]:
        self._note(action, agent_id, offer_id)
        return {"offer": offer_id, "state": "accepted", "attempt": None}

    async def cancel(self, agent_id: str, attempt_id: str) -> None:
        self._note("cancel", agent_id, attempt_id)

    async def hang_up(self, agent_id: str, attempt_id: str) -> None:
        self._note("hang_up", agent_id, attempt_id)

    async def voicemail_left(self, agent_id: str, attempt_id: str) -> None:
        self._note("voicemail_left", agent_id, attempt_id)

    async def drop_message(self, agent_id: str, attempt_id: str, when: str) -> None:
        self._note("drop_message", agent_id, attempt_id, when)

    async def record(self, agent_id: str, attempt_id: str, action: str) -> None:
        self._note("record", agent_id, attempt_id, action)

    def recordings_changed(self) -> None:
        self._note("recordings_changed")

    async def wrap_up(
        self,
        agent_id: str,
        attempt_id: str,
        *,
        disposition: str,
        note: str = "",
        callback_at: datetime | None = None,
        callback_mine: bool = False,
    ) -> None:
        self._note("wrap_up", agent_id, attempt_id, disposition, note, callback_at, callback_mine)

    async def here(self, agent_id: str) -> None:
        if self.refuse_all is not None:
            raise self.refuse_all

    def seen(self, agent_id: str) -> None:
        self.seen_agents.append(agent_id)

    def live_opened(self, agent_id: str) -> None:
        self.live.append(agent_id)

    def live_closed(self, agent_id: str) -> None:
        self.live.remove(agent_id)

    def wake(self) -> None:
        self._note("wake")

    async def campaign_stopped(self, campaign_id: str) -> None:
        self._note("campaign_stopped", campaign_id)

    async def withdraw_contact(self, contact_id: str, code: Withdrawal) -> None:
        self._note("withdraw_contact", contact_id, code.value)


@dataclass(slots=True)
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The problem's code; an assertion where the answer is none."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.text
        return str(self.json["code"])


@dataclass(slots=True)
class Client:
    """Somebody at the API, signed in with a Bearer token unless `token` is empty."""

    http: aiohttp.ClientSession
    url: str
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = dict(self.headers) | options.pop("headers", {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            options["json"] = body
        async with self.http.request(method, self.url + path, headers=headers, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    @asynccontextmanager
    async def live(self, since: str = "", **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        query = {"since": since} if since else {}
        async with self.http.ws_connect(f"{self.url}/api/v1/live", params=query, headers=headers) as socket_:
            yield socket_


@dataclass(slots=True)
class Office:
    """The service's web over two companies, Acme and Globex."""

    store: Store
    floor: NotedFloor
    changes: Changes
    server: WebServer
    http: aiohttp.ClientSession
    acme: Company
    globex: Company

    @property
    def url(self) -> str:
        return self.server.url

    def stranger(self) -> Client:
        return Client(self.http, self.url)

    async def sign_in(self, username: str) -> Client:
        client = self.stranger()
        answer = await client("POST", "/api/v1/sessions", {"username": username, "password": PASSWORD})
        assert answer.status == 201, answer.text
        client.token = answer.json["token"]
        return client

    async def agent(self) -> Client:
        return await self.sign_in("acme.ann")

    async def hire(self, username: str, role: Role, tenant_id: str | None) -> str:
        """A further user; the id."""
        new = NewUser(
            username=username,
            name=username,
            role=role,
            password=PASSWORD,
            cell_id=self.acme.cell_id if role in accounts.DESK_ROLES else None,
        )
        now = datetime.now(UTC)
        made = await self.store.run(
            lambda conn: accounts.create_user(conn, tenant_id, new, password_hash=_HASH, now=now)
        )
        return str(made["id"])

    async def tell(self, kind: str, payload: dict[str, Any], *, agent_id: str | None, tenant_id: str = "") -> None:
        """Something happened: write it to the outbox as the dialer does, and ring."""
        event = outbox.Event(tenant_id=tenant_id or self.acme.tenant_id, kind=kind, payload=payload, agent_id=agent_id)
        await self.store.run(lambda conn: outbox.write(conn, [event], datetime.now(UTC)))
        self.changes.notify()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _found(conn: Connection) -> tuple[Company, Company]:
    return company(conn, "Acme"), company(conn, "Globex")


@pytest.fixture
async def office(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(sqlite_url, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def open_office(
    url: str, folder: Path, *, phones: Phones | None = None, **http_settings: Any
) -> AsyncIterator[Office]:
    store = Store(url)
    acme, globex = await store.run(_found)
    for one in (acme, globex):
        change = accounts.UserChange()
        await store.run(
            lambda conn, one=one, change=change: accounts.change_user(
                conn, one.tenant_id, one.agent_id, change, password_hash=_HASH, now=datetime.now(UTC)
            )
        )
    floor, changes = NotedFloor(), Changes()
    settings = Settings(
        data_dir=folder,
        database_url=url,
        http=Http(port=free_port(), **http_settings),
        phones=phones or Phones(),
    )
    server = WebServer(settings=settings, store=store, floor=floor, changes=changes)
    await server.start()
    http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    try:
        yield Office(store, floor, changes, server, http, acme, globex)
    finally:
        await http.close()
        await server.stop()
        await store.close()
        await asyncio.sleep(0)
