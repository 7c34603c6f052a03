"""What the worker process costs: many calls at once over AudioSocket in real time, as Asterisk sends them."""

from __future__ import annotations

import asyncio
import itertools
import time
from uuid import UUID, uuid4

import psutil

from telephony.ears.audiosocket import Kind
from telephony.ears.ears import Ears
from tests.ears.trial import PACKET

WARM_UP, SECONDS = 2.0, 10.0


def message(kind: Kind, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2) + payload


async def speak(port: int, name: str, sound: itertools.cycle[bytes], seconds: float) -> None:
    """One call: its name, then a packet every 20 ms."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(message(Kind.NAME, UUID(name).bytes))
    began = time.monotonic()
    for number in range(round(seconds / 0.02)):
        await asyncio.sleep(began + 0.02 * number - time.monotonic())
        writer.write(message(Kind.SOUND, next(sound)))
    writer.close()


def core_share(spoken: list[bytes], *, calls: int) -> float:
    """Share of a core that the worker takes for one of so many calls, in which people speak without end."""
    return asyncio.run(_measure(spoken, calls))


async def _measure(spoken: list[bytes], calls: int) -> float:
    ears = Ears(host="127.0.0.1", port=0, on_find=lambda leg, find: None, on_lost=lambda leg: None)
    await ears.start()
    try:
        talks = []
        for number in range(calls):
            whole = spoken[number % len(spoken)][: -3 * 16000]
            packets = [whole[first : first + PACKET] for first in range(0, len(whole) - PACKET, PACKET)]
            name = await ears.expect(str(uuid4()), 60)
            talks.append(asyncio.create_task(speak(ears.port, name, itertools.cycle(packets), WARM_UP + SECONDS + 1)))
        worker = psutil.Process(ears.pid)
        await asyncio.sleep(WARM_UP)
        before = sum(worker.cpu_times()[:2])
        await asyncio.sleep(SECONDS)
        used = sum(worker.cpu_times()[:2]) - before
        await asyncio.gather(*talks)
        return used / SECONDS / calls
    finally:
        await ears.stop()
