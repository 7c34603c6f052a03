"""Files of contacts, read in pieces: CSV with a header row, a JSON array, or one JSON object a line.

Nothing is held but the row at hand, so a file may be of any size. Rows that cannot be read become rejections
with their place in the file; only a header that cannot be used, or JSON that cannot be found back into, ends it.
Columns whose name begins with an underscore are ours (exports have them) and are passed over.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from telephony.store.contact_row import LABEL_NAMES, NUMBER_NAMES, OWN_NAMES, Rejected, field_name
from telephony.store.errors import Invalid
from telephony.store.import_shape import AS_USUAL, MOST_COLUMNS, Encoding, Shape

MOST_LINE = 1_000_000
"""Characters of one line or JSON object; a contact with all its fields is far below."""

MOST_RECORD_LINES = 200
"""Lines of one CSV record at the most: a value may have line ends, but one this long began with a stray quote."""

SHOWN_VALUES = 30
SHOWN_CHARACTERS = 200
"""What is kept of a rejected row: enough to recognise it, little enough for a file of nothing but bad rows."""

DELIMITERS = ",;\t|"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_OBJECT = json.JSONDecoder()


class BadFile(Invalid):
    """The file as a whole cannot be used; contacts read before the fault stay."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row as it stands in the file; `place` is its line, or its number in a JSON array."""

    place: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that could not even be read."""

    place: int
    reason: str
    values: Mapping[str, Any]


_SPOKEN = {Encoding.UTF_8: "UTF-8", Encoding.UTF_16: "UTF-16", Encoding.WINDOWS_1252: "Windows-1252"}


class CsvFile:
    """A CSV file of which the first row was read: its `delimiter`, its `header`, and how its columns are named."""

    def __init__(self, file: BinaryIO, shape: Shape = AS_USUAL) -> None:
        """Raises `BadFile` where the first row cannot be read."""
        self._shape = shape
        self._encoding = shape.encoding or Encoding.UTF_8
        codec = "utf-8-sig" if self._encoding is Encoding.UTF_8 else self._encoding.value
        # bytes that are no text become surrogates, so that only the rows that have them are refused
        errors = "replace" if self._encoding is Encoding.UTF_16 else "surrogateescape"
        text = io.TextIOWrapper(file, encoding=codec, errors=errors, newline="")
        try:
            first = text.readline(MOST_LINE)
        except UnicodeError as error:  # no byte order mark: a spreadsheet's own file is taken for UTF-16, too
            raise BadFile("header", self._no_text()) from error
        self._start = 1
        while first and not first.strip():
            first, self._start = text.readline(MOST_LINE), self._start + 1
        if "\0" in first:
            raise BadFile("header", "the file is not text in UTF-8; save it as CSV UTF-8")
        found = max(DELIMITERS, key=lambda mark: _outside_quotes(first).count(mark))
        self.delimiter = shape.delimiter or found
        self._lines = _Lines(_lines(first, text), self.delimiter)
        header = self._lines.record() if self._lines.more() else []
        if header is None:
            raise BadFile("header", "the first line has a quote that is not closed, or is too long to name columns")
        self.header = [cell.strip() for cell in header]
        while self.header and not self.header[-1]:
            self.header.pop()  # spreadsheets leave empty columns at the end
        if not self.header:
            raise BadFile("header", "the file is empty; its first line must name the columns")
        if len(self.header) > MOST_COLUMNS:
            raise BadFile("header", f"more than {MOST_COLUMNS} columns")
        if any(_SURROGATE.search(cell) for cell in self.header):
            raise BadFile("header", self._no_text())
        if not shape.header:
            self._lines.put_back()

    def _no_text(self) -> str:
        return f"the file is not text in {_SPOKEN[self._encoding]}; save it as CSV UTF-8"

    def names(self, known_fields: Sequence[str]) -> list[str]:
        """The name of each column, empty for one that is passed over; raises `BadFile`."""
        given = self._shape.column
        if not given:
            if not self._shape.header:
                raise BadFile("column", "a file without a header row needs the names of its columns")
            return column_names(self.header, known_fields)
        if len(given) > len(self.header):
            raise BadFile("column", f"{len(given)} columns are named where the file has {len(self.header)}")
        names = column_names(given, known_fields, mapped=True)
        return names + [""] * (len(self.header) - len(names))

    def rows(self, names: Sequence[str]) -> Iterator[Found | Unread]:
        """The rows that follow, their values under these names; empty rows are left out."""
        lines = self._lines
        while lines.more():
            place = self._start + lines.taken
            cells = lines.record(len(names))
            if cells is None:
                yield Unread(place, "a quote is not closed, or a value is too long", {})
                continue
            if not any(cell.strip() for cell in cells):
                continue
            values = {name: cell for name, cell in zip(names, cells, strict=False) if name}
            if any(cell.strip() for cell in cells[len(names) :]):
                yield Unread(place, f"has {len(cells)} values where the header has {len(names)}", values)
            elif any(_SURROGATE.search(cell) for cell in cells):
                yield Unread(place, f"is not {_SPOKEN[self._encoding]} text", values)
            else:
                yield Found(place, values)


def read_csv(file: BinaryIO, known_fields: Sequence[str], shape: Shape = AS_USUAL) -> Iterator[Found | Unread]:
    """The rows of a CSV file, empty ones left out; raises `BadFile` for what is wrong with its columns."""
    opened = CsvFile(file, shape)
    yield from opened.rows(opened.names(known_fields))


class _Lines:
    """The lines of a CSV file, of which a record may take several, and get back those that were none of its own.

    A quote that is not closed takes in all that follows until another quote closes it somewhere. Such a record is
    known by that other quote standing in the midst of a value, by its number of values, or by its length; only its
    first line is given up then.
    """

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._back: deque[str] = deque()
        self._last: list[str] = []
        self.taken = 0

    def more(self) -> bool:
        if not self._back:
            self._back.extend(itertools.islice(self._lines, 1))
        return bool(self._back)

    def record(self, columns: int | None = None) -> list[str] | None:
        """The next record, None where it has no end; over several lines it must have all `columns`."""
        used: list[str] = []
        whole = True

        def following() -> Iterator[str]:
            nonlocal whole
            while len(used) < MOST_RECORD_LINES and self.more():
                used.append(self._back.popleft())
                yield used[-1]
            whole = False  # the reader wanted one more line: a quote is open

        try:
            cells = next(csv.reader(following(), delimiter=self._delimiter))
            if len(used) > 1:
                cells = next(csv.reader(used, delimiter=self._delimiter, strict=True))
                whole = whole and columns in (None, len(cells))
        except csv.Error:
            whole = False
        if not whole:
            self._back.extendleft(reversed(used[1:]))
            del used[1:]
        self.taken += len(used)
        self._last = used
        return cells if whole else None

    def put_back(self) -> None:
        """The record read last comes again."""
        self._back.extendleft(reversed(self._last))
        self.taken -= len(self._last)


def _lines(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    line = first
    while line:
        yield line
        line = text.readline(MOST_LINE)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def column_names(written: Sequence[str], known_fields: Sequence[str], *, mapped: bool = False) -> list[str]:
    """The name of each column, empty for one that is passed over; raises `BadFile`.

    `written` by a header row or, `mapped`, by the sender, who may leave columns empty.
    """
    where = "column" if mapped else "header"
    fields = {name.lower(): name for name in known_fields}
    names = []
    for position, cell in enumerate(written, start=1):
        name = cell.lower() if cell.lower() in OWN_NAMES else fields.get(cell.lower(), cell)
        try:
            names.append("" if name.startswith("_") or (mapped and not name) else field_name(name))
        except Rejected as refused:
            raise BadFile(where, f"column {position}: {refused.reason}") from refused
    _check_names([name for name in names if name], where)
    return names


_WHO_NAMES = {"header": "; the first line must name the columns", "column": ", by which a contact is known again"}


def _check_names(names: Sequence[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise BadFile(where, f"the column {name!r} is there twice")
    if "external_id" not in names:
        raise BadFile(where, "there is no column 'external_id'" + _WHO_NAMES[where])
    numbers = [NUMBER_NAMES[name] for name in names if name in NUMBER_NAMES]
    if not numbers:
        raise BadFile(where, "there is no column 'number' (or 'number_1' to 'number_10')")
    if len(set(numbers)) < len(numbers):
        raise BadFile(where, "'number' and 'number_1' mean the same; leave one out")
    for name in names:
        if name in LABEL_NAMES and LABEL_NAMES[name] not in numbers:
            raise BadFile(where, f"the column {name!r} has no number column beside it")


def read_json(file: BinaryIO) -> Iterator[Found | Unread]:
    """The objects of a JSON array or of JSON lines; raises `BadFile` where an array is broken."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    first = text.readline(MOST_LINE)
    place = 1
    while first and not first.strip():
        first, place = text.readline(MOST_LINE), place + 1
    if first.lstrip().startswith("["):
        yield from _array(first.lstrip()[1:], text)
        return
    for line in _lines(first, text):
        if line.strip():
            try:
                yield _object(place, json.loads(line))
            except (ValueError, RecursionError):
                yield Unread(place, "is not a JSON object on one line", {"line": line.strip()})
        place += 1


def _array(buffer: str, text: io.TextIOWrapper) -> Iterator[Found | Unread]:
    place = 1
    while True:
        buffer = buffer.lstrip()
        if place > 1 and buffer.startswith(","):
            buffer = buffer[1:].lstrip()
        if buffer.startswith("]"):
            return
        try:
            value, end = _OBJECT.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            more = text.read(MOST_LINE // 10)
            if not more or len(buffer) > MOST_LINE:
                raise BadFile("", f"the JSON array is broken in contact {place}; {place - 1} were read") from error
            buffer += more
            continue
        yield _object(place, value)
        buffer, place = buffer[end:], place + 1


def _object(place: int, value: Any) -> Found | Unread:
    if not isinstance(value, dict):
        return Unread(place, "is not a JSON object", {})
    values = dict(value)
    numbers, fields = values.pop("numbers", []), values.pop("fields", {})
    if not isinstance(numbers, list) or not isinstance(fields, dict):
        return Unread(place, "numbers must be a list and fields an object", value)
    if len(numbers) > len(NUMBER_NAMES) - 1:
        return Unread(place, f"more than {len(NUMBER_NAMES) - 1} numbers", value)
    for position, number in enumerate(numbers, start=1):
        given = number if isinstance(number, dict) else {"number": number}
        values[f"number_{position}"] = given.get("number")
        values[f"label_{position}"] = given.get("label")
    return Found(place, {name: each for name, each in (values | fields).items() if not name.startswith("_")})


def shown(values: Mapping[str, Any]) -> dict[str, str]:
    """A row's values as they are kept with its rejection: shortened, and storable whatever they are."""
    kept = {}
    for name, value in list(values.items())[:SHOWN_VALUES]:
        if value not in (None, ""):
            kept[storable(str(name))] = storable(value if isinstance(value, str) else repr(value))
    return kept


def storable(text: str) -> str:
    """At most 200 characters of a text, without those that a database refuses."""
    return _SURROGATE.sub("\ufffd", text[:SHOWN_CHARACTERS]).replace("\0", "\ufffd")
