"""Cancel against the customer's answer: one of the two counts, and nobody is left alone in a call.

The customer answers after two rings of known length, so the cancel is aimed at that moment from the 180 on; by how
much it missed is known afterwards from the customers' own log.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from telephony.demo.call_log import Call
from telephony.store import schema
from tests.bench.figures import quantile
from tests.races.lanes import Lane, Track
from tests.races.sweep import WITHIN_MS, Result, offsets
from tests.support.platform import RING_SECONDS

HUMAN_RINGS = 2
ALONE_AT_MOST = 0.3
"""Seconds in a dialog without an agent (issue: 300 ms)."""

RINGS_ON_AT_MOST = 0.2
"""Seconds a customer's phone rings on after the cancel."""

EARLY = (0, 1, 2, 5, 10, 20, 40)
"""Milliseconds after the accept's answer at which a cancel may come before there is a channel."""


@dataclass(slots=True)
class Cancels(Result):
    """Also how long, in seconds, phones rang on and answered customers were alone, and which of it was too long."""

    rang_on: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return Result.right.fget(self) and not self.slow  # type: ignore[attr-defined]

    def __str__(self) -> str:
        def worst(values: list[float]) -> str:
            return f"median {quantile(values, 0.5) * 1000:.0f}, most {max(values) * 1000:.0f} ms" if values else "none"

        return (
            f"{Result.__str__(self)}\n    rang on after the cancel: {worst(self.rang_on)}; "
            f"cancelled at once: {worst(self.early)}; answered and alone: {worst(self.alone)}"
            f"{'; TOO LONG: ' + self.slow[0] if self.slow else ''}"
        )


async def cancels(track: Track, *, runs: int, step: int, within: int = WITHIN_MS, spread: float = 4.0) -> Cancels:
    """Sweep the cancel over the customer's answer, then cancel before there is a channel."""
    result = Cancels("cancel / answer", ("cancel", "answer"))
    todo = [offset for offset in offsets(step, within) for _ in range(runs)]
    random.Random(len(todo)).shuffle(todo)
    rounds = -(-len(todo) // len(track.lanes))
    await track.stock(rounds + len(EARLY) + 1, ("00",))
    while todo:
        now, todo = todo[: len(track.lanes)], todo[len(track.lanes) :]
        begin = time.time()
        await asyncio.gather(
            *(
                _aimed(lane, result, offset, begin + number * spread / len(track.lanes))
                for number, (lane, offset) in enumerate(zip(track.lanes, now, strict=False))
            )
        )
    for early in EARLY:
        await asyncio.gather(*(_at_once(lane, result, early / 1000) for lane in track.lanes))
    return result


async def _accepted(lane: Lane) -> tuple[str, str, float]:
    """The call, its number, and when it was accepted."""
    offer = await lane.offered()
    before = time.time()
    call = (await lane.must("POST", f"/offers/{offer['offer']}/accept"))["attempt"]
    return call, offer["card"]["number"]["e164"], before


async def _aimed(lane: Lane, result: Cancels, offset: int, begin: float) -> None:
    await asyncio.sleep(begin - time.time())
    call, number, accepted = await _accepted(lane)
    await lane.mine.until(lambda: bool(lane.mine.told("call.state", call=call, state="ringing")), "ringing")
    answers_at = lane.first_told_at("call.state", call=call, state="ringing") + HUMAN_RINGS * RING_SECONDS
    await asyncio.sleep(answers_at + offset / 1000 - time.time())
    answer = await lane.ask("POST", f"/calls/{call}/cancel")
    cancelled = answer.status == 204
    result.note(offset, "cancel" if cancelled else "answer")
    if not cancelled and answer.code != "CALL_ANSWERED":
        result.wrong.append(f"a late cancel was answered {answer.status} {answer.code}")
    if not cancelled:
        await lane.mine.until(lambda: bool(lane.mine.told("call.state", call=call, state="talking")), "talking")
        await lane.must("POST", f"/calls/{call}/hang-up")
    await lane.mine.until(lambda: bool(lane.mine.told("call.state", call=call, state="ended")), "the end")
    if not cancelled:
        await lane.must("POST", f"/calls/{call}/wrap-up", {"disposition": "success"})
    (row,) = await lane.rows(schema.attempts, id=call)
    if row.outcome != ("AGENT_CANCELLED" if cancelled else "TALKED"):
        result.wrong.append(f"{'cancelled' if cancelled else 'answered'}, and the outcome is {row.outcome}")
    (rung,) = await _at_the_customer(lane, number, accepted)
    if rung.answered_at is not None:
        until = rung.ended_at if cancelled else row.joined_at.timestamp()
        assert until is not None
        result.alone.append(until - rung.answered_at)
        if result.alone[-1] > ALONE_AT_MOST:
            result.slow.append(f"{result.alone[-1] * 1000:.0f} ms in a call without an agent")
    elif rung.ended_at is not None:
        _stopped(result, result.rang_on, rung.ended_at - answer.sent_at)


async def _at_once(lane: Lane, result: Cancels, after: float) -> None:
    call, number, accepted = await _accepted(lane)
    await asyncio.sleep(after)
    answer = await lane.ask("POST", f"/calls/{call}/cancel")
    if answer.status != 204:
        result.wrong.append(f"an early cancel was answered {answer.status} {answer.code}")
        await lane.must("POST", f"/calls/{call}/hang-up")
    await lane.mine.until(lambda: bool(lane.mine.told("call.state", call=call, state="ended")), "the end")
    if answer.status != 204:
        await lane.must("POST", f"/calls/{call}/wrap-up", {"disposition": "success"})
        return
    (row,) = await lane.rows(schema.attempts, id=call)
    if row.outcome not in ("AGENT_CANCELLED", "NOT_PLACED"):
        result.wrong.append(f"cancelled at once, and the outcome is {row.outcome}")
    for rung in await _at_the_customer(lane, number, accepted):
        if rung.ended_at is None:
            result.wrong.append("a customer whose call was cancelled at once is still called seconds later")
        elif rung.answered_at is not None:
            late = rung.answered_at - answer.sent_at
            result.wrong.append(f"a call cancelled at once was answered {late * 1000:.0f} ms after the cancel")
        else:
            _stopped(result, result.early, rung.ended_at - max(answer.sent_at, rung.invited_at))


def _stopped(result: Cancels, into: list[float], seconds: float) -> None:
    into.append(seconds)
    if seconds > RINGS_ON_AT_MOST:
        result.slow.append(f"a phone rang on for {seconds * 1000:.0f} ms")


async def _at_the_customer(lane: Lane, number: str, since: float) -> list[Call]:
    """The calls to a number since then, once they are over."""
    for _ in range(100):
        calls = [call for call in await lane.customers.calls() if call.number == number and call.invited_at >= since]
        if all(call.ended_at is not None for call in calls):
            break
        await asyncio.sleep(0.02)
    return calls
