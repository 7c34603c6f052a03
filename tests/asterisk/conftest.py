"""The ring on a real Asterisk: its fixtures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from telephony.demo.host import need_packages
from telephony.pbx.message_file import TOOLS
from telephony.store.engine import Store
from tests.support.platform import customers, load_phones, new_phone, pbx, ports

__all__ = ["customers", "load_phones", "new_phone", "pbx", "ports"]


@pytest.fixture(scope="session", autouse=True)
def converter() -> None:
    """The programs that messages are converted with."""
    asyncio.run(need_packages(TOOLS, say=print))


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    """SQLite: that both databases behave alike is shown in the unit ring, and here by the tests that ask for both."""
    made = Store(sqlite_url)
    yield made
    await made.close()
