"""Logs of the service: lines of text, or of JSON for machines, with the request's id and without secrets."""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

REQUEST: ContextVar[str | None] = ContextVar("geosar_request", default=None)
"""Identifier of the request that is being answered, if any."""

EXTRAS = ("method", "path", "status", "milliseconds", "client", "layer")
QUIET = ("rasterio", "titiler", "rio_tiler", "httpx", "multipart", "python_multipart", "numexpr")
_SECRET = re.compile(
    r"((?:signature|secret|password|api[-_]?key|token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+"
    r"|((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]+"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Take signatures, keys and passwords out of a text.

    >>> without_secrets("GET /tiles?signature=abc&v=1 postgresql://me:secret@host/db Bearer xyz")
    'GET /tiles?signature=...&v=1 postgresql://me:...@host/db Bearer ...'
    """
    return _SECRET.sub(lambda match: next(part for part in match.groups() if part is not None) + "...", text)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request = REQUEST.get()
        return without_secrets(line if request is None else f"{line} [{request}]")


class _JsonFormatter(logging.Formatter):
    """One object a line; what a record was given beside its message stands in fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if (request := REQUEST.get()) is not None:
            line["request"] = request
        line |= {name: getattr(record, name) for name in EXTRAS if getattr(record, name, None) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(
            {key: without_secrets(value) if isinstance(value, str) else value for key, value in line.items()}
        )


def configure(form: Literal["text", "json"] | None, level: str) -> None:
    """Send all logs of this process to the standard error, as text for a person or as JSON for a machine."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "text" or (form is None and sys.stderr.isatty()):
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel("WARNING")
