"""The seeded faults can be put in: each fits its file, and the tests they are shown to pass where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations.__main__ import ALL_EXAMPLES, ROOT, make_copy, run_tests
from tests.mutations.seeds import MUTATIONS, Mutation

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("fault", MUTATIONS, ids=lambda fault: fault.name)
def test_a_fault_fits_its_file_once(fault: Mutation) -> None:
    source = (ROOT / "telephony" / "model" / f"{fault.module}.py").read_text(encoding="utf-8")
    assert source.count(fault.before) == 1


def test_a_copy_without_a_fault_is_right(tmp_path: Path) -> None:
    assert run_tests(make_copy(tmp_path), ALL_EXAMPLES) == ""
