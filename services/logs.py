"""Logs: one JSON line per event on standard output; readable lines in a terminal (LOG_FORMAT=pretty).

Every line carries the request id and trace id of the request at hand. Extra facts are given as
`logger.info("job done", extra={"facts": {...}})`. No personal data and no secrets belong here; what an error
of somebody else's quotes of them all the same is hidden.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.private_text import without_quotes
from services.request_context import current_request
from services.settings import ProcessSettings

_encoder = msgspec.json.Encoder(enc_hook=str)


def _shown(fact: Any) -> Any:
    if isinstance(fact, str | BaseException):
        return without_quotes(str(fact))
    if isinstance(fact, dict):
        return {name: _shown(one) for name, one in fact.items()}
    if isinstance(fact, list | tuple | set):
        return [_shown(one) for one in fact]
    return fact


def _facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """Ids of the request are shown as they are: they are ours, whatever they look like."""
    facts: dict[str, Any] = _shown(getattr(record, "facts", {}))
    if (context := current_request.get()) is not None:
        facts.setdefault("request_id", context.request_id)
        if context.trace_id:
            facts.setdefault("trace_id", context.trace_id)
    return facts


class JsonLines(logging.Formatter):
    """`{"time", "level", "logger", "service", "release", "message", ...facts}`"""

    def __init__(self, service: str, release: str) -> None:
        super().__init__()
        self._service, self._release = service, release

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "service": self._service,
            "release": self._release,
            "message": without_quotes(record.getMessage()),
            **_facts_of(record),
        }
        if record.exc_info:
            line["traceback"] = without_quotes(self.formatException(record.exc_info))
        return _encoder.encode(line).decode()


class PrettyLines(logging.Formatter):
    """`12:00:01.123 info  GET /search 200 route=/search ms=4.1`"""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        facts = " ".join(f"{key}={value}" for key, value in _facts_of(record).items())
        message = without_quotes(record.getMessage())
        line = f"{time} {record.levelname.lower():7} {message} {facts}".rstrip()
        if record.exc_info:
            line += "\n" + without_quotes(self.formatException(record.exc_info))
        return line


def configure_logs(service: str, settings: ProcessSettings) -> None:
    """Sends the whole process's logging to standard output in one format."""
    handler = logging.StreamHandler(sys.stdout)
    pretty = settings.log_format == "pretty"
    handler.setFormatter(PrettyLines() if pretty else JsonLines(service, settings.release))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for noisy in ("httpx", "httpcore", "databases", "asyncio", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
