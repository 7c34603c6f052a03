"""Kinds of values that administration takes in, each with its range and a message that names the remedy."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from telephony.model import hours


class Input(BaseModel):
    """What a caller sends: unknown names are refused, so that a misspelled setting is never just ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _one_line(value: str) -> str:
    if any(not character.isprintable() for character in value):
        raise ValueError("must be one line without control characters")
    return value


def _zone(value: str) -> str:
    if hours.zone(value) is None:
        raise ValueError("is not a time zone; use an IANA name such as Europe/London")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_one_line)
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_one_line)]
Zone = Annotated[str, AfterValidator(_zone)]
Reference = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{0,14}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,80}$")]
Calls = Annotated[int, Field(ge=0, le=100_000, description="0 lets nothing through")]
Priority = Annotated[int, Field(ge=1, le=100, description="higher is served first")]
