"""One pair raced over all offsets: who won, and whether everybody tells the same story of it afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from telephony.store import schema
from tests.faults.books import OURS, Lines
from tests.races.actions import LOWERED, TIMER, Act, Pair, Settled
from tests.races.lanes import SETTLES_WITHIN, Answer, Lane, Track
from tests.support.bare_ami import BareAmi

WITHIN_MS = 50
STEP_MS = 2

LEAD = 0.08
"""Seconds before the first of the two, so that both are under way in time."""

STEADY = frozenset({"previewing", "available", "idle"})

SHARE_AT_LEAST = 0.1
"""Of the races each side must win, or the sweep has not crossed the line between them."""

SPARE = 3
"""Contacts for each race: on a busy machine offers also end by their timer while the other lanes are waited for."""

BEHAVIOURS = ("01", "10")
"""Customers who end an accepted call by themselves and at once, so that the next offer comes on the same line."""


def offsets(step: int, within: int) -> list[int]:
    """Milliseconds from the first action to the second."""
    return list(range(-within, within + 1, step))


@dataclass(slots=True)
class Result:
    """Winners by offset, and what did not agree, in words."""

    name: str
    names: tuple[str, str]
    winners: dict[int, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, offset: int, winner: str) -> None:
        self.winners.setdefault(offset, Counter())[winner] += 1

    @property
    def total(self) -> Counter[str]:
        return sum(self.winners.values(), Counter())

    @property
    def shares(self) -> tuple[float, float]:
        total = self.total
        races = max(1, total.total())
        return total[self.names[0]] / races, total[self.names[1]] / races

    @property
    def right(self) -> bool:
        return not self.wrong and min(self.shares) >= SHARE_AT_LEAST

    def __str__(self) -> str:
        bars = ""
        for offset in sorted(self.winners):
            won = self.winners[offset]
            bars += "0123456789#"[round(10 * won[self.names[0]] / won.total())]
        one, other = self.shares
        told = "agree" if not self.wrong else f"{len(self.wrong)} disagree: {self.wrong[0]}"
        return (
            f"{self.name:34} {self.total.total():5} races  {one:4.0%} / {other:4.0%}  [{bars}]  {told}"
            f"{'' if min(self.shares) >= SHARE_AT_LEAST else '  TOO FEW'}"
        )


async def sweep(
    track: Track, name: str, pair: Pair, *, runs: int, step: int = STEP_MS, within: int = WITHIN_MS, spread: float = 4.0
) -> Result:
    """Race a pair `runs` times at each offset; `spread`: seconds over which the lanes of one round begin."""
    result = Result(name, (pair[0].name, pair[1].name))
    todo = [offset for offset in offsets(step, within) for _ in range(runs)]
    random.Random(len(todo)).shuffle(todo)
    await track.stock(SPARE * -(-len(todo) // len(track.lanes)), BEHAVIOURS)
    while todo:
        now, todo = todo[: len(track.lanes)], todo[len(track.lanes) :]
        begin = time.time()
        heat = [
            _race(lane, pair, offset, begin + number * spread / len(track.lanes))
            for number, (lane, offset) in enumerate(zip(track.lanes, now, strict=False))
        ]
        over = await asyncio.gather(*heat)
        result.wrong += [one for wrong, _ in over for one in wrong]
        for offset, (_, winner) in zip(now, over, strict=True):
            result.note(offset, winner)
        result.wrong += await _outside(track, begin)
    return result


async def _race(lane: Lane, pair: Pair, offset: int, begin: float) -> tuple[list[str], str]:
    """One race; what is wrong, and who won."""
    await asyncio.sleep(begin - time.time())
    offer = await lane.offered()
    await lane.know(offer)
    for one in pair:
        if one.prepare is not None:
            await one.prepare(lane, offer)
    first = lane.expires(offer) if pair[0] is TIMER else time.time() + LEAD - min(0, offset) / 1000
    answers = await asyncio.gather(
        _at(first, pair[0].act, lane, offer), _at(first + offset / 1000, pair[1].act, lane, offer)
    )
    if not all(answer is None for answer in answers):
        await asyncio.sleep(max(0.0, first + 0.1 - time.time()))  # the other may still be on its way
    wrong, race = await _settle(lane, offer, answers)
    winners = [one.name for one in pair if one.won(race)]
    if race.refused_for_room:
        winners = [LOWERED.name]  # it was first; the other closed the offer afterwards
    if len(winners) != 1:
        wrong.append(f"{offset} ms: won by {winners or 'nobody'}: offer {race.offer.state} {race.offer.code}")
    wrong += _late(pair, race, winners)
    await lane.ready_again()
    return wrong, winners[0] if winners else "nobody"


async def _at(moment: float, act: Act, lane: Lane, offer: dict[str, Any]) -> Answer | None:
    await asyncio.sleep(moment - time.time())
    return await act(lane, offer)


def _late(pair: Pair, race: Settled, winners: list[str]) -> list[str]:
    """Who decided too late was told so, and by whom it was decided."""
    wrong = []
    for one, answer in zip(pair, race.answers, strict=True):
        if answer is None or not one.decides:
            continue
        if one.name in winners:
            right = answer.status == 200 or answer.code == "TENANT_CALL_LIMIT"
        else:
            # left by hanging up is left: the same result
            same = answer.status == 200 and answer.body["state"] == race.offer.state
            right = same or answer.code in ("OFFER_CLOSED", "TENANT_CALL_LIMIT", "CAMPAIGN_STOPPED", "CONTACT_REMOVED")
        if not right:
            wrong.append(f"{one.name} was answered {answer.status} {answer.code}, winner {winners}")
    return wrong


async def _settle(
    lane: Lane, offer: dict[str, Any], answers: tuple[Answer | None, Answer | None]
) -> tuple[list[str], Settled]:
    """Wait until nothing moves any more; then database and both feeds must tell one story."""
    end = time.monotonic() + SETTLES_WITHIN
    while True:
        wrong, race = await _story(lane, offer, answers)
        if not wrong or time.monotonic() > end:
            return wrong, race
        await asyncio.sleep(0.05)


async def _story(
    lane: Lane, offer: dict[str, Any], answers: tuple[Answer | None, Answer | None]
) -> tuple[list[str], Settled]:
    agent = await lane.agent()
    (row,) = await lane.rows(schema.offers, id=offer["offer"])
    attempts = await lane.rows(schema.attempts, offer_id=offer["offer"])
    wrong = []
    refused = Settled(offer=row, agent=agent, answers=answers).refused_for_room
    if row.state == "open" and not refused:
        wrong.append("the offer is still open")
    if agent.state not in STEADY:
        wrong.append(f"the agent is still {agent.state}")
    if len(attempts) != (row.state == "accepted"):
        wrong.append(f"{len(attempts)} attempts of an offer that is {row.state}")
    wrong += [f"the attempt is still {one.state}" for one in attempts if one.state != "ended"]
    for whose, feed in (("the agent's", lane.mine), ("the supervisor's", lane.supervisors)):
        closed = [(one["state"], one["code"]) for one in feed.told("offer.closed", offer=offer["offer"])]
        if closed != ([] if row.state == "open" else [(row.state, row.code)]):
            wrong.append(f"{whose} feed says {closed} of an offer that is {row.state} {row.code}")
        states = [one["state"] for one in feed.told("agent.state", agent=lane.seat.agent_id)]
        if states[-1:] != [agent.state]:
            wrong.append(f"{whose} feed says {states[-1:]} of an agent who is {agent.state}")
        for one in attempts:
            ends = [told["outcome"] for told in feed.told("call.state", call=one.id, state="ended")]
            if ends != [one.outcome]:
                wrong.append(f"{whose} feed says {ends} of a call that is {one.outcome}")
    return wrong, Settled(offer=row, agent=agent, answers=answers)


async def _outside(track: Track, begin: float) -> list[str]:
    """Asterisk's channels are the legs that are up, and the customers were rung once for each call of this round."""
    end = time.monotonic() + SETTLES_WITHIN
    while True:
        wrong = await _channels(track) + await _invites(track, begin)
        if not wrong or time.monotonic() > end:
            return wrong
        await asyncio.sleep(0.2)


async def _channels(track: Track) -> list[str]:
    async with BareAmi(track.stage.pbx.doctor) as ami:
        channels = await ami.listed("CoreShowChannels")
    up = {leg for leg in Lines.of(channels).legs if len(leg) == OURS}
    known = {row.id for row in await track.lanes[0].rows(schema.legs, ended_at=None)}
    return [f"{len(up - known)} legs on Asterisk that nobody knows, {len(known - up)} gone"] if up != known else []


async def _invites(track: Track, begin: float) -> list[str]:
    """Each call one INVITE. An agent who hangs up while the call goes out leaves it in doubt: it counts as placed."""
    rung = Counter(call.number for call in await track.stage.customers.calls() if call.invited_at >= begin)
    rows = [
        row
        for row in await track.lanes[0].rows(schema.attempts)
        if row.placed_at is not None and row.placed_at.timestamp() >= begin and row.outcome != "NOT_PLACED"
    ]
    placed = Counter(row.e164 for row in rows)
    doubt = Counter(row.e164 for row in rows if row.outcome == "AGENT_ENDED" and row.ringing_at is None)
    if not rung <= placed:
        return [f"{rung.total()} INVITEs for {placed.total()} calls placed"]
    missing = placed - rung - doubt
    outcomes = [row.outcome for row in rows if row.e164 in missing]
    return [f"{missing.total()} calls placed without an INVITE: {outcomes}"] if missing else []
