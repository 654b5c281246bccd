"""Until when a model may know what happened: what it foretells of before then proves nothing. PURE."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.resources import files

from topics import PipelineError

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_DATED = re.compile(r"-20[0-9]{6}$")
MONTHS = 12


class CutoffError(PipelineError):
    """A cutoff that cannot be read; the message says how to write one."""


def shipped_cutoffs() -> dict[str, int]:
    """Return the cutoffs that come with us, by model, in epoch milliseconds: the first instant after them."""
    text = files("agents.evaluation").joinpath("cutoffs.toml").read_text(encoding="utf-8")
    return {model: end_of_month_ms(month) for model, month in tomllib.loads(text).items()}


def with_told(cutoffs: Mapping[str, int], told: Iterable[str]) -> dict[str, int]:
    """Return cutoffs with those that were told as ``MODEL=YYYY-MM``, which come before.

    Raises:
        CutoffError: One cannot be read.
    """
    added = {}
    for one in told:
        model, _, month = one.rpartition("=")
        if not model:
            msg = f"--cutoff {one}: give MODEL=YYYY-MM, such as claude-haiku-5-5=2026-06"
            raise CutoffError(msg)
        added[model] = end_of_month_ms(month)
    return dict(cutoffs) | added


def end_of_month_ms(month: str) -> int:
    """Return the first instant after a month, in UTC.

    Raises:
        CutoffError: It is no month.
    """
    if (found := _MONTH.fullmatch(month)) is None:
        msg = f"--cutoff {month!r}: a month is needed, such as 2026-06"
        raise CutoffError(msg)
    months = int(found[1]) * MONTHS + int(found[2])  # the month after, as months are counted from 0
    after = datetime(months // MONTHS, months % MONTHS + 1, 1, tzinfo=UTC)
    return int(after.timestamp() * 1000)


def cutoff_of(cutoffs: Mapping[str, int], model: str) -> int | None:
    """Return a model's cutoff, by its id or by that without the date behind it; None where nobody knows."""
    return cutoffs.get(model, cutoffs.get(_DATED.sub("", model)))
