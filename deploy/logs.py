"""Structured logs on standard error: JSON lines for machines, coloured lines for people."""

import logging
import sys
import time

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from .settings import LogSettings

_FOREIGN_LEVEL = {
    "aiokafka": logging.ERROR,
    "faust": logging.WARNING,
    "httpx2": logging.WARNING,
    "mode": logging.WARNING,
}
"""Libraries that speak of each reconnect or request, which our own words and metrics already tell."""
REPEAT_S = 30.0
"""Between two equal complaints of such a library: aiokafka has some thirty a second while a broker is away."""
_COMPLAINTS_MAX = 1_000


class _NotAgain(logging.Filter):
    """Lets each complaint of such a library through now and then, and everything else always."""

    def __init__(self) -> None:
        super().__init__()
        self._told_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether it has not been told lately."""
        if record.name.partition(".")[0] not in _FOREIGN_LEVEL:
            return True
        now_s, words = time.monotonic(), f"{record.msg} {record.args}"
        if now_s - self._told_s.get(words, -REPEAT_S) < REPEAT_S:
            return False
        if len(self._told_s) >= _COMPLAINTS_MAX:
            self._told_s.clear()
        self._told_s[words] = now_s
        return True


def configure(settings: LogSettings, *, role: str, instance: str) -> None:
    """Send every log line of this process, ours and the libraries', through one renderer."""

    def whose(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        # No context variable: libraries have threads of their own, which know nothing of ours.
        return {**event, "role": role, "instance": instance}

    as_json = settings.json_lines if settings.json_lines is not None else not sys.stderr.isatty()
    shared: list[Processor] = [
        whose,
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
    handler.addFilter(_NotAgain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name, level in _FOREIGN_LEVEL.items():
        logging.getLogger(name).setLevel(max(level, root.level))
