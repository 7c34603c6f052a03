"""The door: who asks (session cookie or Bearer token), from which page, and how a session begins and ends.

A token is looked up in the database for each request, except that an answer is believed for one second: what
another process changes counts after that, what this process changes counts at once (`forget`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from telephony.settings import Http, Session, origin_of
from telephony.store import accounts, sessions
from telephony.store.engine import Store
from telephony.store.passwords import password_matches
from telephony.store.sessions import Caller
from telephony.web.problems import Problem
from telephony.web.throttle import Throttle

COOKIE = "telephony_session"

BELIEVED_FOR = 1.0
"""Seconds a looked-up caller is reused; the longest that a change made by another process takes to count."""

MOST_REMEMBERED = 5_000
"""Callers reused at once; above it all are looked up again."""

PASSWORD_THREADS = 2
"""Password checks at once: each takes 64 MiB and some 50 ms of a core, and calls must not wait for them."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Door:
    """Tells callers by their tokens; one for the service."""

    def __init__(
        self,
        store: Store,
        *,
        http: Http,
        session: Session,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._proxies = http.proxies
        self._secure = http.secure
        self._lifetime = timedelta(hours=session.hours)
        self._origins = frozenset(http.allowed_origins) | ({origin_of(http.public_url)} if http.public_url else set())
        self._clock = clock
        self._throttle = Throttle(clock=clock)
        self._believed: dict[str, tuple[Caller, float]] = {}
        self._passwords = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="passwords")
        self._listeners: list[Callable[[str], None]] = []

    def token(self, request: web.Request) -> str | None:
        """The request's token: Bearer, else the cookie, whose state-changing requests must come from our own page."""
        header = request.headers.get("Authorization")
        if header is not None:
            kind, _, token = header.partition(" ")
            return token.strip() if kind.lower() == "bearer" else None
        token = request.cookies.get(COOKIE, "")
        if not token:
            return None
        # a WebSocket begins with a GET, and browsers send cookies along from any page
        if request.method not in SAFE_METHODS or "Upgrade" in request.headers:
            self.demand_own_origin(request)
        return token

    def demand_own_origin(self, request: web.Request) -> None:
        """`Problem` ORIGIN_REFUSED unless the request's Origin is this service as its user reached it, or allowed."""
        origin = request.headers.get("Origin", "").lower()
        # behind a proxy that ends TLS the scheme differs, the host does not
        if origin not in self._origins and (not origin or _host(origin) != request.host.lower()):
            raise Problem("ORIGIN_REFUSED")

    async def caller(self, token: str) -> Caller | None:
        """Who holds this token; None: nobody, or not any more."""
        known = self._believed.get(token)
        if known is not None and self._clock() < known[1]:
            return known[0]
        now = datetime.now(UTC)
        found = await self._store.run(lambda conn: sessions.caller(conn, token, now=now), urgent=True)
        if found is None:
            self._believed.pop(token, None)
            return None
        if len(self._believed) >= MOST_REMEMBERED:
            self._believed.clear()
        self._believed[token] = (found, self._clock() + BELIEVED_FOR)
        return found

    def forget(self, user_id: str) -> None:
        """This user's role, team, password or sessions changed: look again at once, at their live feeds too."""
        self._believed = {token: known for token, known in self._believed.items() if known[0].user_id != user_id}
        for changed in self._listeners:
            changed(user_id)

    def on_forget(self, changed: Callable[[str], None]) -> None:
        """Call `changed(user_id)` at every `forget`."""
        self._listeners.append(changed)

    async def sign_in(self, request: web.Request, username: str, password: str) -> tuple[str, datetime]:
        """A new session's token and end; `Problem` WRONG_PASSWORD or TOO_MANY_SIGN_INS."""
        username, address = username.strip().lower(), self.address(request)
        wait = math.ceil(self._throttle.wait(username, address))
        if wait > 0:
            raise Problem("TOO_MANY_SIGN_INS", headers={"Retry-After": str(wait)}, retry_after=wait)
        self._throttle.tried(username, address)
        known = await self._store.run(lambda conn: accounts.credentials(conn, username))
        # an unknown user costs the same time as a wrong password
        right = await asyncio.get_running_loop().run_in_executor(
            self._passwords, password_matches, known.password_hash if known else None, password
        )
        if known is None or not right:
            self._throttle.failed(username, address)
            raise Problem("WRONG_PASSWORD")
        self._throttle.succeeded(username, address)
        now = datetime.now(UTC)
        token = await self._store.run(
            lambda conn: sessions.open_session(conn, known.user_id, now=now, lifetime=self._lifetime)
        )
        return token, now + self._lifetime

    async def sign_out(self, token: str, user_id: str) -> None:
        await self._store.run(lambda conn: sessions.close_session(conn, token))
        self.forget(user_id)

    def give_cookie(self, answer: web.Response, token: str) -> None:
        answer.set_cookie(
            COOKIE,
            token,
            max_age=int(self._lifetime.total_seconds()),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._secure,
        )

    def take_cookie(self, answer: web.Response) -> None:
        answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=self._secure)

    def address(self, request: web.Request) -> str:
        """The client's address; behind proxies the entry of X-Forwarded-For that the outermost one wrote."""
        if self._proxies:
            hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
            if len(hops) >= self._proxies:
                return hops[-self._proxies]
        return request.remote or ""

    def close(self) -> None:
        self._passwords.shutdown(wait=False, cancel_futures=True)


def _host(origin: str) -> str | None:
    """Host and port of an origin; None for what is none, such as `http://[`."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
