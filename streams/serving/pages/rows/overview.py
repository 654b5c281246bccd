"""The overview beside its sentence and its money: the worst assets, and what asks for somebody. PURE."""

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Button,
    Column,
    Line,
    Now,
    Row,
    Rows,
    Words,
    capped,
    severity,
)
from streams.serving.shown import AlertShown, Standing
from streams.serving.view import View

from .telling import DATA_STALE_MS, alert_link, asset_link, quality, rank, voice

ASSETS_MAX, ALERTS_MAX = 10, 8

ASSET_COLUMNS = (
    Column("Severity", plain=True),
    Column("Asset", plain=True),
    Column("What is said", main=True),
    Column("Data age"),
    Column("Data quality"),
    Column("Alerts", tight=True),
)
ALERT_COLUMNS = (
    Column("Severity", plain=True),
    Column("Asset", plain=True),
    Column("Since", plain=True),
    Column("Alert", main=True),
    Column("Act", plain=True, end=True),
)


def assets_of(view: View, now: Now) -> Rows:
    """Return the worst assets."""
    return assets(view.standing(now.ms, now.market_ms))


def assets(standing: list[Standing]) -> Rows:
    """Return at most ten assets, the most severe first, then those with alerts nobody has seen to."""
    worst = sorted(standing, key=lambda s: (rank(s.severity), -s.unacknowledged, s.asset))
    rows = [_asset(one) for one in worst[:ASSETS_MAX]]
    empty = "No asset yet: nothing has been aggregated. Collectors and the streams role make windows within two minutes."
    return capped(rows, ASSETS_MAX, empty, total=len(worst))


def _asset(one: Standing) -> Row:
    told: Line = (voice(one.words, simulated=one.simulated),)
    href = None
    if one.unacknowledged:  # then the headline is the worst alert's
        href = links.alert(one.alerts[0].alert.alert_id)
    elif one.analysis_id:
        href = links.analysis(one.analysis_id)
    headline = Words(one.headline, href=href)
    age: Line = (Words("no data", tone="quiet"),)
    if one.data_end_ms is not None:
        age = (Age(one.data_end_ms, DATA_STALE_MS, clock="market"),)
    return Row(
        one.asset,
        (
            (severity(one.severity),),
            (asset_link(one.asset),),
            (headline, *told),
            age,
            (quality(one.quality, one.quality_words),),
            (_alerts(len(one.alerts), one.unacknowledged),),
        ),
        tone="quiet" if one.stale else "",
    )


def _alerts(firing: int, unseen: int) -> Words:
    if not firing:
        return Words("none", tone="quiet")
    if not unseen:
        return Words(f"{firing} seen")
    return Words(
        f"{unseen} unseen" if unseen == firing else f"{unseen} of {firing} unseen", tone="bad"
    )


def asking_of(view: View, now: Now) -> Rows:
    """Return the alerts that fire and that nobody has acknowledged or muted."""
    return asking([shown for shown in view.alerts(now.ms, firing=True) if shown.asks])


def asking(alerts: list[AlertShown]) -> Rows:
    """Return alerts as rows, the most severe and then the newest first, each with its button."""
    worst = sorted(alerts, key=lambda s: (rank(s.alert.severity), -s.alert.since_ms))
    rows = [
        Row(
            shown.alert.alert_id,
            (
                (severity(shown.alert.severity),),
                (asset_link(shown.alert.asset),),
                (Age(shown.alert.since_ms, clock="market"),),
                (alert_link(shown),),
                (
                    Button(
                        "Acknowledge",
                        "acknowledge",
                        shown.alert.alert_id,
                        "Somebody has seen it; it goes on firing until it clears",
                    ),
                ),
            ),
        )
        for shown in worst[:ALERTS_MAX]
    ]
    return capped(rows, ALERTS_MAX, "Nothing asks for anybody.", total=len(worst))
