"""The state tables as a document: a diagram and every row, for each table.

`python -m telephony.model.diagram --write` writes STATES.md beside this file, without the option it prints it.
A test compares the file with the tables, so the document cannot fall behind.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from telephony.model.agent import AGENT
from telephony.model.attempt import ATTEMPT
from telephony.model.contact import CONTACT
from telephony.model.line import LINE
from telephony.model.offer import OFFER
from telephony.model.table import Table
from telephony.model.transfer import TRANSFER

TABLES: tuple[tuple[str, Table[Any, Any, Any]], ...] = (
    ("Agent", AGENT),
    ("Offer", OFFER),
    ("Attempt", ATTEMPT),
    ("Contact", CONTACT),
    ("Transfer", TRANSFER),
    ("Line", LINE),
)
STATES_FILE = Path(__file__).with_name("STATES.md")

_HEAD = """# States

Generated from the tables in this folder by `python -m telephony.model.diagram --write`; do not edit by hand.
A pair of state and event that has no row raises `IllegalStep` and changes nothing. A change is stored first,
then its effects run in the order given.
"""


def diagram(table: Table[Any, Any, Any]) -> str:
    """A mermaid state diagram; the events between two states share one arrow."""
    arrows: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for state, event, step in table:
        arrows.setdefault((state, step.state), []).append(event.value)
    lines = ["stateDiagram-v2", f"    [*] --> {table.initial.value}"]
    lines += [
        f"    {source.value} --> {target.value}: {', '.join(events)}" for (source, target), events in arrows.items()
    ]
    lines += [f"    {state.value} --> [*]" for state in sorted(table.final)]
    return "\n".join(lines)


def rows(table: Table[Any, Any, Any]) -> str:
    """A Markdown table with one line for each row, in the order of the source."""
    lines = ["| state | event | new state | effects |", "|---|---|---|---|"]
    for state, event, step in table:
        effects = ", ".join(effect.value for effect in step.effects)
        lines.append(f"| {state.value} | {event.value} | {step.state.value} | {effects} |")
    return "\n".join(lines)


def document() -> str:
    """The whole of STATES.md."""
    parts = [_HEAD]
    for title, table in TABLES:
        parts.append(f"## {title}\n\n```mermaid\n{diagram(table)}\n```\n\n{rows(table)}\n")
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m telephony.model.diagram", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {STATES_FILE.name} instead of printing it")
    if parser.parse_args(arguments).write:
        STATES_FILE.write_text(document(), encoding="utf-8")
    else:
        print(document(), end="")


if __name__ == "__main__":
    main()
