"""The first rows of a file as an import would take them, before anything is taken in."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from telephony.store.column_guess import guess
from telephony.store.contact_row import Rejected, contact_row
from telephony.store.fields import FieldKind, described
from telephony.store.import_file import BadFile, CsvFile, Found, Unread, read_json, shown, storable
from telephony.store.import_shape import Shape, encoding_of
from telephony.store.paging import Row

ROWS = 10
"""Rows shown: a screenful, enough to see whether the columns are right."""


PREVIEW_BYTES = 256 * 1024
"""Of the beginning of a file that is previewed: ten rows of contacts with very long fields."""


def preview(conn: Connection, tenant_id: str, head: bytes, shape: Shape, *, json: bool) -> Row:
    """How an import would take the file that begins with `head`; see below."""
    known = described(conn, tenant_id)
    kinds = {name: FieldKind(kind) for name, (_, kind) in known.items()}
    if json:
        return preview_json(head, kinds)
    return preview_csv(head, shape, kinds, {name: label for name, (label, _) in known.items()})


def preview_csv(head: bytes, shape: Shape, kinds: Mapping[str, FieldKind], labels: Mapping[str, str]) -> Row:
    """The beginning of a CSV file: how it is written, what each column is or may be, and the first rows.

    Columns that are not named are guessed. Raises `BadFile` for a file without a first row that can be read; columns
    that do not do are `problem`, so that they can be mended.
    """
    encoding = shape.encoding or encoding_of(head)
    shape = shape.model_copy(update={"encoding": encoding})
    opened = CsvFile(io.BytesIO(head), shape)
    headings = opened.header if shape.header else [""] * len(opened.header)
    if not shape.column:
        shape = shape.model_copy(update={"column": tuple(guess(headings, labels))})
    named = [*shape.column, *[""] * len(headings)][: max(len(headings), len(shape.column))]
    found: Row = {"encoding": encoding, "delimiter": opened.delimiter, "header": shape.header}
    found["columns"] = [
        {"heading": storable(heading), "column": name}
        for heading, name in zip([*headings, *[""] * len(named)], named, strict=False)
    ]
    # rows are shown also where the columns do not do yet
    cells = list(islice(opened.rows([str(n) for n in range(len(opened.header))]), ROWS))
    try:
        names = CsvFile(io.BytesIO(head), shape).names(list(kinds))
    except BadFile as bad:
        rows = [_row(one, None, kinds) for one in cells]
        return found | {"rows": rows, "problem": {"field": bad.field, "message": bad.message}}
    rows = [_row(one, names, kinds) for one in cells]
    return found | {"rows": rows, "problem": None}


def preview_json(head: bytes, kinds: Mapping[str, FieldKind]) -> Row:
    """The first contacts of a JSON array or of JSON lines; raises `BadFile`."""
    rows = []
    for one in _read_so_far(read_json(io.BytesIO(head))):
        checked = _checked(one.values, kinds) if isinstance(one, Found) else None
        problem = checked or (_problem("", one.reason) if isinstance(one, Unread) else None)
        rows.append({"row": one.place, "cells": list(shown(one.values).values()), "problem": problem})
    return {"encoding": "utf-8", "delimiter": None, "header": False, "columns": [], "rows": rows, "problem": None}


def _read_so_far(rows: Iterator[Found | Unread]) -> Iterator[Found | Unread]:
    """The first rows; a file that was cut off ends where it was cut."""
    count = 0
    try:
        for one in islice(rows, ROWS):
            count += 1
            yield one
    except BadFile:
        if not count:
            raise


def _row(one: Found | Unread, names: list[str] | None, kinds: Mapping[str, FieldKind]) -> Row:
    cells = [storable(str(value)) for value in one.values.values()]
    problem = None
    if isinstance(one, Unread):
        problem = _problem("", one.reason)
    elif names is not None:
        values = {name: value for name, value in zip(names, one.values.values(), strict=False) if name}
        problem = _checked(values, kinds)
    return {"row": one.place, "cells": cells, "problem": problem}


def _checked(values: Mapping[str, Any], kinds: Mapping[str, FieldKind]) -> Row | None:
    try:
        contact_row(values, kinds)
    except Rejected as refused:
        return _problem(refused.field, refused.reason)
    return None


def _problem(field: str, message: str) -> Row:
    return {"field": storable(field), "message": message}
