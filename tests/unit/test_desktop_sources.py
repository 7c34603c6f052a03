"""The rules of the pages, in TypeScript, by Node's own runner; and what of them the service must agree with."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from telephony.model.agent import AgentState, IdleReason
from telephony.model.attempt import AttemptState
from telephony.model.campaign import (
    DEFAULT_DISPOSITIONS,
    Amd,
    AmdParameters,
    AmdTreatment,
    CampaignSettings,
    DispositionRule,
    Mode,
    Reached,
    Recording,
    TimeoutAction,
)
from telephony.model.contact import ContactState
from telephony.model.machine_detection import Verdict
from telephony.store import grants, views

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "telephony" / "desktop" / "src" / "texts"
NODE = Path(sys.executable).with_name("node")


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "desktop").glob("*.test.ts")), ids=lambda file: file.stem)
async def test_the_rules_of_the_pages(file: Path) -> None:
    node = await asyncio.create_subprocess_exec(
        NODE, "--test", file, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT
    )
    out, _ = await node.communicate()
    assert node.returncode == 0, out.decode()


def keys(table: str, file: str = "en.ts") -> set[str]:
    """The keys of a table of texts in the English file; `a.b`: of the table b in a."""
    text = (TEXTS / file).read_text()
    for depth, name in enumerate(table.split("."), start=1):
        indent = "  " * depth
        found = re.search(rf"^{indent}{name}: {{(.*?)^{indent}}},$", text, re.DOTALL | re.MULTILINE)
        assert found, table
        text = found[1]
    return set(re.findall(r"(\w+): [\"{]", text))


@pytest.mark.parametrize(
    ("table", "codes"),
    [("state", AgentState), ("idle", IdleReason), ("call", AttemptState), ("verdict", Verdict)],
)
def test_the_pages_have_a_text_for_every_code(table: str, codes: type) -> None:
    assert {str(code) for code in codes} <= keys(table)


def test_the_pages_know_the_products_own_results_by_their_labels() -> None:
    text = (TEXTS / "en.ts").read_text()
    table = re.search(r"^  results: {(.*?)^  },$", text, re.DOTALL | re.MULTILINE)
    assert table
    known = dict(re.findall(r'(\w+): "(.*?)",', table[1]))
    assert known == {one.code: one.label for one in DEFAULT_DISPOSITIONS}


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("state", AgentState),
        ("idle", IdleReason),
        ("call", AttemptState),
        ("contactStates", ContactState),
        ("modes", Mode),
        ("limits.scopes", (*grants.REFUSAL, views.CALL_RATE)),
        ("settings.fields", CampaignSettings.model_fields),
        ("settings.amd", AmdParameters.model_fields),
        ("settings.choices", (*Mode, *Amd, *AmdTreatment, *TimeoutAction, *Recording, *DispositionRule, *Reached)),
    ],
)
def test_the_floor_has_a_text_for_every_code_and_setting(table: str, codes: Iterable[str]) -> None:
    assert {str(code) for code in codes} <= keys(table, "floor.en.ts")
