"""The log's lines: gathered for a moment, in their order, none kept back that matters."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest

from telephony import logs
from telephony.settings import Log

pytestmark = pytest.mark.unit


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a configured log has written; logging is as before afterwards."""
    stream = io.StringIO()
    handler = logs.Gathered(stream)
    handler.setFormatter(logs.formatter(Log()))
    logger = logging.getLogger("telephony.tried")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logging.INFO)
    return stream


def said(written: io.StringIO) -> list[str]:
    return [line.rpartition(" ")[2] for line in written.getvalue().splitlines()]


async def test_lines_are_written_together_soon_and_in_their_order(written: io.StringIO) -> None:
    log = logging.getLogger("telephony.tried")
    log.info("one")
    log.info("two")
    assert said(written) == []
    async with asyncio.timeout(10):
        while not said(written):  # noqa: ASYNC110 - a log tells nobody
            await asyncio.sleep(0.01)
    assert said(written) == ["one", "two"]


async def test_a_warning_is_written_at_once_with_what_came_before_it(written: io.StringIO) -> None:
    log = logging.getLogger("telephony.tried")
    log.info("one")
    log.warning("two")
    assert said(written) == ["one", "two"]


def test_without_an_event_loop_every_line_is_written_at_once(written: io.StringIO) -> None:
    logging.getLogger("telephony.tried").info("one")
    assert said(written) == ["one"]
