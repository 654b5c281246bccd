"""Forecasts and what came of them: windows that do not overlap, none of which begins before its forecast. PURE."""

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from topics import PipelineError

from .forecast import Forecast
from .marks import Mark

DAY_MS = 86_400_000
Find = Callable[[str, int], Mark | None]
"""Gives the mark of an instrument at an instant."""


class LeakError(PipelineError):
    """A mark that is not after what it is to judge: a score by it would be of what was known. A defect of ours."""


class Window(Struct, frozen=True, kw_only=True):
    """A forecast with what came: the same for whoever foretold."""

    analysis_id: str
    asset: str
    day: int
    """Of its forecast, counted from 1970 in UTC."""
    rose: bool
    said: float
    momentum: float
    rules: float


def windows_of(forecasts: Iterable[Forecast], find: Find) -> tuple[list[Window], Counter[str]]:
    """Return the windows that can be scored, and how many forecasts cannot be, by reason.

    Of forecasts of one asset whose windows overlap the earliest counts: each stretch of the market once. Which one that
    is does not depend on what came.

    Raises:
        LeakError: A mark is not after its instant.
    """
    windows: list[Window] = []
    lost = Counter[str]()
    free_ms: dict[str, int] = {}
    for forecast in sorted(forecasts, key=lambda one: (one.known_ms, one.analysis_id)):
        pair = _pair_of(forecast, find)
        if pair is None:
            lost["no_mark"] += 1
            continue
        start, end = pair
        if start.begins_ms < free_ms.get(forecast.asset, 0):
            lost["overlap"] += 1
            continue
        # Also where the price came out unchanged: else what came would choose the windows.
        free_ms[forecast.asset] = end.begins_ms
        if start.price == end.price:
            lost["unchanged"] += 1
        else:
            windows.append(_window(forecast, rose=end.price > start.price))
    return windows, lost


def _pair_of(forecast: Forecast, find: Find) -> tuple[Mark, Mark] | None:
    """Return the marks at both ends of the horizon; None where one is missing, or both are the same."""
    due_ms = forecast.known_ms + forecast.horizon_ms
    start, end = find(forecast.subject, forecast.known_ms), find(forecast.subject, due_ms)
    if start is None or end is None:
        return None
    for mark, instant_ms in ((start, forecast.known_ms), (end, due_ms)):
        if mark.begins_ms < instant_ms:
            msg = (
                f"{forecast.analysis_id}: the mark of {forecast.subject} is of the minute that begins at"
                f" {mark.begins_ms}, before {instant_ms}: nothing is scored by what was known already"
            )
            raise LeakError(msg)
    return None if end.begins_ms < start.at_ms else (start, end)


def _window(forecast: Forecast, *, rose: bool) -> Window:
    return Window(
        analysis_id=forecast.analysis_id,
        asset=forecast.asset,
        day=forecast.known_ms // DAY_MS,
        rose=rose,
        said=forecast.said,
        momentum=forecast.momentum,
        rules=forecast.rules,
    )
