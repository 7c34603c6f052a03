"""Files of strangers: other headings, none at all, other encodings; what is guessed, and what a preview shows."""

from __future__ import annotations

import io

import pytest

from telephony.store.column_guess import guess
from telephony.store.fields import FieldKind
from telephony.store.import_file import BadFile, Found, read_csv
from telephony.store.import_preview import ROWS, preview_csv, preview_json
from telephony.store.import_shape import Encoding, Shape, encoding_of

pytestmark = pytest.mark.unit

LONDON = "+442079460000"
MADRID = "+34910000000"


def read(data: str | bytes, **shape: object) -> list[dict[str, str]]:
    raw = data if isinstance(data, bytes) else data.encode()
    rows = read_csv(io.BytesIO(raw), ["City"], Shape.model_validate(shape))
    return [dict(row.values) for row in rows if isinstance(row, Found)]


def test_named_columns_count_whatever_the_header_says() -> None:
    data = f"Kunde;Wer;;Tel\n7;Jo;x;{LONDON}\n"
    assert read(data, column=["external_id", "name", "", "number"]) == [
        {"external_id": "7", "name": "Jo", "number": LONDON}
    ]
    assert read(data, column=["external_id", "city", "", "number"])[0]["City"] == "Jo"


def test_columns_behind_the_last_named_one_are_passed_over() -> None:
    assert read(f"a,b,c\n7,{LONDON},x\n", column=["external_id", "number"]) == [{"external_id": "7", "number": LONDON}]


def test_a_file_without_a_header_row_loses_no_contact() -> None:
    data = f"7,{LONDON}\n8,{MADRID}\n"
    found = list(read_csv(io.BytesIO(data.encode()), [], Shape(column=("external_id", "number"), header=False)))
    assert [row.values["external_id"] for row in found] == ["7", "8"]
    assert [row.place for row in found] == [1, 2]


@pytest.mark.parametrize(
    ("shape", "field", "reason"),
    [
        ({"column": ["name", "number"]}, "column", "no column 'external_id'"),
        ({"column": ["external_id", "name"]}, "column", "no column 'number'"),
        ({"column": ["external_id", "number", "x", "y"]}, "column", "4 columns are named where the file has 3"),
        ({"column": ["external_id", "number", "number"]}, "column", "'number' is there twice"),
        ({"column": ["external_id", "number", "a\x07"]}, "column", "column 3: a field's name"),
        ({"header": False}, "column", "needs the names of its columns"),
        ({"encoding": "utf-8"}, "header", "no column 'external_id'"),
    ],
)
def test_columns_that_do_not_do_are_refused_by_name(shape: dict[str, object], field: str, reason: str) -> None:
    with pytest.raises(BadFile, match=reason) as refused:
        read("a,b,c\n1,2,3\n", **shape)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("encoding", "codec"), [("windows-1252", "cp1252"), ("utf-16", "utf-16"), ("utf-8", "utf-8-sig")]
)
def test_other_encodings_are_read_and_found_out(encoding: str, codec: str) -> None:
    data = f"external_id;number;note\nÑ1;{LONDON};año «sí»\n".encode(codec)
    assert encoding_of(data) is Encoding(encoding)
    assert read(data, encoding=encoding)[0] == {"external_id": "Ñ1", "number": LONDON, "note": "año «sí»"}


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_that_is_cut_in_two_is_no_sign_of_another_encoding(cut: int) -> None:
    assert encoding_of(("x" * 50 + "😀").encode()[:-cut]) is Encoding.UTF_8
    assert encoding_of(b"caf\xe9 " + b"x" * 9) is Encoding.WINDOWS_1252


def test_a_delimiter_that_is_said_counts() -> None:
    assert read(f"external_id|number|note\n1|{LONDON}|a,b;c\n") == [
        {"external_id": "1", "number": LONDON, "note": "a,b;c"}
    ]
    assert read(f"a,b;c\n1;{LONDON}\n", column=["external_id", "number"], delimiter=";")[0]["number"] == LONDON


@pytest.mark.parametrize(
    ("headings", "names"),
    [
        (["external_id", "Number", "Note"], ["external_id", "number", "Note"]),
        (["Customer No.", "Full name", "Phone"], ["external_id", "name", "number"]),
        (["Código cliente", "Nombre", "Teléfono", "Móvil"], ["external_id", "name", "number", "number_2"]),
        (["ID", "Tel 1", "Tel 2", "Tel 3"], ["external_id", "number", "number_2", "number_3"]),
        (["ref", "phone", "number_2", "mobile"], ["external_id", "number", "number_2", "number_3"]),
        (["phone", "number"], ["number_2", "number"]),
        (["id", "Town", "balance due", "_row"], ["external_id", "city", "owed", ""]),
        (["id", "", "x" * 65, "Note", "Note"], ["external_id", "", "", "Note", ""]),
        (["id", "ref"], ["external_id", "ref"]),
    ],
)
def test_headings_are_guessed_in_both_languages(headings: list[str], names: list[str]) -> None:
    assert guess(headings, {"city": "Town", "owed": "Balance due"}) == names


def test_a_preview_shows_what_an_import_would_do() -> None:
    data = f"Código;Teléfono;Saldo\n1;{MADRID};7\n2;12;8\n;{LONDON};9\n3;{LONDON};mucho\n".encode("cp1252")
    found = preview_csv(data, Shape(), {"saldo": FieldKind.NUMBER}, {"saldo": "Saldo"})

    assert (found["encoding"], found["delimiter"], found["problem"]) == ("windows-1252", ";", None)
    assert found["columns"] == [
        {"heading": "Código", "column": "external_id"},
        {"heading": "Teléfono", "column": "number"},
        {"heading": "Saldo", "column": "saldo"},
    ]
    assert found["rows"][0] == {"row": 2, "cells": ["1", MADRID, "7"], "problem": None}
    told = [(row["row"], row["problem"]["field"]) for row in found["rows"] if row["problem"]]
    assert told == [(3, "number"), (4, "external_id"), (5, "saldo")]


def test_a_preview_with_columns_that_do_not_do_says_why_and_still_shows_the_rows() -> None:
    found = preview_csv(b"who,where\nJo,Leeds\n", Shape(), {}, {})
    assert found["problem"]["field"] == "column"
    assert "external_id" in found["problem"]["message"]
    assert [one["column"] for one in found["columns"]] == ["who", "where"]
    assert found["rows"] == [{"row": 2, "cells": ["Jo", "Leeds"], "problem": None}]
    alone = preview_csv(f"1,{LONDON}\n".encode(), Shape(header=False), {}, {})
    assert [one["column"] for one in alone["columns"]] == ["", ""]
    assert alone["rows"][0]["cells"] == ["1", LONDON]


def test_a_preview_is_a_screenful_also_of_a_file_that_was_cut_off() -> None:
    lines = "".join(f'{{"external_id": "{n}", "number": "{LONDON}"}},' for n in range(100))
    found = preview_json(f"[{lines}"[:-7].encode(), {})
    assert len(found["rows"]) == ROWS
    assert found["rows"][0] == {"row": 1, "cells": ["0", LONDON], "problem": None}
    few = preview_json(b'[{"external_id": "1", "number": "+1"}, {"exter', {})
    assert [row["problem"]["field"] for row in few["rows"]] == ["number"]
    with pytest.raises(BadFile):
        preview_csv(b"", Shape(), {}, {})
