"""The service's log: one line a message on standard error, as text or JSON, with the request it belongs to."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from telephony.settings import Log

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the HTTP request under way; it stands beside whatever any layer says meanwhile."""


def configure(log: Log) -> None:
    """Send all messages of this process to standard error, from the set level on."""
    handler = Gathered(sys.stderr)
    handler.setFormatter(formatter(log))
    # nothing of this is in our lines, and looking it up costs more than writing them
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # Python's own advice: docs, logging, "Optimization"
    logging.basicConfig(level=log.level.upper(), handlers=[handler], force=True)
    # its own notes about each migration step are of no use to who runs the service
    logging.getLogger("alembic").setLevel(logging.WARNING)


def formatter(log: Log) -> logging.Formatter:
    """How a message is written: as text or as JSON."""
    return _Json() if log.json_lines else _Text()


GATHERED_FOR = 0.05
"""Seconds for which lines wait for others: the most that a kill -9 takes from the log."""


class Gathered(logging.Handler):
    """Writes the lines of a twentieth of a second at once: a write costs as much as its line, and a call has fifteen.

    A warning or worse is written at once, and everything where no event loop runs.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[str] = []
        self._planned: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(f"{self.format(record)}\n")
            loop = None if record.levelno >= logging.WARNING else _running_loop()
            if loop is None:
                self.flush()
            elif loop is not self._planned:
                self._planned = loop
                loop.call_later(GATHERED_FOR, self.flush)
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        assert self.lock is not None
        with self.lock:
            self._planned = None
            text, self._lines = "".join(self._lines), []
            if text:
                self._stream.write(text)
                self._stream.flush()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


QUOTING = frozenset({"sqlalchemy", "psycopg", "sqlite3", "pydantic_core"})
"""Packages whose errors quote the values at hand, a whole row at times: of these only type and stack are written."""


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:
        lines: list[str] = []
        error: BaseException | None = ei[1]
        while error is not None:
            kind = type(error)
            said = "" if kind.__module__.partition(".")[0] in QUOTING else f": {error}"
            lines = [*traceback.format_tb(error.__traceback__), f"{kind.__module__}.{kind.__name__}{said}\n", *lines]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "".join(lines).rstrip("\n")


class _Text(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request = request_id.get()
        at = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        head = f"{at}Z {record.levelname:<7} {record.name.removeprefix('telephony.')}"
        text = f"{head} {record.getMessage()}" + (f" request={request}" if request else "")
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id.get():
            line["request"] = request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
