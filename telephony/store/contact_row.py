"""One contact as it comes from a file or the API: every value checked, the field at fault named.

Names: external_id, name, zone, consent, number or number_1 to number_10, label_1 to label_10 (label: of the
first number); any other name is a field, by the tenant's kind of it, else text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

from telephony.model import hours
from telephony.model.phone_number import phone_number
from telephony.model.text import is_one_line
from telephony.store.fields import FieldKind

MOST_NUMBERS = 10
MOST_TEXT = 4000
MOST_FIELDS = 200
ID_LENGTH, NAME_LENGTH, LABEL_LENGTH, FIELD_LENGTH = 120, 200, 60, 64

NUMBER_NAMES = {"number": 1, "number_1": 1} | {f"number_{n}": n for n in range(2, MOST_NUMBERS + 1)}
LABEL_NAMES = {"label": 1, "label_1": 1} | {f"label_{n}": n for n in range(2, MOST_NUMBERS + 1)}
OWN_NAMES = frozenset({"external_id", "name", "zone", "consent", *NUMBER_NAMES, *LABEL_NAMES})

YES = frozenset({"true", "yes", "y", "1", "si", "sí"})
NO = frozenset({"false", "no", "n", "0"})
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
# Left behind by copying from other programs, around numbers above all; they would turn what stands beside them around.
_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff]")
_MARKS = re.compile(r"[\u200b-\u200f]")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?", re.ASCII)


class Rejected(Exception):
    """A row that cannot be taken: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RowNumber:
    e164: str
    label: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """A checked contact; `zone` None: by its numbers."""

    external_id: str
    name: str
    numbers: tuple[RowNumber, ...]
    zone: str | None = None
    consent: bool = False
    fields: Mapping[str, Any]


def contact_row(values: Mapping[str, Any], kinds: Mapping[str, FieldKind]) -> ContactRow:
    """Check one row; empty values count as left out. Raises `Rejected`."""
    external_id = _line(values, "external_id", ID_LENGTH)
    if not external_id:
        raise Rejected("external_id", "is missing")
    zone = _line(values, "zone", 64)
    if zone and hours.zone(zone) is None:
        raise Rejected("zone", "is not a time zone; use an IANA name such as Europe/London")
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if name not in OWN_NAMES:
            kept = _field(name, value, kinds.get(name, FieldKind.TEXT))
            if kept is not None:
                fields[name] = kept
    if len(fields) > MOST_FIELDS:
        raise Rejected("", f"more than {MOST_FIELDS} fields")
    return ContactRow(
        external_id=external_id,
        name=_line(values, "name", NAME_LENGTH),
        numbers=_numbers(values),
        zone=zone or None,
        consent=_truth("consent", values.get("consent")) or False,
        fields=fields,
    )


def field_name(name: str) -> str:
    """The name of a field, checked; raises `Rejected`."""
    if not name or len(name) > FIELD_LENGTH or not name.isprintable():
        raise Rejected(name[:FIELD_LENGTH], f"a field's name has 1 to {FIELD_LENGTH} printable characters")
    return name


def _numbers(values: Mapping[str, Any]) -> tuple[RowNumber, ...]:
    labels = {position: _line(values, name, LABEL_LENGTH) for name, position in LABEL_NAMES.items() if name in values}
    found: dict[str, RowNumber] = {}
    for name in NUMBER_NAMES:
        written = _line(values, name, 60)
        if not written:
            continue
        try:
            number = phone_number(_MARKS.sub("", written))
        except ValueError as error:
            raise Rejected(name, str(error)) from error
        label = labels.get(NUMBER_NAMES[name], "")
        found.setdefault(number.e164, RowNumber(number.e164, label, number.zones))
    if not found:
        raise Rejected("number", "is missing: a contact needs at least one number")
    return tuple(found.values())[:MOST_NUMBERS]


def _line(values: Mapping[str, Any], name: str, most: int) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Rejected(name, "must be text")
    text = _DIRECTION.sub("", str(value)).strip()
    if len(text) > most:
        raise Rejected(name, f"is longer than {most} characters")
    if not is_one_line(text):
        raise Rejected(name, "must be one line without control characters")
    return text


def _field(name: str, value: Any, kind: FieldKind) -> Any:
    field_name(name)
    if value is None or value == "":
        return None
    match kind:
        case FieldKind.TEXT:
            return _text(name, value)
        case FieldKind.NUMBER:
            return _number(name, value)
        case FieldKind.DATE:
            try:
                return date.fromisoformat(value.strip()).isoformat()
            except (AttributeError, ValueError):
                raise Rejected(name, "is not a date as in 2026-12-31") from None
        case FieldKind.BOOLEAN:
            return _truth(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Rejected(name, "must be text")
    text = str(value)
    if len(text) > MOST_TEXT:
        raise Rejected(name, f"is longer than {MOST_TEXT} characters")
    if _UNSTORABLE.search(text):
        raise Rejected(name, "has characters that cannot be stored")
    return text


def _number(name: str, value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isfinite(value) and abs(value) < 1e15:
            return value
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        return float(text) if "." in text else int(text)
    raise Rejected(name, "is not a number as in 1234.5")


def _truth(name: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in YES:
        return True
    if text in NO:
        return False
    if not text:
        return None
    raise Rejected(name, "must be yes or no")
