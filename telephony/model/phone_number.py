"""Phone numbers: E.164, and the time zones their owners may live in, both by libphonenumber's data."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import timezone

_WRITTEN = re.compile(r"\+[0-9 ()./\u00a0\u2010-\u2015-]{7,40}", re.ASCII)
_UNKNOWN = timezone.UNKNOWN_TIMEZONE


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`zones`: IANA names, none where nobody knows; toll-free and mobile numbers may have many."""

    e164: str
    zones: tuple[str, ...]


def phone_number(text: str) -> PhoneNumber:
    """A number as people write it (+44 20 7946 0000); raises ValueError with a sentence for the one who wrote it.

    Only the length is judged, not whether the number is in use: fictional numbers must pass.
    """
    written = text.strip()
    if not written.startswith("+"):
        raise ValueError("must begin with + and the country code")
    if not _WRITTEN.fullmatch(written):
        raise ValueError("is not a phone number")
    try:
        parsed = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException as error:
        raise ValueError("is not a phone number of any country") from error
    match phonenumbers.is_possible_number_with_reason(parsed):
        case phonenumbers.ValidationResult.IS_POSSIBLE:
            pass
        case phonenumbers.ValidationResult.TOO_SHORT | phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            raise ValueError("is too short for its country")
        case phonenumbers.ValidationResult.TOO_LONG:
            raise ValueError("is too long for its country")
        case _:
            raise ValueError("is not a possible number in its country")
    zones = timezone.time_zones_for_number(parsed)
    if zones == (_UNKNOWN,):
        # a number of no known kind, fictional ones above all: by its prefix
        zones = timezone.time_zones_for_geographical_number(parsed)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(e164, tuple(name for name in zones if name != _UNKNOWN))
