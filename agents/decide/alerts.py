"""Firing alerts as candidates: each asks once, past the gate, and by an id of its own. PURE."""

import re

from topics import Alert, partition_of
from topics.units import ASSET_PATTERN, INSTRUMENT_PATTERN

ALERTS_MAX = 10_000
"""Alerts of one partition that are remembered; of more the oldest is forgotten, and could be answered twice."""
ID_PREFIX = "deep_dive/alert/"
ID_MAX = 200 - len(ID_PREFIX) - len("/9999")
"""Characters of an alert's id that fit the ids of its analysis and of those that supersede it."""
_ID = re.compile(r"[!-~]+")
"""Of an alert: one word of ASCII. A text that takes its analysis back cites it, and a sentence would be read as ours."""
_NOT_IN_WORD = re.compile(r"[^a-z0-9_]")
_WORD_MAX = 64


class AlertBook:
    """Which alerts of a partition have asked."""

    def __init__(self, alerts_max: int = ALERTS_MAX) -> None:
        """Begin with none."""
        self._alerts_max = alerts_max
        self._begun: dict[str, None] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._begun)

    def begin(self, alert_id: str) -> bool:
        """Note an alert, and return whether it was not known."""
        if alert_id in self._begun:
            return False
        self._begun[alert_id] = None
        if len(self._begun) > self._alerts_max:
            del self._begun[next(iter(self._begun))]
            self.forgotten += 1
        return True


def candidate_id_of(alert_id: str) -> str:
    """Return the id of the one analysis of an alert: not of a minute, which the gate may ask about as well."""
    return ID_PREFIX + alert_id


def alert_of(candidate_id: str) -> str | None:
    """Return the alert that made a candidate; None where aggregates did."""
    return candidate_id.removeprefix(ID_PREFIX) if candidate_id.startswith(ID_PREFIX) else None


def alert_reason(rule: str) -> str:
    """Return the reason an alert of a rule is for an analysis, as a word."""
    return f"alert_{_NOT_IN_WORD.sub('_', rule)}"[:_WORD_MAX]


def misplaced(alert: Alert, partition: int, partitions: int) -> str | None:
    """Return why an alert cannot be taken from where it stands, in words, or None."""
    if len(alert.alert_id) > ID_MAX:
        return f"its id has more than {ID_MAX} characters"
    if not _ID.fullmatch(alert.alert_id):
        return f"{alert.alert_id[:64]!a} is no id of an alert"
    if not any(re.search(form, alert.subject) for form in (ASSET_PATTERN, INSTRUMENT_PATTERN)):
        return f"the subject {alert.subject!a} is neither an asset nor an instrument"
    owner = partition_of(alert.asset, partitions)
    if owner != partition:
        return f"it stands in partition {partition}; {alert.asset} is of {owner}"
    return None
