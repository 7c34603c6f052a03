"""The process that listens: who may connect, what it tells, and what happens when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import numpy as np
import pytest

from telephony.ears import worker as listening
from telephony.ears.audiosocket import AudioSocketError, Kind, Messages
from telephony.ears.ears import Ears
from telephony.ears.finds import Find
from telephony.ears.worker import Connection, Worker
from tests.ears.sounds import RATE, mu_law
from tests.ears.worker_load import message

pytestmark = pytest.mark.unit

LEG = "01900000-0000-7000-8000-000000000001"
SOUND = mu_law(0.2 * np.sin(2 * np.pi * 800 * np.arange(RATE // 2) / RATE)) + bytes(
    RATE
)  # a beep, half a second of nothing


class Room:
    """A worker in this process, and what it told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.worker = Worker(tell=lambda word, leg: self.told.append((word, leg)))
        self.port = 0

    async def until(self, *told: tuple[str, str]) -> None:
        async with asyncio.timeout(3):
            while self.told != list(told):  # noqa: ASYNC110  # told by the code under test
                await asyncio.sleep(0.01)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def is_closed(self, reader: asyncio.StreamReader) -> bool:
        """Whether our end is told goodbye, within a second."""
        try:
            async with asyncio.timeout(1):
                return await reader.read(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    made = Room()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(made.worker), "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


def spoken(sound: bytes = SOUND) -> bytes:
    return b"".join(message(Kind.SOUND, sound[first : first + 320]) for first in range(0, len(sound), 320))


def test_messages_come_whole_however_they_were_sent() -> None:
    sent = message(Kind.NAME, uuid4().bytes) + message(Kind.SOUND, bytes(320)) + message(Kind.END, b"")
    messages = Messages()
    got = [one for byte in sent for one in messages.take(bytes([byte]))]
    assert [kind for kind, _ in got] == [Kind.NAME, Kind.SOUND, Kind.END]
    assert b"".join(message(kind, payload) for kind, payload in got) == sent


@pytest.mark.parametrize("wrong", [b"\x02\x00\x00", b"\x10\xff\xff", b"GET / HTTP/1.1\r\n"])
def test_what_is_not_audiosocket_is_said_at_once(wrong: bytes) -> None:
    with pytest.raises(AudioSocketError):
        list(Messages().take(wrong))


async def test_an_expected_connection_is_heard_and_ends_when_its_time_is_over() -> None:
    async with room() as here:
        name = str(uuid4())
        here.worker.order(f"expect {name} {LEG} 0.5")
        reader, writer = await here.connect()
        writer.write(message(Kind.NAME, UUID(name).bytes) + spoken())
        await here.until(("beep", LEG))
        assert await reader.readexactly(3) == b"\0\0\0"
        assert await reader.read() == b""
        writer.close()
        await here.until(("beep", LEG), ("over", LEG))


async def test_to_go_on_makes_its_time_begin_anew() -> None:
    async with room() as here:
        name = str(uuid4())
        here.worker.order(f"expect {name} {LEG} 0.3")
        reader, writer = await here.connect()
        writer.write(message(Kind.NAME, UUID(name).bytes))
        await asyncio.sleep(0.1)
        here.worker.order(f"go-on {LEG} 30")
        assert not await here.is_closed(reader)
        writer.close()
        await here.until(("over", LEG))


@pytest.mark.parametrize(
    "sent",
    [
        message(Kind.NAME, uuid4().bytes),
        message(Kind.NAME, b"short"),
        message(Kind.SOUND, bytes(320)),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["a name nobody expects", "no name", "sound without a name", "another protocol"],
)
async def test_a_stranger_is_turned_away(sent: bytes) -> None:
    async with room() as here:
        reader, writer = await here.connect()
        writer.write(sent)
        assert await here.is_closed(reader)
        assert here.told == []
        writer.close()


async def test_a_name_is_good_once() -> None:
    async with room() as here:
        name = str(uuid4())
        here.worker.order(f"expect {name} {LEG} 30")
        _, first = await here.connect()
        first.write(message(Kind.NAME, UUID(name).bytes))
        await asyncio.sleep(0.1)
        reader, second = await here.connect()
        second.write(message(Kind.NAME, UUID(name).bytes))
        assert await here.is_closed(reader)
        assert here.told == []
        first.close()
        second.close()


async def test_who_does_not_say_a_name_is_turned_away_and_there_are_never_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "NAMED_WITHIN", 0.3)
    monkeypatch.setattr(listening, "UNNAMED_AT_ONCE", 2)
    async with room() as here:
        peers = [await here.connect() for _ in range(3)]
        async with asyncio.timeout(0.2):
            assert await here.is_closed(peers[2][0])
        assert all([await here.is_closed(reader) for reader, _ in peers[:2]])
        for _, writer in peers:
            writer.close()


async def test_a_connection_that_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "EXPECTED_FOR", 0.1)
    async with room() as here:
        name = str(uuid4())
        here.worker.order(f"expect {name} {LEG} 30")
        await here.until(("never", LEG))
        reader, writer = await here.connect()
        writer.write(message(Kind.NAME, UUID(name).bytes))
        assert await here.is_closed(reader)
        writer.close()


async def test_a_worker_that_is_killed_is_replaced_and_its_legs_are_told() -> None:
    found: asyncio.Queue[tuple[str, Find]] = asyncio.Queue()
    lost: asyncio.Queue[str] = asyncio.Queue()
    ears = Ears(host="127.0.0.1", port=0, on_find=lambda *one: found.put_nowait(one), on_lost=lost.put_nowait)
    await ears.start()
    try:
        assert ears.pid is None  # none before it is needed
        async with asyncio.timeout(10):
            for killed in (False, True):
                if killed:
                    first = ears.pid
                    assert first is not None
                    os.kill(first, signal.SIGKILL)
                    assert await lost.get() == LEG
                    assert (ears.restarts, ears.legs) == (1, 0)
                    assert ears.pid != first
                name = await ears.expect(LEG, 30)
                assert ears.hears(LEG)
                _, writer = await asyncio.open_connection("127.0.0.1", ears.port)
                writer.write(message(Kind.NAME, UUID(name).bytes) + spoken())
                assert await found.get() == (LEG, Find.BEEP)
        pid = ears.pid
    finally:
        await ears.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
