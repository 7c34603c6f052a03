"""Phones in the browser: their connections to Asterisk, one for each user, the newest counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import aiohttp

from telephony.model.browser_phone import endpoint_of, password_of
from telephony.settings import Phones
from telephony.web.guard import Watched

ANOTHER_TAB = 4409

CONNECTS_WITHIN = 2.0
"""Seconds Asterisk's HTTP server gets to take a connection; milliseconds are usual."""

LONGEST_MESSAGE = 32 * 1024
"""Bytes of one SIP message: an INVITE with the candidates of a dozen interfaces is a quarter of it."""

CLOSE_WAIT = 2.0
"""Seconds either side has to take a close; then its connection is dropped."""


class PhoneLine(Watched):
    """One open phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserPhone:
    """What a page registers with."""

    endpoint: str
    password: str


class PhoneLines:
    """All open phones of this service; `takeovers` and `troubles` are counted since its start."""

    def __init__(self, settings: Phones) -> None:
        self._secret = settings.secret.get_secret_value()
        self._url = f"http://{settings.host}:{settings.port}/ws"
        self._http: aiohttp.ClientSession | None = None
        self._open: dict[str, PhoneLine] = {}
        self._stopped: int | None = None
        self.takeovers = 0
        self.troubles: Counter[str] = Counter()

    async def start(self) -> None:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    def end_all(self, code: int) -> None:
        """Close every phone with this code, also one that comes from now on."""
        self._stopped = code
        for line in self._open.values():
            line.end(code)

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def open(self) -> tuple[PhoneLine, ...]:
        return tuple(self._open.values())

    def phone_of(self, username: str) -> BrowserPhone | None:
        """The phone that this user may register as; None: there are none here, or none for this name."""
        endpoint = endpoint_of(username)
        if not self._secret or not endpoint:
            return None
        return BrowserPhone(endpoint=endpoint, password=password_of(self._secret, endpoint))

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        """A connection to Asterisk; raises OSError where it takes none."""
        assert self._http is not None
        limit = aiohttp.ClientWSTimeout(ws_close=CLOSE_WAIT)
        try:
            async with asyncio.timeout(CONNECTS_WITHIN):
                made = await self._http.ws_connect(
                    self._url, protocols=("sip",), max_msg_size=LONGEST_MESSAGE, timeout=limit
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{self._url} takes no phone: {error}") from None
        if made.protocol != "sip":
            await made.close()
            raise OSError(f"{self._url} does not speak SIP")
        return made

    def enter(self, line: PhoneLine) -> None:
        """This one is the user's phone now; the one before is closed."""
        former = self._open.get(line.caller.user_id)
        if former is not None:
            self.takeovers += 1
            former.end(ANOTHER_TAB)
        self._open[line.caller.user_id] = line
        if self._stopped is not None:
            line.end(self._stopped)

    def leave(self, line: PhoneLine) -> None:
        if self._open.get(line.caller.user_id) is line:
            del self._open[line.caller.user_id]
