"""What is wrong with a value is said in Spanish too, whatever layer found it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import telephony
from telephony.web.sentences import said

pytestmark = pytest.mark.unit

ROOT = Path(telephony.__file__).parent
RAISED = {
    "Rejected", "BadFile", "Unread", "Invalid", "Taken", "InUse", "unique", "unreferenced", "UnfitAudio", "ValueError",
}  # fmt: skip
PLACES = [
    *sorted((ROOT / "store").glob("*.py")),
    *(ROOT / name for name in ("model/phone_number.py", "model/campaign.py", "model/text.py")),
    *(ROOT / name for name in ("pbx/message_file.py", "web/calls.py", "web/administration_imports.py")),
]
FAULTS_OF_OURS = {"a moment without a zone"}
PUT_TOGETHER = {
    "column X: X": "column 3: must be text",
    "X; a message is X to X s long": "lasts 0.5 s; a message is 1 to 120 s long",
}


def spoken(node: ast.expr) -> str | None:
    """The sentence of a text or an f-string, its values made up; None for what is put together elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return None


def sentences() -> Iterator[tuple[str, str]]:
    for place in PLACES:
        for node in ast.walk(ast.parse(place.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED):
                continue
            texts = [text for argument in node.args if (text := spoken(argument)) and " " in text]
            for text in texts[-1:]:
                if text not in FAULTS_OF_OURS:
                    yield place.name, PUT_TOGETHER.get(text, text)


def test_every_sentence_has_its_spanish() -> None:
    found = list(sentences())
    assert len(found) > 70
    assert [(place, text) for place, text in found if said(text, "es") == text] == []
    assert all(said(text, "en") == text for _, text in found)


def test_what_differs_from_case_to_case_stays() -> None:
    assert said("has 6 values where the header has 5", "es") == "tiene 6 valores y la primera fila tiene 5"
    assert said("column 3: a field's name has 1 to 64 printable characters", "es").startswith("columna 3: el nombre")
    assert said("no trunk allows +441134960001", "es") == "ninguna troncal permite +441134960001"
    assert said("the column 'a{b}' is there twice", "es") == "la columna 'a{b}' está dos veces"
    assert said("a sentence nobody knows", "es") == "a sentence nobody knows"
