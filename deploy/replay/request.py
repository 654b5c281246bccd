"""What a replay is asked for, read from the command line: PURE."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from topics import KINDS, Kind, PipelineError

MAX = "max"
_EPOCH_MS = re.compile(r"[0-9]{1,15}")


class ReplayError(PipelineError):
    """A replay that cannot be begun, or was not finished; the message says what to do."""


class Request(Struct, frozen=True, kw_only=True):
    """What to copy, where to and how fast."""

    into: str
    """The prefix of the copy."""
    from_ms: int | None
    to_ms: int | None
    """Log timestamps: from the first at or after one on, to before the first at or after the other."""
    speed: float | None
    """Seconds of the log for each second of wall time; None: as fast as it goes."""
    kinds: tuple[Kind, ...]


def request_of(
    *,
    into: str,
    source_prefix: str,
    from_time: str | None,
    to_time: str | None,
    speed: str,
    kinds: Sequence[str],
) -> Request:
    """Return what the options ask for; no kind is every kind.

    Raises:
        ReplayError: An option is refused, by its name.
    """
    if into == source_prefix:
        msg = f"--into {into}: that is the prefix it is copied from (broker.prefix); give another"
        raise ReplayError(msg)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        msg = f"--kind {unknown[0]}: one of {', '.join(KINDS)}"
        raise ReplayError(msg)
    from_ms, to_ms = time_ms("--from", from_time), time_ms("--to", to_time)
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        msg = f"the range is empty: --from {from_time} is not before --to {to_time}"
        raise ReplayError(msg)
    return Request(
        into=into,
        from_ms=from_ms,
        to_ms=to_ms,
        speed=speed_of(speed),
        kinds=tuple(kind for kind in KINDS if not kinds or kind in kinds),
    )


def time_ms(option: str, text: str | None) -> int | None:
    """Return an instant in epoch milliseconds, rounded down; None where none is given.

    Raises:
        ReplayError: It is neither epoch milliseconds nor ISO 8601 with a zone.
    """
    if text is None:
        return None
    if _EPOCH_MS.fullmatch(text):
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = datetime.min  # noqa: DTZ901 - without a zone, like what is refused
    if instant.utcoffset() is None:
        msg = (
            f"{option} {text}: give ISO 8601 with a zone, such as 2026-01-31T12:00:00Z,"
            " or milliseconds since 1970"
        )
        raise ReplayError(msg)
    since = instant - datetime.fromtimestamp(0, UTC)
    since_ms = (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
    if since_ms < 0:
        msg = f"{option} {text}: before 1970"
        raise ReplayError(msg)
    return since_ms


def speed_of(text: str) -> float | None:
    """Return how many times as fast as the log it shall go; None: as fast as it goes.

    Raises:
        ReplayError: It is no number above 0.
    """
    if text == MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        msg = f"--speed {text}: a number above 0 (1 is as it was), or {MAX}"
        raise ReplayError(msg)
    return speed
