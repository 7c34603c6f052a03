"""The texts of the desktop as its pages have them: the tables of src/texts, read by Node."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from telephony.demo.host import REPOSITORY

FOLDER = REPOSITORY / "telephony" / "desktop" / "src" / "texts"

_PRINT = """
const tables = Object.values(await import(process.argv[1]));
console.log(JSON.stringify(tables[0]));
"""


@cache
def page_texts(language: str) -> dict[str, Any]:
    """All texts of a language, nested as they are there."""
    node = Path(sys.executable).with_name("node")
    done = subprocess.run(
        [node, "--input-type=module", "--eval", _PRINT, str(FOLDER / f"{language}.ts")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return dict(json.loads(done.stdout))
