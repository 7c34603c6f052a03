"""Running an import: the file streams in, a thread reads and checks it, batches go into the store.

The thread pulls one piece of the file after the other and waits for each batch to be stored, so no more than a
piece and a batch are ever in memory, and a slow database slows the sender down.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar, cast

from telephony.store import imports
from telephony.store.contact_row import ContactRow, Rejected, contact_row
from telephony.store.due import BATCH
from telephony.store.engine import Store
from telephony.store.errors import StoreError
from telephony.store.fields import FieldKind, kinds
from telephony.store.import_file import Found, read_csv, read_json, shown, storable
from telephony.store.import_shape import AS_USUAL, Shape
from telephony.store.imports import Rejection
from telephony.store.paging import Row
from telephony.store.work import Work, change

log = logging.getLogger(__name__)
T = TypeVar("T")

BUFFER = 64 * 1024
"""Bytes read ahead of the parser."""


class Interrupted(Exception):
    """The import was cancelled; its thread ends here."""


class _Loop:
    """The event loop as the import's thread sees it: it may wait there for something, until it is shut."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: Future[Any] | None = None
        self._shut = False

    def wait_for(self, something: Coroutine[Any, Any, T]) -> T:
        if self._shut:
            something.close()
            raise Interrupted
        waiting = asyncio.run_coroutine_threadsafe(something, self._loop)
        self._waiting = waiting
        return waiting.result()

    def shut(self) -> None:
        self._shut = True
        if self._waiting is not None:
            self._waiting.cancel()


class _Body(io.RawIOBase):
    """The pieces of a body as a file that can be read once; counts its bytes."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: _Loop) -> None:
        self._chunks = chunks
        self._loop = loop
        self._left = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = self._loop.wait_for(self._next())
            if chunk is None:
                return 0
            self.count += len(chunk)
            self._left = chunk
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)


async def run_import(
    store: Store,
    tenant_id: str,
    import_id: str,
    chunks: AsyncIterator[bytes],
    *,
    json: bool = False,
    shape: Shape = AS_USUAL,
    stored: Callable[[], None] = lambda: None,
) -> Row:
    """Take a file in for an import begun before; the import as it ended. `stored()` is called after each batch.

    `shape`: how a CSV file is written.

    Raises `BadFile` for a file that cannot be used, and whatever the body or the database raise; the import is
    then failed, with what was stored before still there.
    """
    known = await store.run(lambda conn: kinds(conn, tenant_id))
    loop = _Loop()
    error: str | None = "the import was interrupted; send the file again, nothing is doubled"
    try:
        await asyncio.to_thread(_read, store, import_id, _Body(chunks, loop), known, json, shape, loop, stored)
        error = None
    except StoreError as refused:
        error = refused.message
        raise
    except asyncio.CancelledError:
        loop.shut()
        raise
    finally:
        await store.run(lambda conn: imports.finish(conn, import_id, error=error, now=datetime.now(UTC)))
    found = await store.run(lambda conn: imports.import_(conn, tenant_id, import_id))
    log.info("import %s: %d added, %d updated, %d rejected", import_id, *(found[n] for n in _COUNTS))
    return found


_COUNTS = ("added", "updated", "rejected")


def _read(
    store: Store,
    import_id: str,
    body: _Body,
    known: dict[str, FieldKind],
    json: bool,
    shape: Shape,
    loop: _Loop,
    stored: Callable[[], None],
) -> None:
    rows: list[ContactRow] = []
    rejected: list[Rejection] = []

    def flush() -> None:
        batch, refused, count = tuple(rows), tuple(rejected), body.count

        def take(work: Work) -> None:
            imports.take(work, import_id, batch, refused, read_bytes=count)

        async def store_it() -> None:
            await change(store, take)
            stored()

        loop.wait_for(store_it())
        rows.clear()
        rejected.clear()

    file = cast(BinaryIO, io.BufferedReader(body, BUFFER))
    try:
        for found in read_json(file) if json else read_csv(file, list(known), shape):
            if isinstance(found, Found):
                try:
                    rows.append(contact_row(found.values, known))
                except Rejected as refused:
                    field = storable(refused.field)
                    rejected.append(Rejection(found.place, field, refused.reason, shown(found.values)))
            else:
                rejected.append(Rejection(found.place, "", found.reason, shown(found.values)))
            if len(rows) >= BATCH or len(rejected) >= BATCH:
                flush()
    finally:
        flush()  # also before a fault in the file: what was read up to there counts
