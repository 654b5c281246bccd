"""What one receiver is told of only if an alert's analysis bears it out. PURE: time is an argument, in milliseconds.

The beginning of an alert waits for its analysis, with whatever else is to be told of it meanwhile. If the analysis
finds it severe enough, all of it is told; if not, all of it is left out, and so is what comes of that alert later. An
alert that nobody has analysed in time is told: a receiver never misses one because the analyst is slow or away. What
is critical waits for nobody, and neither does a data gap, which has no analysis.
"""

from collections import OrderedDict

from msgspec import Struct

from topics.units import Severity

from .notice import RANKS, Entry, Notice

WAITING_MAX = 5_000
"""Alerts that wait for one receiver; beyond it the oldest is told."""
FOUND_MAX = 20_000
"""Alerts of which is known what came of them, as many as are known by id; of older ones a step is told."""
FRESH_MS = 2_000
"""The least that is waited: after a start an analysis may stand in the log that has not been read yet."""


class Ruled(Struct, frozen=True):
    """What is to be done now with steps of alerts, in their order."""

    told: tuple[Entry, ...] = ()
    left_out: tuple[Entry, ...] = ()


class _Waiting(Struct):
    due_ms: int
    entries: list[Entry]


class Withholding:
    """The alerts of one receiver that wait for what their analyses find, and what was found of others."""

    def __init__(self, severity_min: Severity, wait_ms: int, *, left_out: frozenset[str]) -> None:
        """Begin with none that waits. ``left_out``: alerts that were left out before a start."""
        self.overflown = 0
        """Alerts told before their time, because too many waited."""
        self._rank, self._wait_ms = RANKS[severity_min], wait_ms
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._found: OrderedDict[str, bool] = OrderedDict((known, False) for known in left_out)
        """By alert, whether it was told."""

    def __len__(self) -> int:
        """Return how many alerts wait."""
        return len(self._waiting)

    def take(self, entry: Entry, now_ms: int) -> Ruled:
        """Take a step of an alert."""
        notice, alert_id = entry.notice, entry.notice.alert.alert_id
        analysis = notice.analysis
        if analysis is not None and analysis.status == "current":
            return self._find(entry, severe=RANKS[analysis.severity] >= self._rank)
        waiting = self._waiting.get(alert_id)
        if waiting is not None:
            waiting.entries.append(entry._replace(withheld=True))
            return Ruled()
        told = self._found.get(alert_id)
        if told is False:
            return Ruled(left_out=(entry,))
        if told is None and _waits(notice):
            return self._wait(entry, now_ms)
        self._note(alert_id, told=True)
        return Ruled(told=(entry,))

    def due(self, now_ms: int) -> Ruled:
        """Return what nobody has analysed in time: it is told."""
        told: list[Entry] = []
        for alert_id in [key for key, one in self._waiting.items() if one.due_ms <= now_ms]:
            told += self._let_through(alert_id)
        return Ruled(told=tuple(told))

    def withholds(self, alert_id: str) -> bool:
        """Return whether an alert waits, or was left out."""
        return alert_id in self._waiting or self._found.get(alert_id) is False

    def _wait(self, entry: Entry, now_ms: int) -> Ruled:
        due_ms = max(entry.notice.logged_ms + self._wait_ms, now_ms + FRESH_MS)
        self._waiting[entry.notice.alert.alert_id] = _Waiting(
            due_ms, [entry._replace(withheld=True)]
        )
        if len(self._waiting) <= WAITING_MAX:
            return Ruled()
        self.overflown += 1
        return Ruled(told=tuple(self._let_through(next(iter(self._waiting)))))

    def _find(self, entry: Entry, *, severe: bool) -> Ruled:
        alert_id = entry.notice.alert.alert_id
        waiting = self._waiting.pop(alert_id, None)
        entries = (*(() if waiting is None else waiting.entries), entry)
        known = self._found.get(alert_id)
        # What was told stays told, whatever a later analysis finds; of what is not known it is believed.
        told = severe or known is True or (known is None and waiting is None)
        self._note(alert_id, told=told)
        return Ruled(told=entries) if told else Ruled(left_out=entries)

    def _let_through(self, alert_id: str) -> list[Entry]:
        self._note(alert_id, told=True)
        return self._waiting.pop(alert_id).entries

    def _note(self, alert_id: str, *, told: bool) -> None:
        self._found[alert_id] = told
        self._found.move_to_end(alert_id)
        if len(self._found) > FOUND_MAX:
            self._found.popitem(last=False)


def _waits(notice: Notice) -> bool:
    alert = notice.alert
    return notice.step == "firing" and alert.kind == "market" and alert.severity != "critical"
