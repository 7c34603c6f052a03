"""The service is killed while ten agents call: no call is lost, none is made twice, who talks goes on talking.

The short form of `python -m tests.faults`, which kills it twenty times and Asterisk five times.
"""

from __future__ import annotations

import pytest

from telephony.demo.ports import claim_ports
from tests.faults.run import faults, site
from tests.support.platform import work_folder

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(200)]


@pytest.mark.parametrize(("kills", "amd", "seed"), [(3, "off", 11), (1, "parallel", 12)])
async def test_after_each_kill_the_books_are_right(kills: int, amd: str, seed: int) -> None:
    told: list[str] = []
    with work_folder("faults") as folder, claim_ports(1000) as ports:
        async with site(folder=folder, ports=ports, seed=seed, share=0.25, amd=amd) as where:
            assert await faults(where, service=kills, asterisk=0, say=told.append), "\n".join(told)
            assert any(row.joined for row in where.rows), "nobody was talking when the service was killed"
