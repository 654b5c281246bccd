"""How each asset stands now, the worst first. PURE."""

from topics import Aggregate, Analysis, Severity

from .alert_book import ALERTS_MAX
from .answers import Answers
from .shown import AlertShown, Standing, Words

STALE_MS = 300_000
"""Of market time: an asset whose newest window ended longer ago is stale. Five of its smallest windows."""
RANKS: tuple[Severity, ...] = ("critical", "warning", "notice", "info")
_QUALITY = ("holed", "unverifiable", "complete")
"""The worst first."""


def standing_of(view: Answers, now_ms: int, event_now_ms: int) -> list[Standing]:
    """Return how each asset stands: by unacknowledged alerts, then by analyses that hold, then by the data's quality."""
    alerts: dict[str, list[AlertShown]] = {}
    for shown in view.alerts(now_ms, firing=True, most=ALERTS_MAX):
        alerts.setdefault(shown.alert.asset, []).append(shown)
    windows: dict[str, list[Aggregate]] = {}
    for _, window in view.newest_windows():
        windows.setdefault(window.asset, []).append(window)
    holding = _holding(view, event_now_ms)
    assets = sorted(windows.keys() | alerts.keys() | holding.keys())
    found = [
        _standing(a, alerts.get(a, []), windows.get(a, []), holding.get(a), event_now_ms)
        for a in assets
    ]
    return sorted(found, key=_order)


def _holding(view: Answers, event_now_ms: int) -> dict[str, Analysis]:
    """Return by asset the newest analysis that holds: nobody took it back, and its time is not over."""
    found: dict[str, Analysis] = {}
    for asset in view.analyst.of_asset:
        for kept in view.analyst.newest_of(asset):
            if kept.item.valid_until_ms > event_now_ms and view.analyst.stands(kept.item):
                found[asset] = kept.item
                break
    return found


def _standing(
    asset: str,
    alerts: list[AlertShown],
    windows: list[Aggregate],
    analysis: Analysis | None,
    event_now_ms: int,
) -> Standing:
    end_ms = max((w.window_end_ms for w in windows), default=None)
    age_ms = None if end_ms is None else max(0, event_now_ms - end_ms)
    states = {w.completeness.state for w in windows}
    quality = next((state for state in _QUALITY if state in states), "none")
    asking = [shown for shown in alerts if shown.asks]
    severity: Severity = "info"
    headline, words, as_of_ms = "no analysis holds", "code", end_ms
    simulated = False
    if analysis is not None:
        severity, headline, as_of_ms = analysis.severity, analysis.headline, analysis.as_of_ms
        words = "rules" if analysis.origin == "rules" else "model"
        simulated = analysis.simulated
    if asking:
        worst = asking[0].alert
        severity, headline, as_of_ms = worst.severity, worst.headline, worst.as_of_ms
        words, simulated = "code", False
    return Standing(
        asset=asset,
        severity=severity,
        headline=headline,
        words=_words(words),
        as_of_ms=as_of_ms,
        data_end_ms=end_ms,
        data_age_ms=age_ms,
        stale=age_ms is None or age_ms > STALE_MS,
        quality=quality,  # type: ignore[arg-type]
        quality_words=_quality_words(windows),
        alerts=tuple(alerts),
        unacknowledged=len(asking),
        analysis_id=None if analysis is None else analysis.analysis_id,
        simulated=simulated,
    )


def _words(words: str) -> Words:
    return words  # type: ignore[return-value]


def _quality_words(windows: list[Aggregate]) -> str:
    if not windows:
        return "no window yet"
    told = [w.completeness for w in windows]
    holed = max((c.holed_fraction for c in told if c.state == "holed"), default=0.0)
    silent = sorted({source for c in told for source in c.missing_sources})
    words = [f"holed {100 * holed:.0f}%"] if holed else []
    words += [f"source missing: {', '.join(silent[:3])}"] if silent else []
    return "; ".join(words) or (
        "complete" if all(c.state == "complete" for c in told) else "unverifiable"
    )


def _order(standing: Standing) -> tuple[bool, int, bool, int, str]:
    quality = _QUALITY.index(standing.quality) if standing.quality in _QUALITY else 0
    return (
        not standing.unacknowledged,
        RANKS.index(standing.severity),
        standing.analysis_id is None,
        quality,
        standing.asset,
    )
