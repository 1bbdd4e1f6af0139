"""Lines of the log: each thing that is told is one line with the id of its request, as text or as JSON, and no client can forge one."""

import json
import logging
import logging.config
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from core.settings import Log

# The request, and the trace, that whatever runs now is a part of; empty outside of any.
REQUEST: ContextVar[str] = ContextVar("request", default="")
TRACE: ContextVar[str] = ContextVar("trace", default="")

TALKATIVE = ("asyncio", "tortoise", "aiosqlite", "httpx", "httpcore", "urllib3", "opentelemetry")
FIELDS = "fields"  # what a line may have beside its words, as `extra={FIELDS: {...}}`; of use to programs

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_KEYS = re.compile(r"\b(pvk_[0-9A-Za-z]+_)[\w-]+")
# PostgreSQL quotes the row that it refuses.
_ROWS = re.compile(r"^(\s*)(DETAIL|CONTEXT|WHERE):.*$", re.MULTILINE)


def set_up(log: Log) -> None:
    """Let all that is logged in this process come out in the form of the settings, on stderr."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": Json if log.format == "json" else Text}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
            "root": {"level": log.level, "handlers": ["stderr"]},
            "loggers": {
                # uvicorn tells of each step of its start, and quotes addresses and queries; the line that matters comes from the command
                "uvicorn": {"level": "WARNING", "handlers": [], "propagate": True},
                "uvicorn.error": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING", "handlers": []},
                **{
                    name: {"level": "WARNING"}
                    for name in ("asyncio", "tortoise", "aiosqlite", "httpx", "httpcore", "urllib3", "opentelemetry")
                },
            },
        }
    )


class Text(logging.Formatter):
    """For people: time, level, logger, request, words. The lines of a traceback are set in, so that none looks like a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        message, request, trace = _plain(record.getMessage()), REQUEST.get(), TRACE.get()
        marks = [request] if request and request not in message else []
        marks += [f"trace {trace}"] if trace else []
        mark = f" [{', '.join(marks)}]" if marks else ""
        head = f"{_time(record)} {record.levelname} {record.name}{mark}: {message}"
        return "\n".join((head, *(f"    | {_plain(line)}" for line in _traceback(self, record).splitlines())))


class Json(logging.Formatter):
    """For programs: an object in a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        found: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _KEYS.sub(r"\1...", record.getMessage()),
        }
        if request := REQUEST.get():
            found["request"] = request
        if trace := TRACE.get():
            found["trace"] = trace
        if isinstance(fields := getattr(record, FIELDS, None), dict):
            found = {**fields, **found}
        if error := _traceback(self, record):
            found["error"] = error
        return json.dumps(found, default=str)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), _KEYS.sub(r"\1...", text))


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(record.stack_info)
    return _ROWS.sub(r"\1\2: not logged", _KEYS.sub(r"\1...", "\n".join(parts)))
