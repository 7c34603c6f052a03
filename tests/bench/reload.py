"""A page with its phone loaded anew in the middle of a call: until Asterisk has joined the customer to it again.

The steps between are what goes over the page's own connections, noted on their arrival here.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence

from playwright.async_api import Page, Request, WebSocket, expect
from sqlalchemy import select

from telephony.store import schema
from telephony.store.engine import Store
from tests.bench.desktop import Desktop
from tests.bench.figures import Figure, middle
from tests.bench.pace import within
from tests.bench.pages import page_of
from tests.bench.stage import Stage, Workplace, workplace
from tests.bench.watch import Watch
from tests.support.agent_page import AgentPage
from tests.support.chromium import Watch as Faults
from tests.support.chromium import chromium, hum
from tests.support.network import outer_address

RELOADS = 20
AGENT = "web1"

LIMIT = 30.0
"""Seconds for a reload with all that follows."""

PAUSE = 1.0
"""Seconds of the call between two reloads."""

STEPS = ("phone's script asked for", "connection opened", "registered", "told the service", "called", "answered")


class Steps:
    """When each of STEPS was first seen since the last `begin` (epoch seconds)."""

    def __init__(self, page: Page) -> None:
        self.at: dict[str, float] = {}
        page.on("request", self._request)
        page.on("websocket", self._socket)

    def begin(self) -> float:
        self.at = {}
        return time.time()

    def _seen(self, step: str) -> None:
        self.at.setdefault(step, time.time())

    def _request(self, request: Request) -> None:
        if request.url.endswith("/me/phone/attached"):
            self._seen("told the service")
        elif "/browser-" in request.url:
            self._seen("phone's script asked for")

    def _socket(self, socket: WebSocket) -> None:
        if socket.url.endswith("/phone-ws"):
            self._seen("connection opened")
            socket.on("framesent", self._sent)
            socket.on("framereceived", self._received)

    def _sent(self, frame: str | bytes) -> None:
        if _is(frame, "SIP/2.0 200", "INVITE"):
            self._seen("answered")

    def _received(self, frame: str | bytes) -> None:
        if _is(frame, "SIP/2.0 200", "REGISTER"):
            self._seen("registered")
        elif _is(frame, "INVITE", "INVITE"):
            self._seen("called")


def _is(frame: str | bytes, begins: str, method: str) -> bool:
    """A request or an answer of SIP; `method`: of the request."""
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    return text.startswith(begins) and re.search(rf"(?m)^CSeq: \d+ {method}\r?$", text) is not None


async def measure(stage: Stage) -> list[Figure]:
    microphone = stage.folder / "hum.wav"
    await asyncio.to_thread(hum, microphone)
    with outer_address():
        async with (
            chromium(microphone) as browser,
            workplace(stage, "reload", phones=[AGENT], contacts=5) as place,
        ):
            (desktop,) = place.desktops
            await desktop.ask("PUT", "/me/phone", {"kind": "browser"})
            async with page_of(browser, place.service.url, desktop) as page, Watch(stage.pbx.doctor) as watch:
                waits = await _reloads(AgentPage(page, Faults(page.context, place.service.url)), place, desktop, watch)
    return _figures(waits)


async def _reloads(desk: AgentPage, place: Workplace, desktop: Desktop, watch: Watch) -> list[dict[str, float]]:
    """Of each reload the milliseconds until each step and until "joined"."""
    await desk.phone_is("ready")
    await place.all_offered()
    assert desktop.offer is not None
    call = (await desktop.ask("POST", f"/offers/{desktop.offer[0]}/accept"))["attempt"]
    await desk.shows(state="talking")
    joins = watch.moments[await _leg(place, call), "joined"]
    steps, found = Steps(desk.page), []
    for number in range(RELOADS):
        await asyncio.sleep(PAUSE)
        async with within(LIMIT, f"reload {number}"):
            known, began = len(joins), steps.begin()
            await desk.page.reload(wait_until="commit")
            while len(joins) == known:  # noqa: ASYNC110 - a look now and then disturbs what is measured least
                await asyncio.sleep(0.01)
            await desk.phone_is("in_call")
            await desk.shows(state="talking", call=call)
            await expect(desk.at("link")).to_have_attribute("data-link", "up")
        seen = {step: at - began for step, at in steps.at.items()} | {"joined": joins[known].happened - began}
        found.append({step: seconds * 1000 for step, seconds in seen.items()})
    await desktop.ask("POST", f"/calls/{call}/hang-up")
    await desktop.until(lambda: desktop.state == "wrap_up")
    await desktop.wrap_up(call)
    return found


async def _leg(place: Workplace, call: str) -> str:
    """The customer's."""
    store = Store(place.database_url)
    legs = schema.legs
    wanted = select(legs.c.id).where(legs.c.attempt_id == call, legs.c.kind == "customer")
    leg = await store.run(lambda conn: str(conn.execute(wanted).scalar_one()))
    await store.close()
    return leg


def _figures(waits: Sequence[dict[str, float]]) -> list[Figure]:
    joined = [wait["joined"] for wait in waits]
    what = "page loaded anew in a call until the customer is joined again"
    worst = max(waits, key=lambda wait: wait["joined"])
    return [
        Figure(name=f"{what}, median", value=middle(joined), unit="ms", aim=1000.0, note=f"{len(waits)} reloads"),
        Figure(name=f"{what}, worst", value=max(joined), unit="ms", aim=1000.0, note=_story(worst)),
        *(Figure(name=f"until {step}, median", value=_middle(waits, step), unit="ms") for step in STEPS),
    ]


def _middle(waits: Sequence[dict[str, float]], step: str) -> float:
    return middle([wait[step] for wait in waits if step in wait])


def _story(wait: dict[str, float]) -> str:
    return ", ".join(f"{step} {wait[step]:.0f}" for step in STEPS if step in wait)
