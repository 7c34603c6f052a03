"""The rules of the pages, in TypeScript, by Node's own runner; and what of them the service must agree with."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from telephony.model.agent import AgentState, IdleReason
from telephony.model.attempt import AttemptState
from telephony.model.machine_detection import Verdict

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


def keys(table: str) -> set[str]:
    """The keys of a table of texts in the English file."""
    found = re.search(rf"^  {table}: {{(.*?)^  }},$", (TEXTS / "en.ts").read_text(), re.DOTALL | re.MULTILINE)
    assert found, table
    return set(re.findall(r"(\w+): \"", found[1]))


@pytest.mark.parametrize(
    ("table", "codes"),
    [("state", AgentState), ("idle", IdleReason), ("call", AttemptState), ("verdict", Verdict)],
)
def test_the_pages_have_a_text_for_every_code(table: str, codes: type) -> None:
    assert {str(code) for code in codes} <= keys(table)
