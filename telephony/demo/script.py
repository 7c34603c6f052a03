"""The scripted demo: agents played through the public API and the live feed, as a CRM would do it.

Each agent works one campaign and takes every contact of its rows; the agents work side by side. The script knows
nothing but the API's address and the logins, so it runs against a service anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from telephony.demo.report import HEARD_OUT, Seen
from telephony.demo.seed import AGENTS, DemoAgent
from telephony.demo.table import ROWS, AgentDoes, Row, Verdict, Way

Say = Callable[[str], None]

QUIET = 60.0
"""Seconds without any news from the service after which an agent gives up; a dropped message is silent for 40 s."""

VERDICT_WITHIN = 8.0
"""Seconds after joining in which a verdict that is due must come; AMD takes at most 3.5 s."""

BEEP_WITHIN = 40.0
"""Seconds after joining in which the beep must come; the long greeting takes 20 s."""

GREETING = {"05": 6.0, "06": 22.0, "07": 21.0}
"""Seconds until after the beep or the greeting, by suffix, for an agent whom nobody tells of it."""

TALK = 1.5
"""Seconds an agent speaks."""

BUSY_HEARD = 1.7
"""Seconds the agent listens to a busy tone: all of it."""

RINGS = 1.5
"""Seconds an agent listens to the ringing before cancelling."""

ASK_AGAIN = 0.2
"""Seconds until an agent asks anew who was refused a contact, since the last call's line is still on its way out."""

REFUSED_FOR = 10.0
"""Seconds after which that is no excuse any more."""

PERSON, MACHINE = "success", "answering_machine"
"""What the agents enter; `telephony amd report` sets it against the verdicts."""

_REACHED_MACHINE = ("05", "06", "07", "11")

_IN_CALL = ("dialing", "talking", "wrap_up")

BACK_TO_WORK = 3
"""How often an agent that was made idle says "available" again before giving up."""


class ScriptError(Exception):
    """The service did not do what the script needs to go on; the text says what."""


async def play(base: str, password: str, *, rows: Sequence[Row] = ROWS, say: Say = print) -> list[Seen]:
    """Play every row against the service at `base`; the rows as they were seen, in the table's order.

    Raises ScriptError where an agent cannot sign in or the service refuses what it must not refuse.
    """
    async with contextlib.AsyncExitStack() as stack:
        players = [
            await stack.enter_async_context(Player(base, agent, password, mine, say=say))
            for agent in AGENTS
            if (mine := [Seen(row=row) for row in rows if row.way is agent.way])
        ]
        parts = [asyncio.create_task(player.play()) for player in players]
        try:
            await asyncio.gather(*parts)
        except aiohttp.ClientError as error:
            raise ScriptError(f"the service at {base} cannot be reached any more: {error}") from None
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
    played = {id(seen.row): seen for player in players for seen in player.seen}
    return [played[id(row)] for row in rows]


class Player:
    """One agent's part; use it as a context."""

    def __init__(self, base: str, agent: DemoAgent, password: str, seen: list[Seen], *, say: Say) -> None:
        self.seen = seen
        self._agent = agent
        self._password = password
        self._say = say
        self._http = aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(total=15))
        self._left = list(seen)
        self._played: dict[str, Seen] = {}  # by call
        self._now: str | None = None  # the call at hand
        self._news: dict[str, asyncio.Event] = {}
        self._part: asyncio.Task[None] | None = None
        self._state = ""
        self._ended: set[str] = set()
        self._dropping: set[str] = set()  # calls whose agent is free before they end
        self._again = 0
        self._campaign = ""  # where the agent has to ask for each contact

    async def __aenter__(self) -> Player:
        try:
            answer = await self._ask(
                "POST", "/sessions", {"username": self._agent.username, "password": self._password}
            )
        except aiohttp.ClientError as error:
            await self._http.close()
            raise ScriptError(f"the service cannot be reached: {error}") from None
        except BaseException:
            await self._http.close()
            raise
        self._http.headers["Authorization"] = f"Bearer {answer['token']}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._part is not None:
            self._part.cancel()
            await asyncio.gather(self._part, return_exceptions=True)
        await self._http.close()

    async def play(self) -> None:
        """Work until every row is played, or nothing comes any more."""
        me = await self._ask("GET", "/me")
        begun = me["now"]  # by the service's clock
        async with self._http.ws_connect("/api/v1/live", params={"since": me["cursor"]}) as feed:
            await self._begin(me)
            try:
                while not self._done():
                    async with asyncio.timeout(QUIET):
                        event = await self._next(feed)
                    await self._handle(event["kind"], event["data"])
            except TimeoutError:
                self._give_up(f"nothing came for {QUIET:.0f} s")
            except TypeError:  # aiohttp's, for a close where a text is waited for
                self._give_up(f"the live feed was closed ({feed.close_code})")
            await self._ask("PUT", "/me/state", {"state": "idle", "reason": "demo_over"}, may_refuse=True)
        for call in await self._calls(begun):
            if call["id"] in self._played:
                self._played[call["id"]].call = call

    async def _next(self, feed: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
        """The next event; a tick only says that the line is alive."""
        while (event := await feed.receive_json())["kind"] in ("hello", "tick"):
            pass
        return dict(event)

    async def _begin(self, me: dict[str, Any]) -> None:
        """Take up whatever state a former run left the agent in."""
        self._state = me["agent"]["state"]
        if self._agent.way is Way.PULL:
            self._campaign = me["pull_campaigns"][0]["id"]
        if me["call"] is not None and self._state == "wrap_up":
            await self._wrap_up(me["call"]["id"])
        elif me["offer"] is not None and me["offer"]["state"] == "open":
            await self._decide(me["offer"]["id"], me["offer"]["card"])
        if self._state in ("offline", "idle", "wrap_up"):
            await self._ask("PUT", "/me/state", {"state": "available"})
        elif self._state == "available":
            await self._ask_for_next()

    def _done(self) -> bool:
        """A message may still be on its way into a mailbox when its agent has nobody left to call."""
        return not self._left and self._now is None and self._ended >= self._played.keys()

    def _give_up(self, why: str) -> None:
        unfinished = [seen for call, seen in self._played.items() if call not in self._ended]
        for seen in [*self._left, *unfinished]:
            seen.trouble.append(f"{why}; the agent was {self._state}")

    async def _handle(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "offer.opened":
                await self._decide(data["offer"], data["card"])
            case "call.state" if data["call"] in self._played:
                await self._call_state(self._played[data["call"]], data["call"], data["state"])
            case "call.amd" | "call.beep" if data["call"] in self._played:
                if kind == "call.amd":
                    self._played[data["call"]].told = data["verdict"]
                if data["call"] == self._now:
                    self._news[kind].set()
            case "agent.state" if data["agent"] and data.get("state"):
                await self._agent_state(data)
            case _:
                pass  # news that no decision hangs on

    async def _decide(self, offer: str, card: dict[str, Any]) -> None:
        number = card["number"]["e164"]
        seen = next((one for one in self._left if one.row.suffix == number[-2:]), None)
        if seen is None:
            await self._ask("POST", f"/offers/{offer}/skip", may_refuse=True)
            return
        self._left.remove(seen)
        seen.number = number
        decision = await self._ask("POST", f"/offers/{offer}/accept", may_refuse=True)
        if "attempt" not in decision:
            seen.trouble.append(f"the accept was refused: {decision['code']}")
            return
        self._now = decision["attempt"]
        self._played[self._now] = seen
        self._news = {"call.amd": asyncio.Event(), "call.beep": asyncio.Event()}

    async def _call_state(self, seen: Seen, call: str, state: str) -> None:
        seen.states.append(state)
        if state == "ringing" and seen.row.agent is AgentDoes.CANCEL:
            self._part = asyncio.create_task(self._cancel(call))
        elif state == "talking":
            self._part = asyncio.create_task(self._talk(seen, call))
        elif state == "ended":
            if self._agent.way is Way.DIRECT and seen.row.suffix == "01":
                await asyncio.sleep(BUSY_HEARD)  # whatever the agent does next would end the tone
            self._ended.add(call)
            if self._part is not None and call == self._now:
                self._part.cancel()
        await self._go_on()

    async def _agent_state(self, data: dict[str, Any]) -> None:
        self._state = data["state"]
        await self._go_on()
        if self._state == "idle" and self._left:
            self._again += 1
            if self._again > BACK_TO_WORK:
                raise ScriptError(f"{self._agent.username} was made idle again and again: {data.get('reason')}")
            self._say(f"  {self._agent.username} was made idle ({data.get('reason')}) and goes back to work")
            await self._ask("PUT", "/me/state", {"state": "available"})

    async def _go_on(self) -> None:
        """Wrap up, and ask for the next contact where contacts are asked for, as soon as either is due."""
        if (call := self._now) is not None:
            seen = self._played[call]
            if self._state == "wrap_up" and call in self._ended:
                await self._wrap_up(call)
            elif self._state in _IN_CALL or call not in self._ended | self._dropping:
                return
            self._now = None
            self._say(f"  {seen.row.way:18} {seen.number} {seen.row.customer}: {' '.join(seen.states)}")
        if self._state == "available":
            await self._ask_for_next()

    async def _ask_for_next(self) -> None:
        """The offer itself comes over the live feed."""
        if not self._campaign or not self._left:
            return
        until = asyncio.get_running_loop().time() + REFUSED_FOR
        while True:
            told = await self._ask("POST", f"/campaigns/{self._campaign}/next", may_refuse=True)
            if told.get("offer") is not None:
                return
            if asyncio.get_running_loop().time() > until:
                raise ScriptError(f"{self._agent.username} gets no contact: {told.get('code', 'nobody is due')}")
            await asyncio.sleep(ASK_AGAIN)

    async def _wrap_up(self, call: str) -> None:
        seen = self._played.get(call)
        disposition = MACHINE if seen is not None and seen.row.suffix in _REACHED_MACHINE else PERSON
        await self._ask("POST", f"/calls/{call}/wrap-up", {"disposition": disposition, "note": "Played by the demo"})

    async def _cancel(self, call: str) -> None:
        await asyncio.sleep(RINGS)
        await self._ask("POST", f"/calls/{call}/cancel", may_refuse=True)

    async def _talk(self, seen: Seen, call: str) -> None:
        """The agent's part of a joined call."""
        row = seen.row
        if row.agent is AgentDoes.WAIT and row.joined is not False:
            return
        if row.agent is AgentDoes.HEAR_OUT:
            await asyncio.sleep(HEARD_OUT[row.suffix])
        elif row.verdict is not Verdict.NONE:
            await self._hear("call.amd", VERDICT_WITHIN)
        if row.agent is AgentDoes.DROP_MESSAGE:
            self._dropping.add(call)
            answer = await self._ask("POST", f"/calls/{call}/drop-message", {"when": "auto"}, may_refuse=True)
            if "code" not in answer:
                return
            seen.trouble.append(f"the drop was refused: {answer['code']}")
        if row.agent is AgentDoes.LEAVE_VOICEMAIL:
            if row.beep:
                await self._hear("call.beep", BEEP_WITHIN)
            else:
                await asyncio.sleep(GREETING[row.suffix])
        await asyncio.sleep(TALK)
        if row.agent is AgentDoes.LEAVE_VOICEMAIL:
            await self._ask("POST", f"/calls/{call}/voicemail-left", may_refuse=True)
        await self._ask("POST", f"/calls/{call}/hang-up", may_refuse=True)

    async def _hear(self, kind: str, within: float) -> None:
        with contextlib.suppress(TimeoutError):  # what did not come is missing in the call's record
            await asyncio.wait_for(self._news[kind].wait(), within)

    async def _calls(self, since: str) -> list[dict[str, Any]]:
        return list((await self._ask("GET", f"/calls?limit=200&since={since}"))["items"])

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, may_refuse: bool = False
    ) -> dict[str, Any]:
        """The answer, or with `may_refuse` the problem document; raises ScriptError for other problems."""
        async with self._http.request(method, f"/api/v1{path}", json=body) as answer:
            found: dict[str, Any] = {} if answer.status == 204 else await answer.json(content_type=None)
            if answer.status >= 400 and not may_refuse:
                raise ScriptError(f"{self._agent.username}: {method} {path}: {answer.status} {found.get('code')}")
            return found
