"""A real Asterisk that calls itself over SIP and RTP: one side plays what was generated, the other is our dialplan.

The called side answers and sends mu-law packets as a telephone network would; the calling side is a customer's leg of
[pd-customer], with the detection in place or on the listening pair beside an agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from telephony.demo.pbx import Pbx, PbxSettings
from telephony.demo.ports import PortBlock, claim_ports
from telephony.model.campaign import Amd
from tests.support.bare_ami import BareAmi
from tests.support.platform import work_folder

AT_ONCE = 30
"""Calls up at the same time."""

WITHIN = 20.0
"""Seconds for a batch of calls; AMD() is done after 5 s of audio."""

_CALLED = """
[pd-inbound]
exten => agent,1,Answer(,i)
 same => n,Wait(30)
exten => _X.,1,Answer(,i)
 same => n,Playback({audio}/${{EXTEN}})
 same => n,Wait(30)

[pd-bare]
exten => s,1,AMD(${{PD_AMD_ARGS}})
 same => n,UserEvent(PdAmd,Leg: ${{LEG}},Status: ${{AMDSTATUS}},Cause: ${{AMDCAUSE}})
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the dialplan told of a call; `after`: seconds from answer, by Asterisk's clock."""

    status: str
    cause: str
    after: float


class _SelfCalling(Pbx):
    async def _render(self) -> None:
        await super()._render()
        dialplan = self._directory / "etc" / "pd-extensions.conf"
        text = await asyncio.to_thread(dialplan.read_text)
        await asyncio.to_thread(dialplan.write_text, text + _CALLED.format(audio=self.audio))


class Exchange:
    """Calls with given audio through our dialplan."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx

    async def verdicts(
        self,
        audio: Sequence[bytes],
        *,
        arguments: str,
        amd: Amd = Amd.INLINE,
        at_once: int = AT_ONCE,
        bare: bool = False,
    ) -> list[Told]:
        """One call for each, AT_ONCE at a time; `arguments` as AMD() takes them. Raises TimeoutError.

        `bare`: AMD() alone, as the listening pair runs it, without the limit of 3.5 s.
        """
        told: list[Told] = []
        for first in range(0, len(audio), at_once):
            told += await self._batch(audio[first : first + at_once], arguments, None if bare else amd)
        return told

    async def _batch(self, audio: Sequence[bytes], arguments: str, amd: Amd | None) -> list[Told]:
        await asyncio.to_thread(self._write, audio)
        async with BareAmi(self._pbx.ami) as ami:
            legs = [await self._call(ami, f"1{index:04}", arguments, amd) for index in range(len(audio))]
            answered: dict[str, float] = {}
            told: dict[str, Told] = {}
            read = 0
            async with asyncio.timeout(WITHIN):
                while not told.keys() >= set(legs):
                    await asyncio.sleep(0.1)
                    for message in ami.messages[read:]:
                        read += 1
                        at = float(message.get("Timestamp", 0))
                        if message.get("Event") == "Newstate" and message.get("ChannelStateDesc") == "Up":
                            answered.setdefault(message["Uniqueid"], at)
                        elif message.get("UserEvent") == "PdAmd":
                            leg = message["Leg"]
                            after = at - answered[leg]
                            told[leg] = Told(status=message["Status"], cause=message.get("Cause", ""), after=after)
            for row in await ami.listed("CoreShowChannels"):
                await ami.action("Hangup", Channel=row["Channel"])
            return [told[leg] for leg in legs]

    async def _call(self, ami: BareAmi, name: str, arguments: str, amd: Amd | None) -> str:
        wanted = {"PD_AMD": amd or "", "PD_AMD_ARGS": f'"{arguments}"'}
        if amd is Amd.PARALLEL:
            wanted["PD_AGENT"] = await ami.dial("PJSIP/agent@line", "pd-agent", "hold")
            await ami.until(Event="BridgeEnter", Uniqueid=wanted["PD_AGENT"])
        context, exten = ("pd-customer", "answered") if amd else ("pd-bare", "s")
        return await ami.dial(f"PJSIP/{name}@line", context, exten, variables=wanted)

    def _write(self, audio: Sequence[bytes]) -> None:
        for index, one in enumerate(audio):
            path = self._pbx.audio / f"1{index:04}.ulaw"
            path.write_bytes(one)
            path.chmod(0o644)


@asynccontextmanager
async def exchange() -> AsyncIterator[Exchange]:
    """An Asterisk of its own for the time of the block."""
    with claim_ports(1000) as ports, work_folder("amd") as folder:
        pbx = _SelfCalling(_settings(folder, ports))
        await pbx.start()
        try:
            yield Exchange(pbx)
        finally:
            await pbx.stop()


def _settings(folder: Path, ports: PortBlock) -> PbxSettings:
    sip, rtp = ports.take(), ports.take(600, even=True)
    return PbxSettings(
        directory=folder,
        ami_port=ports.take(),
        sip_port=sip,
        rtp_ports=(rtp, rtp + 599),
        trunks={"line": f"127.0.0.1:{sip}"},
    )
