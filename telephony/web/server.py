"""The web server: start listening, serve, and stop without cutting off a request."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from telephony.dialer.changes import Changes
from telephony.settings import Settings
from telephony.store.engine import Store
from telephony.web import api
from telephony.web.app import build_app
from telephony.web.auth import Door
from telephony.web.exchange import Front, Services
from telephony.web.feed import Feed
from telephony.web.guard import Guard
from telephony.web.lag import LoopLag
from telephony.web.live import GOING_AWAY, TOO_SLOW
from telephony.web.neighbours import Neighbours
from telephony.web.pages import add_pages
from telephony.web.phone_lines import PhoneLines

log = logging.getLogger("telephony.web.http")

DRAIN = 5.0
"""Seconds that running requests have at the end: the longest, an accept, takes some ten milliseconds."""

KEEP_ALIVE = 75.0
"""Seconds an idle connection stays open; above the 60 s that reverse proxies keep theirs."""


class WebServer:
    """API, live feed and agent page on one port."""

    def __init__(self, *, settings: Settings, store: Store, floor: Front, changes: Changes) -> None:
        self._settings = settings
        self._feed = Feed(store, changes, too_slow=TOO_SLOW)
        self._door = Door(store, http=settings.http, session=settings.session)
        self._phones = PhoneLines(settings.phones)
        self._guard = Guard(self._door, lambda: (*self._feed.subscribers, *self._phones.open))
        self._lag = LoopLag()
        self._neighbours = Neighbours()
        self._services = Services(
            settings=settings,
            store=store,
            floor=floor,
            door=self._door,
            feed=self._feed,
            lag=self._lag,
            phones=self._phones,
            neighbours=self._neighbours,
        )
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        return self._settings.http.port

    @property
    def door(self) -> Door:
        """Who changes users beside the API tells it (`forget`)."""
        return self._door

    @property
    def url(self) -> str:
        """Where browsers find it."""
        http = self._settings.http
        host = "127.0.0.1" if http.host in ("0.0.0.0", "::") else http.host  # noqa: S104  # compared
        return http.public_url or f"http://{f'[{host}]' if ':' in host else host}:{http.port}"

    async def start(self) -> None:
        """Follow the outbox, then listen; raises OSError where the port cannot be had."""
        await self._feed.start()
        await self._phones.start()
        await self._neighbours.start()
        self._guard.start()
        self._lag.start()
        self.app = build_app(self._services, api.all_routes())
        add_pages(self.app)
        self._runner = web.AppRunner(
            self.app, access_log=None, logger=log, keepalive_timeout=KEEP_ALIVE, shutdown_timeout=DRAIN
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.http.host, self._settings.http.port).start()

    async def stop(self) -> None:
        """Take no more connections, close live feeds and phones, let running requests end."""
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
        await self._guard.stop()
        self._phones.end_all(GOING_AWAY)
        self._neighbours.end_all(GOING_AWAY)
        await self._feed.stop(GOING_AWAY)
        if self._runner is not None:
            await self._runner.cleanup()
        await self._phones.stop()
        await self._neighbours.stop()
        await self._lag.stop()
        self._door.close()


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """What is no HTTP is its sender's fault; aiohttp would write an error with stack and the line, token and all."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        record.msg, record.args = "what somebody sent is no HTTP request", ()
    return True


log.addFilter(_without_what_was_sent)
