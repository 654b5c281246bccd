"""Structured logs on standard error: JSON lines for machines, coloured lines for people."""

import logging
import sys

import structlog
from structlog.typing import Processor

from .settings import LogSettings

_FOREIGN_LEVEL = {"aiokafka": logging.ERROR, "faust": logging.WARNING, "mode": logging.WARNING}
"""Libraries that speak of each reconnect, which our own words and metrics already tell."""


def configure(settings: LogSettings, *, role: str, instance: str) -> None:
    """Send every log line of this process, ours and the libraries', through one renderer."""
    as_json = settings.json_lines if settings.json_lines is not None else not sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info
        if as_json
        else structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name, level in _FOREIGN_LEVEL.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    structlog.contextvars.bind_contextvars(role=role, instance=instance)
