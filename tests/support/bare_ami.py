"""A bare manager client of the tests: shares no code with the service, waits for telephone events in plain words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

from telephony.demo.pbx import AmiLogin

Event = dict[str, str]


class BareAmi:
    """One AMI connection that notes every message from login on."""

    def __init__(self, login: AmiLogin) -> None:
        self.login = login
        self.messages: list[Event] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self.login.host, self.login.port)
        await self._reader.readuntil(b"\r\n")
        self._task = asyncio.create_task(self._read())
        answer = await self.action("Login", Username=self.login.user, Secret=self.login.secret)
        if answer["Response"] != "Success":
            await self._close()
            raise AssertionError(answer["Message"])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._task.cancel()
        self._writer.close()
        await asyncio.wait([self._task])

    async def _read(self) -> None:
        while not self._reader.at_eof():
            try:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return  # Asterisk ended; whoever waits for a message fails by time
            pairs = (line.partition(": ") for line in block.split("\r\n") if line)
            message = {name.rstrip(":"): value for name, _, value in pairs}
            async with self._news:
                self.messages.append(message)
                self._news.notify_all()

    async def action(self, name: str, *, variables: Sequence[str] = (), **fields: str) -> Event:
        """Send one action and return its first answer."""
        action_id = fields.pop("ActionID", str(uuid4()))
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        lines += [f"{key}: {value}" for key, value in fields.items()]
        lines += [f"Variable: {variable}" for variable in variables]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self.until(lambda m: "Response" in m and "Event" not in m, ActionID=action_id)

    async def listed(self, name: str, **fields: str) -> list[Event]:
        """Send an action that answers with a list and return the list's events."""
        action_id = str(uuid4())
        answer = await self.action(name, ActionID=action_id, **fields)
        assert answer["Response"] == "Success", answer
        await self.until(lambda m: m.get("EventList") == "Complete", ActionID=action_id)
        mine = [m for m in self.messages if m.get("ActionID") == action_id and "Event" in m]
        return [m for m in mine if m.get("EventList") != "Complete"]

    def seen(self, condition: object = None, **fields: str) -> list[Event]:
        """Messages so far whose fields have these values (and for which CONDITION holds)."""
        return [
            m
            for m in self.messages
            if all(m.get(key) == value for key, value in fields.items()) and (not callable(condition) or condition(m))
        ]

    async def until(self, condition: object = None, *, within: float = 5.0, **fields: str) -> Event:
        """First message, past or to come, with these values; fails the test after WITHIN seconds."""
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self.seen(condition, **fields))
        except TimeoutError:
            told = [m.get("Event") for m in self.messages[-20:]]
            raise AssertionError(f"nothing with {fields} within {within} s; the last events were {told}") from None
        return self.seen(condition, **fields)[0]

    async def dial(
        self,
        channel: str,
        context: str,
        exten: str,
        *,
        fastagi: str = "127.0.0.1:9",
        ring_limit: float = 10.0,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Place a leg as the service does and return its id. Nobody listens at the default FASTAGI address."""
        leg = str(uuid4())
        answer = await self.action(
            "Originate",
            ActionID=leg,
            Channel=channel,
            ChannelId=leg,
            Account=leg,
            Context=context,
            Exten=exten,
            Priority="1",
            Async="true",
            Timeout=str(round(ring_limit * 1000)),
            variables=[
                f"LEG={leg}",
                f"PD_FASTAGI={fastagi}",
                f"PD_STARTED={time.time():.3f}",
                'CHANNEL(hangup_handler_push)="pd-end,s,1"',
                *(f"{key}={value}" for key, value in (variables or {}).items()),
            ],
        )
        assert answer["Response"] == "Success", answer
        return leg

    async def channel(self, leg: str) -> str:
        """Channel name of a leg."""
        return (await self.until(Event="Newchannel", Uniqueid=leg))["Channel"]

    async def recorded(self, leg: str) -> list[str]:
        """The flight recorder's row of a leg that has ended, as its fields."""
        await self.until(Event="Hangup", Uniqueid=leg)
        rows = await self.listed("DBGetTree", Family="pd-legs")
        values = [row["Val"] for row in rows if row["Key"] == f"/pd-legs/{leg}"]
        assert len(values) == 1, rows
        return values[0].split("|")
