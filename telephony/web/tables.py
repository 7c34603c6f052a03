"""CSV that is safe to open: what customers wrote must not run as a formula in somebody's spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows as CSV lines (RFC 4180, UTF-8); moments as ISO 8601, None as nothing."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = str(value)
    # a telephone number with its plus sign is no formula, and must come back as it went out
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
