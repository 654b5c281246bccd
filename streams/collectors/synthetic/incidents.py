"""What goes wrong, and exactly when: PURE. Generators act on this schedule, reports check against it."""

from random import Random
from typing import Literal

from msgspec import Struct

from .assets import ASSETS
from .chance import chance

IncidentKind = Literal[
    "flash_crash", "volume_spike", "wash_trading", "social_pump", "developer_exodus"
]

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
FALL_MS = 60_000
"""Of a flash crash: it falls this long, and recovers in the rest of its time."""
EXODUS_BEFORE_MS = 40 * _MINUTE_MS
"""The first exodus begins this long before the start, in the history: a short run sees an hour of it end."""
FIRST_SET_MS = 45 * _MINUTE_MS
"""The first set begins within this span from the start, but for the exodus; later incidents behind it."""
LATER_PER_HOUR = 2
LATER_EXODUS_MS = 8 * _HOUR_MS
_LATER_EXODUS_CHANCE = 0.06
_LATER_FROM_MIN, _LATER_UNTIL_MIN = 2, 45
"""Minutes of its hour in which a later incident begins: each ends within the hour, but the exodus."""

LASTS_MS: dict[IncidentKind, int] = {
    "flash_crash": FALL_MS + 3 * _MINUTE_MS,
    "volume_spike": 2 * _MINUTE_MS,
    "wash_trading": 3 * _MINUTE_MS,
    "social_pump": 10 * _MINUTE_MS,
}
_SHORT: tuple[IncidentKind, ...] = tuple(LASTS_MS)

_WORDS: dict[IncidentKind, str] = {
    "flash_crash": "{} falls about 8 % within a minute and recovers half of it in three",
    "volume_spike": "{} trades in twelve times its usual sizes while its price stays",
    "wash_trading": "{} is traded to and fro in equal sizes at one price",
    "social_pump": "{} is praised in fifteen times as many posts, half of them by bots",
    "developer_exodus": "{} falls from about 40 acts an hour in its repositories to 2",
}


class Incident(Struct, frozen=True, kw_only=True):
    """One thing that happens to one asset, in [from_ms, to_ms) of event time."""

    kind: IncidentKind
    asset: str
    from_ms: int
    to_ms: int
    words: str
    """For people."""


def incidents(seed: int, start_ms: int, hours: float) -> list[Incident]:
    """Return every incident of a run, by (from, kind, asset).

    The first set is the same for every seed. From minute 45 on there are two an hour, by seed, never two on
    one asset in one hour. What would begin after the end is left out; what would outlast it ends with it.
    """
    end_ms = start_ms + int(hours * _HOUR_MS)
    planned = _first_set(start_ms, end_ms)
    dice = chance(seed, "incidents")
    for hour_ms in range(start_ms + FIRST_SET_MS, end_ms, _HOUR_MS):
        planned += _of_hour(dice, hour_ms, planned)
    kept = [
        Incident(
            kind=incident.kind,
            asset=incident.asset,
            from_ms=incident.from_ms,
            to_ms=min(incident.to_ms, end_ms),
            words=incident.words,
        )
        for incident in planned
        if incident.from_ms < end_ms
    ]
    return sorted(kept, key=lambda incident: (incident.from_ms, incident.kind, incident.asset))


def _first_set(start_ms: int, end_ms: int) -> list[Incident]:
    plan: tuple[tuple[IncidentKind, str, int], ...] = (
        ("flash_crash", "SOL", 12),
        ("social_pump", "ADA", 15),
        ("volume_spike", "LINK", 18),
        ("wash_trading", "DOGE", 22),
    )
    left_ms = start_ms - EXODUS_BEFORE_MS
    exodus = _incident("developer_exodus", "UNI", left_ms, end_ms - left_ms)
    return [
        exodus,
        *(
            _incident(kind, asset, start_ms + minute * _MINUTE_MS, LASTS_MS[kind])
            for kind, asset, minute in plan
        ),
    ]


def _of_hour(dice: Random, hour_ms: int, planned: list[Incident]) -> list[Incident]:
    left = {i.asset for i in planned if i.kind == "developer_exodus" and i.to_ms > hour_ms}
    names = dice.sample([asset.name for asset in ASSETS], LATER_PER_HOUR)
    found = []
    for name in names:
        kind = dice.choice(_SHORT)
        minute = dice.randint(_LATER_FROM_MIN, _LATER_UNTIL_MIN)
        exodus = dice.random() < _LATER_EXODUS_CHANCE
        from_ms = hour_ms + minute * _MINUTE_MS
        if exodus and name not in left:
            found.append(_incident("developer_exodus", name, from_ms, LATER_EXODUS_MS))
        else:
            found.append(_incident(kind, name, from_ms, LASTS_MS[kind]))
    return found


def _incident(kind: IncidentKind, asset: str, from_ms: int, lasts_ms: int) -> Incident:
    return Incident(
        kind=kind,
        asset=asset,
        from_ms=from_ms,
        to_ms=from_ms + lasts_ms,
        words=_WORDS[kind].format(asset),
    )
