"""`python -m tests.mutations`: each fault is put into a copy of the package and the tests of the rules are run on it.

Prints which test noticed which fault and exits 0 only if at least 28 of 30 were noticed. Faults of the tables are
shown to two groups of tests one after the other: the properties, which know no single row, and the examples, which
have every row and figure of the specification written down. The test that STATES.md is up to date does not take
part: it would notice every change of a table.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.seeds import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
LEAST_CAUGHT = 28
AT_ONCE = 2
RUN_LIMIT = 120
"""Seconds for one group of tests on one fault; a fault that makes them hang longer counts as noticed."""

PROPERTIES = ("test_model_world.py", "test_model_offer.py")
TABLES = "test_model_tables.py"
EXAMPLES = {"outcomes": "test_outcomes.py", "hours": "test_hours.py", "campaign": "test_campaign_settings.py"}
ALL_EXAMPLES = (TABLES, *EXAMPLES.values())
FAILED = re.compile(r"^(?:FAILED|ERROR) tests/unit/(\S+?)(?:::(\w+))?(?:\[| |$)", re.MULTILINE)


def run_tests(copy: Path, files: tuple[str, ...]) -> str:
    """The first test that fails in this copy, empty where all pass."""
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-ra", "--no-header", "-p", "no:cacheprovider",
        "-p", "tests.mutations.quick", *(f"tests/unit/{name}" for name in files),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=RUN_LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return "time limit"
    if done.returncode == 0:
        return ""
    found = FAILED.search(done.stdout)
    if found is None:
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return found.group(2) or found.group(1)


def make_copy(folder: Path) -> Path:
    """The rules and their tests, nothing else: what they import beyond that would be a fault of its own."""
    for part in ("telephony/model", "tests/mutations"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("telephony/__init__.py", "tests/__init__.py", "tests/unit/__init__.py", "tests/support/__init__.py",
                 "tests/support/world.py", "tests/support/expected_rows.py", "pyproject.toml", "dialplan/amd.conf",
                 *(f"tests/unit/{test}" for test in (*PROPERTIES, TABLES, *EXAMPLES.values()))):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def catch(mutation: Mutation | None) -> tuple[str, str]:
    """What the properties and what the examples notice; None: nothing was changed."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = make_copy(Path(folder))
        if mutation is not None:
            source = copy / "telephony" / "model" / f"{mutation.module}.py"
            text = source.read_text(encoding="utf-8")
            if text.count(mutation.before) != 1:
                raise SystemExit(
                    f"the fault {mutation.name!r} no longer fits {mutation.module}.py: bring it up to date"
                )
            source.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
        properties = run_tests(copy, PROPERTIES) if mutation is None or mutation.tables else "-"
        examples = ALL_EXAMPLES if mutation is None else (EXAMPLES.get(mutation.module, TABLES),)
        return properties, run_tests(copy, examples)


def main() -> int:
    started = time.monotonic()
    if any(catch(None)):
        print("the tests fail without any fault put in; mend that first")
        return 1
    caught = by_properties = 0
    width = max(len(mutation.name) for mutation in MUTATIONS)
    print(f"{'fault':{width}}  {'module':8}  properties | examples")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for mutation, (properties, examples) in zip(MUTATIONS, pool.map(catch, MUTATIONS), strict=True):
            seen = bool(examples) or properties not in ("", "-")
            caught += seen
            by_properties += properties not in ("", "-")
            verdict = f"{properties or 'not noticed'} | {examples or 'not noticed'}" if seen else "NOT CAUGHT"
            print(f"{mutation.name:{width}}  {mutation.module:8}  {verdict}", flush=True)
    tables = sum(mutation.tables for mutation in MUTATIONS)
    print(f"caught {caught} of {len(MUTATIONS)} (at least {LEAST_CAUGHT} wanted), {by_properties} of {tables} "
          f"faults of the tables by the properties alone, {time.monotonic() - started:.0f} s")  # fmt: skip
    return 0 if caught >= LEAST_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main())
