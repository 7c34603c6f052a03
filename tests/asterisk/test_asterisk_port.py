"""The port's stories, told by the switchboard on a real Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from telephony.demo.customers import Customers
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from tests.support.asterisk_bench import AsteriskBench, PhonePorts, asterisk_bench, phone_ports, stories_pbx
from tests.support.port_stories import PortStories

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
def port_pbx(ports: PortBlock, customers: Customers, load_phones: LoadPhones) -> Iterator[Pbx]:
    with stories_pbx(ports, customers, load_phones) as pbx:
        yield pbx


@pytest.fixture(scope="module")
def desk_ports(ports: PortBlock) -> dict[str, PhonePorts]:
    return phone_ports(ports)


@pytest_asyncio.fixture
async def bench(port_pbx: Pbx, desk_ports: dict[str, PhonePorts], tmp_path: Path) -> AsyncIterator[AsteriskBench]:
    async with asterisk_bench(port_pbx, desk_ports, tmp_path) as made:
        yield made


class TestPort(PortStories):
    """Every story of the port."""
