"""Kinds of values that administration takes in, each with its range and a message that names the remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from telephony.model import hours
from telephony.model.text import ONE_LINE


class Input(BaseModel):
    """What a caller sends: unknown names are refused, so that a misspelled setting is never just ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def as_list(value: Any) -> Any:
    """What a query parameter that may be repeated brings, as a list also where it came once."""
    return [value] if isinstance(value, str) else value


YEARS = (1970, 2200)
"""Between them is a moment's year; the first and the last moments a clock can tell have no UTC."""


def _moment(value: datetime) -> datetime:
    if not YEARS[0] < value.year < YEARS[1]:
        raise ValueError(f"must be between {YEARS[0]} and {YEARS[1]}")
    return value.astimezone(UTC)


def _zone(value: str) -> str:
    if hours.zone(value) is None:
        raise ValueError("is not a time zone; use an IANA name such as Europe/London")
    return value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), ONE_LINE]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), ONE_LINE]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), ONE_LINE]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
"""A date and time with its offset."""
Zone = Annotated[str, AfterValidator(_zone)]
Reference = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{0,14}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,80}$")]
Calls = Annotated[int, Field(ge=0, le=100_000, description="0 lets nothing through")]
Priority = Annotated[int, Field(ge=1, le=100, description="higher is served first")]
