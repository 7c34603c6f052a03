"""The document of the states says what the tables say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from telephony.model import diagram
from telephony.model.table import Table

pytestmark = pytest.mark.unit

EVERY_TABLE = pytest.mark.parametrize(("title", "table"), diagram.TABLES, ids=[title for title, _ in diagram.TABLES])


def test_states_md_is_what_the_tables_say_today() -> None:
    assert diagram.STATES_FILE.read_text(encoding="utf-8") == diagram.document(), (
        "run: python -m telephony.model.diagram --write"
    )


@EVERY_TABLE
def test_every_row_is_in_the_list_and_on_an_arrow(title: str, table: Table[Any, Any, Any]) -> None:
    arrows = {
        (source, target): set(events.split(", "))
        for source, target, events in re.findall(r"^    (\w+) --> (\w+): (.+)$", diagram.diagram(table), re.MULTILINE)
    }
    listed = {tuple(cell.strip() for cell in line.split("|")[1:4]) for line in diagram.rows(table).splitlines()[2:]}
    for state, event, step in table:
        assert event.value in arrows[state.value, step.state.value]
        assert (state.value, event.value, step.state.value) in listed
    assert sum(len(events) for events in arrows.values()) == len(listed) == len(list(table))


@EVERY_TABLE
def test_only_final_states_lead_out_of_the_diagram(title: str, table: Table[Any, Any, Any]) -> None:
    ends = set(re.findall(r"^    (\w+) --> \[\*\]$", diagram.diagram(table), re.MULTILINE))
    assert ends == {state.value for state in table.final}
