"""Two softphones that talk through Asterisk: alice is the agent, bob takes the customer's place. Both record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import update

from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from telephony.demo.softphone import AnswerMode, Softphone, SoftphoneSettings
from telephony.store import schema
from telephony.store.engine import Store
from tests.support.line_shift import LineShift, line_shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A call under way."""

    shift: LineShift
    call: str
    alice: Softphone
    bob: Softphone


@asynccontextmanager
async def talking_phone(pbx: Pbx, ports: PortBlock, folder: Path, name: str, voice: Path) -> AsyncIterator[Softphone]:
    """A registered phone that answers by itself and says what is in a file, whose end would hang up."""
    rtp = ports.take(4, even=True)
    phone = Softphone(
        SoftphoneSettings(
            name=name,
            secret=pbx.agent_secret,
            pbx=pbx.sip_address,
            directory=folder / name,
            sip_port=ports.take(2),
            control_port=ports.take(),
            rtp_ports=(rtp, rtp + 3),
            voice=voice,
        )
    )
    await phone.start()
    try:
        yield phone
    finally:
        await phone.stop()


@asynccontextmanager
async def conversation(
    store: Store,
    pbx: Pbx,
    ports: PortBlock,
    folder: Path,
    voices: tuple[Path, Path],
    *,
    in_browser: bool = False,
    answers: AnswerMode = AnswerMode.AUTO,
    **wanted: Any,
) -> AsyncIterator[Talk]:
    """Alice and bob are joined; `voices`: what each says, `wanted`: the campaign's settings.

    `in_browser`: alice's phone is taken for a page. `answers`: how bob does; by hand, and he only rings.
    """
    async with (
        talking_phone(pbx, ports, folder, "alice", voices[0]) as alice,
        talking_phone(pbx, ports, folder, "bob", voices[1]) as bob,
        line_shift(store, pbx, phones=("alice",), **wanted) as one,
    ):
        await bob.answer(answers)
        if in_browser:
            await one.floor.use_browser(one.agents["alice"])
        to_bob = update(schema.trunks).values(dial_template="PJSIP/bob")
        await store.run(lambda conn: conn.execute(to_bob))
        if wanted.get("mode") == "preview":
            await one.available("alice")
            await one.floor.next_pull(one.agents["alice"], one.here.campaign_id)
        else:
            await one.previewing("alice")
        call = await one.accept("alice")
        if answers is AnswerMode.AUTO:
            await one.state_is("alice", "talking")
        else:
            await bob.wait_for("CALL_INCOMING", within=5.0)
        yield Talk(shift=one, call=call, alice=alice, bob=bob)


async def dumps(phone: Softphone, kind: str) -> list[Path]:
    """The phone's recordings of its calls, the oldest first; `kind`: enc (what it said) or dec (what it heard)."""
    return await asyncio.to_thread(lambda: sorted(phone.heard.glob(f"dump-*-{kind}.wav")))
