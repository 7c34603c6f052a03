"""What people may write into names and labels: one line that every database, log and page can carry."""

from __future__ import annotations

import unicodedata

from pydantic import AfterValidator


def is_one_line(text: str) -> bool:
    """True without control characters and line ends; the joiners and spaces of every script are none of them."""
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _one_line(value: str) -> str:
    if not is_one_line(value):
        raise ValueError("must be one line without control characters")
    return value


ONE_LINE = AfterValidator(_one_line)
"""Refuses text with control characters; pydantic adds the field's name."""
