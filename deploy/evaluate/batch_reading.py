"""The topics of a span, read for a batch: candidates out of aggregates and decisions, and the journal whole."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from msgspec import Struct

from agents.decide.sound import unsound
from agents.evaluation.drift import Drift
from agents.evaluation.questions import Decided
from agents.journal import entries_since
from agents.replay.recorded import Recorded
from agents.replay.recorded import Span as Offsets
from agents.settings import AgentSettings
from deploy.replay.request import Request
from deploy.replay.tape import Reach, Tape
from topics import BY_NAME, Aggregate, ContractError, Intent, Result
from topics.settings import BrokerSettings

from .candidates import CandidateFold
from .reading import EvaluateError, Range, Told


class Found(Struct, frozen=True):
    """What was decided in a span."""

    decided: list[Decided]
    missed: Counter[str]
    """Deep dives that cannot be asked about again, by what is lacking."""
    taken_back: dict[str, str]
    """Of analyses that stand no more, why."""


async def read_candidates(
    broker: BrokerSettings,
    tape: Tape,
    settings: AgentSettings,
    span: Range,
    *,
    decided_max: int,
    told: Told,
) -> Found:
    """Return the deep dives on the aggregates of a span, as they stood when they were decided on.

    Raises:
        RecordedError: The span is too long.
        EvaluateError: A record of the trail cannot be read, or there are more than are asked about in one batch.
    """
    request = Request(into="", from_ms=span.from_ms, to_ms=span.to_ms, speed=None, kinds=())
    found = Found([], Counter(), {})
    for partition in range(broker.partitions):
        reach = await tape.reach(partition, settings.warm_up_s, request)
        if reach.end <= reach.begin:
            continue
        fold = CandidateFold(
            settings, await _recorded(tape, settings, reach, span), read_from=reach.read_from
        )
        async for decided in _folded(tape, reach, fold, told):
            found.decided.append(decided)
            if len(found.decided) > decided_max:
                msg = (
                    f"more than {decided_max} deep dives in the span: give a shorter one, or raise --items-max;"
                    " nothing was sent"
                )
                raise EvaluateError(msg)
        found.missed.update(fold.missed)
        found.taken_back.update(fold.taken_back)
    return found


async def read_journal(
    broker: BrokerSettings, take: Callable[[Intent | Result], None], since_ms: int = 0
) -> None:
    """Hand over the journal's entries.

    Raises:
        JournalError: One cannot be read: nobody knows then what was asked already.
    """
    async for entry in entries_since(broker, since_ms):
        take(entry)


def noting(drift: Drift, take: Callable[[Intent | Result], None]) -> Callable[[Any], None]:
    """Return what takes an entry, and notes that its prompt was tried."""

    def taking(entry: Intent | Result) -> None:
        drift.note(entry)
        take(entry)

    return taking


async def _folded(
    tape: Tape, reach: Reach, fold: CandidateFold, told: Told
) -> AsyncIterator[Decided]:
    decode, read = BY_NAME["aggregates"].decoder().decode, 0
    async for batch in tape.between("aggregates", reach.partition, reach.read_from, reach.end):
        read += len(batch)
        told("aggregates", read)
        for record in batch:
            for decided in fold.take(record.offset, _usable(decode, record.value)):
                yield decided
    for decided in fold.finish():
        yield decided


async def _recorded(tape: Tape, settings: AgentSettings, reach: Reach, span: Range) -> Recorded:
    """Read what was decided on a partition's span, and the analyses that are told against."""
    recorded = Recorded(Offsets(partition=reach.partition, begin=reach.begin, end=reach.end))
    warm_ms = int(settings.warm_up_s * 1000)
    from_ms = span.from_ms and max(0, span.from_ms - warm_ms)
    takes: dict[str, Callable[[Any, bytes], None]] = {
        "decisions": lambda told, _: recorded.take_told(told),
        "analyses": recorded.take_analysis,
    }
    for name, take in takes.items():
        decode = BY_NAME[name].decoder().decode
        async for batch in tape.since(name, reach.partition, from_ms):
            for record in batch:
                try:
                    event = decode(record.value or b"")
                except ContractError as refused:
                    place = f"{name}/{record.partition} offset {record.offset}"
                    msg = f"{place} cannot be read: {refused}"
                    raise EvaluateError(msg) from None
                take(event, record.value)
    return recorded


def _usable(decode: Callable[[bytes], Aggregate], value: bytes | None) -> Aggregate | None:
    """Return an aggregate; None of a record that the agent could not use either."""
    try:
        aggregate = decode(value or b"")
    except ContractError:
        return None
    return None if unsound(aggregate) else aggregate
