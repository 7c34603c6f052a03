"""Refusals of the store, each with a stable code and, where one is at fault, the name of the field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError


class StoreError(Exception):
    """A request the data does not allow; nothing was changed."""

    code = "INVALID"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field


class NoSuch(StoreError):
    """There is no such thing, or it is another tenant's."""

    code = "NOT_FOUND"

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")


class Invalid(StoreError):
    """A value that does not fit what is stored, such as a reference to nothing."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class Taken(StoreError):
    """A name that must be unique is there already."""

    code = "ALREADY_EXISTS"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, field=field)


class InUse(StoreError):
    """It cannot be deleted because something still refers to it."""

    code = "IN_USE"


@contextmanager
def unique(conn: Connection, field: str, message: str) -> Iterator[None]:
    """Turn a breach of a unique constraint inside the block into `Taken`; references are checked before it."""
    try:
        with conn.begin_nested():
            yield
    except IntegrityError as error:
        raise Taken(field, message) from error


@contextmanager
def unreferenced(conn: Connection, message: str) -> Iterator[None]:
    """Turn a deletion inside the block that a foreign key forbids into `InUse`."""
    try:
        with conn.begin_nested():
            yield
    except IntegrityError as error:
        raise InUse(message) from error
