"""Whatever bytes come, a file gives rows, rejected rows or a clear refusal, and nothing the database refuses."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telephony.store.contact_row import Rejected, contact_row
from telephony.store.import_file import BadFile, Found, Unread, read_csv, read_json, shown, storable
from telephony.store.import_preview import preview_csv
from telephony.store.import_shape import AS_USUAL, Encoding, Shape

pytestmark = pytest.mark.unit

CSV = b'external_id,name,number_1,label_1,zone,note\r\nA1,"a ""b""",+442079460001,x,Europe/Paris,"l\nm"\r\n'
JSON = b'[{"external_id": "A1", "numbers": [{"number": "+442079460001"}]}, {"external_id": 2, "number": null}]'
NASTY = st.sampled_from([b'"', b"\r", b"\0", b"\xff", b";", b"\xed\xa0\x80", b"{", b"[", b"\xef\xbb\xbf", b"\\ud800"])


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A good file in which some bytes were put in, taken out or doubled."""
    data = whole
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        data = data[:start] + draw(NASTY | st.binary(max_size=3)) + data[start if draw(st.booleans()) else end :]
    return data


def read_all(data: bytes, reader: Callable[[io.BytesIO], Iterator[Found | Unread]]) -> None:
    try:
        for found in reader(io.BytesIO(data)):
            kept = [*shown(found.values).items()]
            if isinstance(found, Found):
                try:
                    row = contact_row(found.values, {})
                    kept += [("", row.external_id), ("", row.name), *((name, "") for name in row.fields)]
                    json.dumps(dict(row.fields), allow_nan=False)
                except Rejected as refused:
                    kept.append((storable(refused.field), refused.reason))
            for text in (text for pair in kept for text in pair):
                assert "\0" not in text
                text.encode()  # a lone surrogate would fail here as it would in the database
    except BadFile:
        pass  # said so, with what was read before


@given(damaged(CSV) | damaged(CSV.decode().encode("utf-16")), st.sampled_from([None, *Encoding]))
def test_no_csv_file_is_a_fault_of_ours(data: bytes, encoding: Encoding | None) -> None:
    read_all(data, lambda file: read_csv(file, ["City"], Shape(encoding=encoding)))


@given(damaged(CSV) | damaged(CSV.decode().encode("utf-16")))
@example(b"PK\x03\x04\x14\0\x06\0\x08\0\0\0[Content_Types].xml")
def test_no_previewed_file_is_a_fault_of_ours(data: bytes) -> None:
    with suppress(BadFile):
        preview_csv(data, AS_USUAL, {}, {})


@given(damaged(JSON) | damaged(JSON[1:-1].replace(b"}, {", b"}\n{")))
def test_no_json_file_is_a_fault_of_ours(data: bytes) -> None:
    read_all(data, read_json)


def test_a_file_of_one_endless_line_is_read_in_bounded_pieces() -> None:
    class Endless(io.RawIOBase):
        left = 8_000_000

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            size = min(len(buffer), self.left)
            buffer[:size] = b"x" * size
            self.left -= size
            return size

    with pytest.raises(BadFile):
        list(read_csv(io.BufferedReader(Endless()), []))
    rows = list(read_json(io.BufferedReader(Endless())))
    assert {type(row) for row in rows} == {Unread}
    assert len(rows) == 8


GOOD = "B1,+442079460001,fine\n"


@pytest.mark.parametrize(
    ("lines", "bad", "good"),
    [
        ('A1,+442079460000,"open\n' + GOOD, [2], ["B1"]),
        ('A1,+442079460000,"open\n' + GOOD + 'C1,+442079460002,"closed"\n' + GOOD, [2], ["B1", "C1", "B1"]),
        ('A1,+442079460000,"open\nB1,+442079460001,it is 5" long\n' + GOOD, [2], ["B1", "B1"]),
        ('A1,"+442079460000,note\nB1,"+442079460001",note\n', [2], ["B1"]),
        (GOOD + 'A1,+442079460000,"open', [3], ["B1"]),
        ('"' * 3 + "\n" + GOOD * 300, [2], ["B1"] * 300),
    ],
)
def test_a_quote_that_is_not_closed_costs_its_own_line(lines: str, bad: list[int], good: list[str]) -> None:
    rows = list(read_csv(io.BytesIO(f"external_id,number,note\n{lines}".encode()), []))
    assert [row.place for row in rows if isinstance(row, Unread)] == bad
    assert [row.values["external_id"] for row in rows if isinstance(row, Found)] == good


def test_a_value_of_several_lines_is_one_value() -> None:
    file = io.BytesIO(b'external_id,number,note\nA1,+442079460000,"one\ntwo ""2""\n\nthree"\n' + GOOD.encode())
    first, second = read_csv(file, [])
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert first.values["note"] == 'one\ntwo "2"\n\nthree'
    assert (first.place, second.place) == (2, 6)
