"""Races in short form: some pairs, some distances; `make races` runs all of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from telephony.demo.customers import Customers
from telephony.demo.load_phones import LoadPhones
from telephony.demo.pbx import Pbx
from telephony.demo.ports import PortBlock
from tests.bench.stage import Stage
from tests.races.actions import PAIRS
from tests.races.cancel import cancels
from tests.races.lanes import track
from tests.races.sweep import sweep

pytestmark = pytest.mark.asterisk

LANES = 12


@pytest.fixture
def stage(tmp_path: Path, ports: PortBlock, customers: Customers, load_phones: LoadPhones, pbx: Pbx) -> Stage:
    return Stage(folder=tmp_path, ports=ports, customers=customers, phones=load_phones, pbx=pbx)


@pytest.mark.parametrize(
    "name", ["accept / skip", "accept / hang-up", "accept / limit refusal", "skip / contact removal"]
)
@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct"])
async def test_one_of_two_wins_and_everybody_tells_the_same_story(stage: Stage, mode: str, name: str) -> None:
    async with track(stage, "races", lanes=LANES, mode=mode, offer_timeout=7200) as on:
        result = await sweep(on, name, PAIRS[name], runs=2, step=300, within=600, spread=1.0)
    assert not result.wrong
    assert min(result.total[who] for who in result.names) >= 1, result


@pytest.mark.parametrize("name", ["accept / skip", "accept / limit refusal", "skip / contact removal"])
async def test_the_same_of_a_contact_the_agent_asked_for(stage: Stage, name: str) -> None:
    async with track(stage, "races", lanes=LANES, mode="preview", offer_timeout=7200) as on:
        result = await sweep(on, name, PAIRS[name], runs=2, step=300, within=600, spread=1.0)
    assert not result.wrong
    assert min(result.total[who] for who in result.names) >= 1, result


@pytest.mark.parametrize("mode", ["preview_standard", "preview_direct", "preview"])
async def test_cancel_or_answer_and_nobody_is_left_alone(stage: Stage, mode: str) -> None:
    async with track(stage, "cancels", lanes=LANES, mode=mode, offer_timeout=7200) as on:
        result = await cancels(on, runs=2, step=300, within=600, spread=1.0)
    assert not result.wrong
    assert min(result.total[who] for who in result.names) >= 1, result
