"""The topics of a run, decoded: of each id what stands at the lowest offset, as every reader counts. PURE."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from topics import BY_NAME, Aggregate, Analysis, ContractError, Decision, Tally
from topics.journal import Intent, Result

from .evidence import Evidence, Place, Row
from .verdict import Verdict

E = TypeVar("E")


class Log(Struct):
    """The topics, decoded; of each id what stands at the lowest offset."""

    aggregates: dict[Place, Aggregate | None]
    """None where the record is none."""
    times_ms: dict[Place, int]
    decisions: dict[str, Decision]
    tallies: dict[str, Tally]
    analyses: dict[str, Analysis]
    intents: dict[str, tuple[Intent, int]]
    """With its log time."""
    results: dict[str, Result]
    firing_ms: dict[str, int]
    """Log time of each alert's first firing."""

    def final(self, decision: Decision) -> Decision | None:
        """Return what became of a candidate in the end: of itself, or of who took it over."""
        seen: set[str] = set()
        found: Decision | None = decision
        while found is not None and found.outcome == "coalesced":
            if found.decision_id in seen:
                return None
            seen.add(found.decision_id)
            found = self.decisions.get(found.survivor_id or "")
        return found


def read(evidence: Evidence, verdict: Verdict) -> Log:
    """Decode the topics. What cannot be decoded of an agent's own is a defect; of the aggregates it is expected."""
    told = _decoded(verdict, "decisions", evidence.decisions)
    journal = _decoded(verdict, "journal", evidence.journal)
    analyses = _decoded(verdict, "analyses", evidence.analyses)
    decisions = _first((d.decision_id, d) for _, d in told if isinstance(d, Decision))
    intents = _first((i.attempt_id, (i, r.time_ms)) for r, i in journal if isinstance(i, Intent))
    tallies = _first((t.tally_id, t) for _, t in told if isinstance(t, Tally))
    said = _first((a.analysis_id, a) for _, a in analyses)
    records, ids = len(told) + len(analyses), len(decisions) + len(tallies) + len(said)
    verdict.figures["told_again"] = records - ids
    return Log(
        aggregates={Place(r.partition, r.offset): _aggregate(r) for r in evidence.aggregates},
        times_ms={Place(r.partition, r.offset): r.time_ms for r in evidence.aggregates},
        decisions=decisions,
        tallies=tallies,
        analyses=said,
        intents=intents,
        results=_first((r.attempt_id, r) for _, r in journal if isinstance(r, Result)),
        firing_ms=_first(
            (alert.alert_id, row.time_ms)
            for row, alert in _decoded(verdict, "alerts", evidence.alerts)
            if alert.state == "firing"
        ),
    )


def _decoded(verdict: Verdict, topic: str, rows: Sequence[Row]) -> list[tuple[Row, Any]]:
    """Return the records of a topic, lowest offsets first."""
    decode, found = BY_NAME[topic].decoder().decode, []
    for row in sorted(rows, key=lambda r: (r.partition, r.offset)):
        try:
            found.append((row, decode(row.value)))
        except ContractError as error:
            verdict.find("unreadable", f"{topic}/{row.partition}/{row.offset}: {error}")
    return found


def _aggregate(row: Row) -> Aggregate | None:
    try:
        found: Aggregate = BY_NAME["aggregates"].decoder().decode(row.value)
    except ContractError:
        return None
    return found


def _first(found: Iterable[tuple[str, E]]) -> dict[str, E]:
    kept: dict[str, E] = {}
    for name, told in found:
        kept.setdefault(name, told)
    return kept
