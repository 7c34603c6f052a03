"""Ids of everything stored: UUIDv7 (RFC 9562), so that ids sort by the time they were made."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    """A fresh UUIDv7 as 36 characters of lower-case text."""
    return str(uuid_utils.uuid7())
