"""One step of one alert that somebody may have to be told, and the keys by which a receiver knows it again. PURE."""

from hashlib import sha256
from typing import Literal, NamedTuple

from msgspec import Struct

from topics import Alert, Analysis
from topics.units import Severity

Step = Literal["firing", "cleared", "retracted", "analysis", "still_firing"]
Phase = Literal["fires", "ended", "explained"]
"""What is told together: beginnings with beginnings, ends with ends."""
PHASES: dict[Step, Phase] = {
    "firing": "fires",
    "still_firing": "fires",
    "cleared": "ended",
    "retracted": "ended",
    "analysis": "explained",
}
RANKS: dict[Severity, int] = {"info": 0, "notice": 1, "warning": 2, "critical": 3}
THREAD_CHARS = 12
"""Of a digest: 48 bits tell the alerts of years apart."""


class Place(NamedTuple):
    """Where a record stands: the catalog's name of its topic."""

    topic: str
    partition: int
    offset: int


class Notice(Struct, frozen=True, kw_only=True):
    """A step of an alert: it fired, ended, was explained, or fires still when its mute is over."""

    alert: Alert
    step: Step
    detail: str
    """Tells steps of one alert with one word apart: the transition's number, an analysis, a mute's end."""
    logged_ms: int
    """When the record was logged, or time made it due."""
    analysis: Analysis | None = None
    place: Place | None = None
    """None: no record says it, but that time went by."""
    value: bytes = b""
    """The record's bytes, for a dead letter."""

    @property
    def rank(self) -> int:
        """How severe it is, 0 to 3."""
        return RANKS[self.alert.severity]

    @property
    def phase(self) -> Phase:
        """With what it is told together."""
        return PHASES[self.step]


class Entry(NamedTuple):
    """A notice on its way to one receiver, under its key there."""

    notice: Notice
    key: str
    withheld: bool = False
    """Whether it waited for an analysis."""


def of_alert(
    alert: Alert, *, logged_ms: int, place: Place | None = None, value: bytes = b""
) -> Notice:
    """Return the step that a record of the alerts' topic tells."""
    epoch = f"e{alert.epoch}" if alert.epoch else ""
    return Notice(
        alert=alert,
        step=alert.state,
        detail=f"{alert.transition}{epoch}",
        logged_ms=logged_ms,
        place=place,
        value=value,
    )


def of_analysis(
    alert: Alert, analysis: Analysis, *, logged_ms: int, place: Place | None, value: bytes
) -> Notice:
    """Return the step that an analysis of an alert is."""
    return Notice(
        alert=alert,
        step="analysis",
        detail=_digest(f"{analysis.analysis_id}\0{analysis.status}")[:8],
        logged_ms=logged_ms,
        analysis=analysis,
        place=place,
        value=value,
    )


def of_mute_end(alert: Alert, ended_ms: int) -> Notice:
    """Return the step that the end of a mute is, while the alert fires."""
    return Notice(alert=alert, step="still_firing", detail=str(ended_ms), logged_ms=ended_ms)


def thread_of(alert_id: str, receiver: str) -> str:
    """Return the part of its keys that all messages of one alert to one receiver share."""
    return _digest(f"{alert_id}\0{receiver}")[:THREAD_CHARS]


def key_of(notice: Notice, receiver: str) -> str:
    """Return the dedupe key: the same step of the same alert has it in every message to this receiver."""
    return f"{thread_of(notice.alert.alert_id, receiver)}.{notice.step}.{notice.detail}"


def entry_of(notice: Notice, receiver: str) -> Entry:
    """Return a notice on its way to a receiver."""
    return Entry(notice, key_of(notice, receiver))


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
