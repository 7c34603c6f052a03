"""Orders to listen, where the process that listens cannot be had."""

from __future__ import annotations

import asyncio

import pytest

from telephony.ears import ears
from telephony.model.ids import new_id
from telephony.pbx.asterisk_book import LegBook
from telephony.pbx.asterisk_listening import Listening
from telephony.pbx.port import OrderRefused

pytestmark = pytest.mark.unit


async def test_calls_do_not_wait_for_each_other_while_nothing_can_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: ears.Ears) -> asyncio.subprocess.Process:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(ears.Ears, "_start_worker", never)
    monkeypatch.setattr(ears, "READY_WITHIN", 0.2)
    book, legs = LegBook(), [new_id() for _ in range(10)]
    for leg in legs:
        book.expect(leg)
        book._legs[leg].appeared = book._legs[leg].answered = True
    listening = Listening(
        host="127.0.0.1", port=0, address="", book=book, send=lambda _: asyncio.sleep(0), tell=lambda _: None
    )
    await listening.start()
    try:
        async with asyncio.timeout(1.0):
            told = await asyncio.gather(*(listening.listen(leg) for leg in legs), return_exceptions=True)
    finally:
        await listening.stop()
    assert [type(one) for one in told] == [OrderRefused] * len(legs)


async def test_a_process_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def short_of_memory(self: ears.Ears) -> asyncio.subprocess.Process:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(12, "Cannot allocate memory")
        return await start(self)

    start = ears.Ears._start_worker
    monkeypatch.setattr(ears.Ears, "_start_worker", short_of_memory)
    monkeypatch.setattr(ears, "RESTART_AFTER", (0.01,))
    listens = ears.Ears(host="127.0.0.1", port=0, on_find=lambda *_: None, on_lost=lambda _: None)
    await listens.start()
    try:
        assert await listens.expect(new_id(), 1.0)
    finally:
        await listens.stop()
    assert tries == 2
