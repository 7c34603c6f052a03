"""More accepts than places in short form; `make limits` lets a thousand through fifty in each mode."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.demo.customers import Behaviour, Customers
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from tests.bench.stage import Stage
from tests.limits.crowd import crowd

pytestmark = pytest.mark.asterisk


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
async def test_never_more_calls_up_than_the_limit_and_every_refusal_told(
    tmp_path: Path, ports: PortBlock, customers: Customers, load_phones: LoadPhones, pbx: Pbx, mode: str
) -> None:
    stage = Stage(folder=tmp_path, ports=ports, customers=customers, phones=load_phones, pbx=pbx)
    counted = await crowd(stage, mode=mode, accepts=40, limit=4, agents=12, behaviour=Behaviour.HANGS_UP_AT_ONCE)
    assert not counted.wrong
    assert counted.refused > 0
    assert counted.peak_asterisk == 4
    assert counted.peak_customers <= 4
