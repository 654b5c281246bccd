"""Structured logs on standard error: JSON lines for machines, coloured lines for people.

What is logged may come from a topic or a provider. JSON escapes it; of the lines for people we do, so that nothing in it
commands a terminal, hides, or looks like another line.
"""

import logging
import sys
import time
import traceback
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from .escaping import escaped
from .settings import LogSettings

_FOREIGN_LEVEL = {
    "aiokafka": logging.ERROR,
    "faust": logging.WARNING,
    "httpx2": logging.WARNING,
    "mode": logging.WARNING,
    "urllib3": logging.ERROR,  # beneath apprise: it cites addresses, and they hold secrets
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


def _plain(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape every text of a line for people; what is no text is shown by its `repr`, which escapes by itself."""
    return {
        name: escaped(value, keep="\n" if name == "stack" else "")
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _write_traceback(out: TextIO, raised: ExcInfo) -> None:
    """Write a traceback as Python does, with nothing in its messages that commands a terminal.

    The default one would show the variables of each frame as well: a key or a stranger's text among them.
    """
    out.write("\n" + escaped("".join(traceback.format_exception(*raised)), keep="\n"))


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
    rendering: list[Processor] = (
        [structlog.processors.JSONRenderer()]
        if as_json
        else [_plain, structlog.dev.ConsoleRenderer(exception_formatter=_write_traceback)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    handler.addFilter(_NotAgain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name, level in _FOREIGN_LEVEL.items():
        logging.getLogger(name).setLevel(max(level, root.level))
