"""How a CSV file of contacts is written, as its sender says it; what is not said is found out or taken as usual."""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from telephony.store import inputs
from telephony.store.contact_row import FIELD_LENGTH
from telephony.store.errors import Invalid

MOST_COLUMNS = 250


class Encoding(StrEnum):
    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    WINDOWS_1252 = "windows-1252"


ColumnName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=FIELD_LENGTH)]


class Shape(inputs.Input):
    """`column` names the columns in their order, so that the file's own header may say what it likes."""

    column: Annotated[
        tuple[ColumnName, ...],
        BeforeValidator(inputs.as_list),
        Field(
            max_length=MOST_COLUMNS,
            description="what each column is, in their order, once for each; empty: passed over. "
            "None: the header row names them",
        ),
    ] = ()
    header: bool = Field(default=True, description="false: there is no header row, `column` names the columns")
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(default=None, description="none: found out by the first row")
    encoding: Encoding | None = Field(default=None, description="none: UTF-8")


def encoding_of(head: bytes) -> Encoding:
    """The encoding that the beginning of a file looks like: what is no UTF-8 is most often from an old spreadsheet."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        return Encoding.UTF_16
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character that was cut in two at the end is no fault
    except UnicodeDecodeError:
        return Encoding.WINDOWS_1252
    return Encoding.UTF_8


AS_USUAL = Shape()
"""UTF-8 with a header row in our own words."""


def for_json(shape: Shape) -> None:
    """Raises `Invalid` where something is said that only a CSV file has."""
    told = sorted(name for name in Shape.model_fields if getattr(shape, name) != getattr(AS_USUAL, name))
    if told:
        raise Invalid(told[0], "is for CSV; JSON says by itself what each value is")
