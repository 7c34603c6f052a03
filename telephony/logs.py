"""The service's log: one line a message on standard error, as text or JSON, with the request it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from telephony.settings import Log

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the HTTP request under way; it stands beside whatever any layer says meanwhile."""


def configure(log: Log) -> None:
    """Send all messages of this process to standard error, from the set level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log.json_lines else _Text())
    # nothing of this is in our lines, and looking it up costs more than writing them
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # Python's own advice: docs, logging, "Optimization"
    logging.basicConfig(level=log.level.upper(), handlers=[handler], force=True)
    # its own notes about each migration step are of no use to who runs the service
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        request = request_id.get()
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        head = f"{at}Z {record.levelname:<7} {record.name.removeprefix('telephony.')}"
        text = f"{head} {record.getMessage()}" + (f" request={request}" if request else "")
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
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
