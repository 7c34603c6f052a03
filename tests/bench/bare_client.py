"""The yardstick: a bare asyncio client of Asterisk's manager interface that writes an Originate and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from telephony.demo.pbx import AmiLogin


class BareClient:
    """One connection; `joined_after`: seconds from each customer's answer to hearing the agent, by Asterisk's clock.

    `verdicts`: each customer leg's verdict of machine detection and its seconds since the answer, by the same clock.
    """

    def __init__(self, login: AmiLogin) -> None:
        self._login = login
        self._joined: dict[str, float] = {}
        self._up: dict[str, float] = {}
        self._told: dict[str, tuple[str, float]] = {}
        self._customers: dict[str, str] = {}  # by bridge

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._login.host, self._login.port)
        self._write({"Action": "Login", "Username": self._login.user, "Secret": self._login.secret})
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    @property
    def joined_after(self) -> dict[str, float]:
        # the news of the answer may come after that of the bridge
        return {leg: at - self._up[leg] for leg, at in self._joined.items() if leg in self._up}

    @property
    def verdicts(self) -> dict[str, tuple[str, float]]:
        return {leg: (verdict, at - self._up[leg]) for leg, (verdict, at) in self._told.items() if leg in self._up}

    def joined(self, leg: str) -> bool:
        return leg in self._joined

    def originate(
        self, leg: str, channel: str, context: str, exten: str, variables: Mapping[str, str] | None = None
    ) -> None:
        """Write the Originate that the service writes for such a leg."""
        fields = {
            "Action": "Originate",
            "ActionID": leg,
            "Channel": channel,
            "ChannelId": leg,
            "Account": leg,
            "Context": context,
            "Exten": exten,
            "Priority": "1",
            "Async": "true",
            "Timeout": "32000",
        }
        given = {"LEG": leg, "PD_FASTAGI": "127.0.0.1:9", "CHANNEL(hangup_handler_push)": "pd-end,s,1"}
        lines = [f'Variable: {name}="{value}"' for name, value in (given | dict(variables or {})).items()]
        self._write(fields, *lines)

    def hang_up(self, leg: str) -> None:
        self._write({"Action": "Hangup", "Channel": leg})

    def _write(self, fields: Mapping[str, str], *lines: str) -> None:
        text = [*(f"{name}: {value}" for name, value in fields.items()), *lines, "", ""]
        self._writer.write("\r\n".join(text).encode())

    async def _read(self) -> None:
        rest = b""
        while data := await self._reader.read(65536):
            *blocks, rest = (rest + data).split(b"\r\n\r\n")
            for block in blocks:
                if block.startswith((b"Event: Newstate", b"Event: BridgeEnter", b"Event: UserEvent")):
                    pairs = (line.partition(": ") for line in block.decode().split("\r\n"))
                    self._take({name: value for name, _, value in pairs})

    def _take(self, event: Mapping[str, str]) -> None:
        leg, at = event["Uniqueid"], float(event["Timestamp"])
        if event["Event"] == "UserEvent":
            if event["UserEvent"] == "PdAmd":
                self._told.setdefault(event["Leg"], (event["Status"], at))
        elif event["Event"] == "Newstate":
            if event["ChannelStateDesc"] == "Up":
                self._up[leg] = at
        elif event["BridgeCreator"] != "BridgeWait":
            if event["Context"] == "pd-customer":
                self._customers[event["BridgeUniqueid"]] = leg
            customer = self._customers.get(event["BridgeUniqueid"])
            # both hear each other from the moment the second one is in
            if customer is not None and event["BridgeNumChannels"] == "2":
                self._joined.setdefault(customer, at)
