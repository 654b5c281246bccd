"""What a demo's own reader saw: enough to say afterwards whether everything was accounted for."""

from bisect import bisect_left
from collections import Counter, deque

import msgspec
from msgspec import Struct

from streams.serving.feed import LogRecord
from streams.windows.clock import Clock
from streams.windows.kinds import KIND_RULES
from streams.windows.state import Meta
from topics import (
    KINDS,
    Aggregate,
    Alert,
    Analysis,
    Heartbeat,
    Kind,
    Notification,
    Status,
    raw_topic,
)
from topics.deadletter import from_record

from .outage import Answered
from .stories import Seen, Step

MINUTE_MS = 60_000
STEPS_MAX = 50_000
"""Watermark steps remembered for each partition of a kind; older windows' latency is not measured."""
LATENCIES_MAX = 200_000
STEPS_OF_ALERTS_MAX = 10_000
"""Records of alerts, and of who was told, that are remembered: an hour of the demo has some hundreds."""
LOGGED_MAX = 20_000
"""Aggregates whose log time is remembered: an alert stands on windows of a moment ago."""

_meta = msgspec.json.Decoder(Meta).decode
_KINDS: dict[str, Kind] = {raw_topic(kind): kind for kind in KINDS}


class Reading(Struct, frozen=True):
    """One analysis, as far as incidents are concerned."""

    asset: str
    as_of_ms: int
    reasons: tuple[str, ...]
    analysis_id: str = ""
    headline: str = ""
    origin: str = ""


class _Steps(Struct):
    clock: Clock
    watermarks: deque[int] = msgspec.field(default_factory=lambda: deque(maxlen=STEPS_MAX))
    logged: deque[int] = msgspec.field(default_factory=lambda: deque(maxlen=STEPS_MAX))


class Witness:
    """Takes every record the feed reads."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.metas: dict[tuple[Kind, int], Meta] = {}
        """The streams role's own counters, by kind and partition, as its state has them."""
        self.minutes: Counter[str] = Counter()
        """One-minute market windows published, by instrument."""
        self.readings: list[Reading] = []
        self.superseded: set[str] = set()
        """Ids of analyses whose place another took, or that were withdrawn."""
        self.letters: Counter[tuple[str, str]] = Counter()
        """Dead letters by stage and reason."""
        self.breaker_states: list[str] = []
        """Of the agent's breaker, each as long as it lasted."""
        self.answers: list[Answered] = []
        self.cost_nano_usd = 0
        """Of all analyses."""
        self.latencies_ms: deque[int] = deque(maxlen=LATENCIES_MAX)
        self.alerts: deque[Step] = deque(maxlen=STEPS_OF_ALERTS_MAX)
        self.notifications: deque[Notification] = deque(maxlen=STEPS_OF_ALERTS_MAX)
        self._logged_ms: dict[str, int] = {}
        self._steps = {kind: {} for kind in KINDS}  # type: dict[Kind, dict[int, _Steps]]
        self._waiting: list[tuple[Kind, int, int, int]] = []

    def seen(self, name: str, record: LogRecord, event: object) -> None:
        """Take a record of a topic, and the event in it."""
        match name, event:
            case _, Heartbeat():
                self._beat(_KINDS[name], record, event)
            case "streams-state-changelog", _:
                self._state(record)
            case "deadletters", _:
                self._letter(record)
            case _, Aggregate():
                self._aggregate(record, event)
            case _:
                self._told(record, event)

    def _told(self, record: LogRecord, event: object) -> None:
        match event:
            case Analysis():
                self._analysis(event)
            case Status():
                self._status(event)
            case Alert():
                self.alerts.append(Step(event, record.timestamp))
            case Notification():
                self.notifications.append(event)
            case _:
                pass

    def told_of_alerts(self) -> Seen:
        """Return what there is to tell of alerts."""
        return Seen(
            steps=list(self.alerts),
            notifications=list(self.notifications),
            logged_ms=self._logged_ms,
        )

    def match(self) -> None:
        """Measure the windows whose closing heartbeat has been read by now."""
        waiting, self._waiting = self._waiting, []
        for kind, partition, end_ms, logged_ms in waiting:
            steps = self._steps[kind].get(partition)
            if steps is None or not steps.watermarks or steps.watermarks[-1] < end_ms:
                self._waiting.append((kind, partition, end_ms, logged_ms))
                continue
            at = bisect_left(steps.watermarks, end_ms)
            self.latencies_ms.append(max(0, logged_ms - steps.logged[at]))

    def _beat(self, kind: Kind, record: LogRecord, heartbeat: Heartbeat) -> None:
        steps = self._steps[kind].setdefault(
            record.partition, _Steps(Clock(source_idle_ms=KIND_RULES[kind].source_idle_ms))
        )
        before = steps.clock.watermark_ms
        after = steps.clock.beat(heartbeat)
        if after is not None and after != before:
            steps.watermarks.append(after)
            steps.logged.append(record.timestamp)

    def _analysis(self, analysis: Analysis) -> None:
        if analysis.supersedes is not None:
            self.superseded.add(analysis.supersedes)
        if analysis.status == "current":
            reasons = tuple(analysis.trigger.reasons)
            self.readings.append(
                Reading(
                    analysis.asset,
                    analysis.as_of_ms,
                    reasons,
                    analysis.analysis_id,
                    analysis.headline,
                    analysis.origin,
                )
            )
        self.cost_nano_usd += analysis.cost_nano_usd
        self.answers.append(
            Answered(analysis.produced_ms, analysis.origin == "model", analysis.origin_reason)
        )

    def _status(self, status: Status) -> None:
        states = self.breaker_states
        if status.part.startswith("breaker/") and states[-1:] != [status.state]:
            states.append(status.state)

    def _letter(self, record: LogRecord) -> None:
        try:
            letter = from_record(record.key, record.value or b"", record.headers, record.timestamp)
        except ValueError:
            self.letters["unknown", "no_letter"] += 1
        else:
            self.letters[letter.stage, letter.reason] += 1

    def _state(self, record: LogRecord) -> None:
        key = (record.key or b"").decode()
        if key.endswith("|meta") and record.value:
            partition, kind, _ = key.split("|")
            self.metas[kind, int(partition)] = _meta(record.value)  # type: ignore[index]

    def _aggregate(self, record: LogRecord, aggregate: Aggregate) -> None:
        while len(self._logged_ms) >= LOGGED_MAX:
            del self._logged_ms[next(iter(self._logged_ms))]
        self._logged_ms[aggregate.aggregate_id] = record.timestamp
        if aggregate.revision > 0:
            return
        if aggregate.kind == "market" and aggregate.window_ms == MINUTE_MS:
            self.minutes[aggregate.subject] += 1
        if len(self._waiting) < LATENCIES_MAX:
            end_ms = aggregate.window_end_ms
            self._waiting.append((aggregate.kind, record.partition, end_ms, record.timestamp))
