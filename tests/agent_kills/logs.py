"""What an agent read and wrote, from the topics alone, and what one that nobody harms makes of the same windows."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from agents.decide.alerts import candidate_id_of
from agents.decide.partition import PartitionDecider
from agents.decide.sound import unsound
from agents.settings import AgentSettings
from tests.integration.agent_runs import Place
from tests.integration.roles import Pipeline
from topics import (
    BY_NAME,
    Aggregate,
    Alert,
    Analysis,
    ContractError,
    Decision,
    Intent,
    Result,
    Tally,
)
from topics.deadletter import from_record

E = TypeVar("E")

Parts = Sequence[Sequence[ConsumerRecord]]
"""A topic's records, by partition."""


class Told(Struct, frozen=True):
    """What a record says, and where and when."""

    place: Place
    logged_ms: int
    value: bytes
    said: Analysis | Decision | Tally | Alert | Intent | Result


class Logs(Struct):
    """The topics of one pipeline, as committed."""

    aggregates: Parts
    alerts: list[Told]
    analyses: list[Told]
    decisions: list[Told]
    journal: list[Told]
    letters: list[Place]
    """Where the records of the dead letters stand."""

    def of(self, contract: type[E]) -> list[tuple[Told, E]]:
        """Return what is of one contract, in the order of its log."""
        every = (*self.alerts, *self.analyses, *self.decisions, *self.journal)
        return [(told, told.said) for told in every if isinstance(told.said, contract)]


async def read_logs(line: Pipeline) -> Logs:
    """Read everything up to the present ends."""
    letters = [
        from_record(r.key, r.value, r.headers, 0)
        for part in await line.read("deadletters")
        for r in part
    ]
    return Logs(
        aggregates=await line.read("aggregates"),
        alerts=_told("alerts", await line.read("alerts")),
        analyses=_told("analyses", await line.read("analyses")),
        decisions=_told("decisions", await line.read("decisions")),
        journal=_told("journal", await line.read("journal")),
        letters=[Place(letter.partition or 0, letter.offset or 0) for letter in letters],
    )


def _told(name: str, parts: Parts) -> list[Told]:
    decode = BY_NAME[name].decoder().decode
    return [
        Told(Place(r.partition, r.offset), r.timestamp, r.value, decode(r.value))
        for part in parts
        for r in part
    ]


class Control(Struct):
    """What the gate says of every record, by one fold from the beginning to the end."""

    candidates: dict[Place, str]
    """By the window that made them."""
    tallied: set[Place]
    refused: set[Place]
    alerts: set[str]
    """Candidates that alerts made."""
    logged_ms: dict[str, int]
    """Of each candidate: when its cause was logged."""

    @property
    def places(self) -> set[Place]:
        """All that was there to be read."""
        return {*self.candidates, *self.tallied, *self.refused}


def control_of(settings: AgentSettings, logs: Logs) -> Control:
    """Return what an undisturbed gate says of what was read."""
    found = Control({}, set(), set(), set(), {})
    for told, alert in logs.of(Alert):
        candidate_id = candidate_id_of(alert.alert_id)
        found.alerts.add(candidate_id)
        found.logged_ms.setdefault(candidate_id, told.logged_ms)
    for partition, records in enumerate(logs.aggregates):
        _fold(PartitionDecider(settings, partition, read_from=0, decide_from=0), records, found)
    return found


def _fold(decider: PartitionDecider, records: Iterable[ConsumerRecord], found: Control) -> None:
    decode = BY_NAME["aggregates"].decoder().decode
    for record in records:
        place = Place(decider.partition, record.offset)
        try:
            aggregate: Aggregate = decode(record.value or b"")
        except ContractError:
            found.refused.add(place)
            continue
        assert unsound(aggregate) is None, "the market writes nothing of the kind"
        candidate = decider.take(record.offset, aggregate, 0.0)
        if candidate is None:
            found.tallied.add(place)
        else:
            found.candidates[place] = candidate.candidate_id
            found.logged_ms[candidate.candidate_id] = record.timestamp
