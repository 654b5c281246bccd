"""What a fold publishes: aggregates, late events and dead letters, each a function of the records alone."""

from msgspec import Raw

from topics import Aggregate, ContractError, DeadLetter, Kind, Late, asset_of, raw_topic
from topics.aggregate import aggregate_id
from topics.deadletter import redriven_of
from topics.record import LogRecord

from .blocks import Block, values_of
from .clock import Clock
from .history import History, row_of, scores_of
from .intake import EventIn, id_of
from .kinds import KindRules
from .schedule import Window
from .subject import Subject

Output = Aggregate | Late | DeadLetter


def aggregate_of(
    kind: Kind,
    subject: Subject,
    window: Window,
    *,
    revision: int,
    epoch: int,
    clock: Clock,
    blocks: list[Block],
    before: list[Block],
) -> Aggregate:
    """Return one revision of a window, from its blocks as they are now, and those of the span before."""
    size, start_ms, end_ms = window.size, window.start_ms, window.end_ms
    first = subject.is_first(start_ms, end_ms, clock)
    values = values_of(kind, blocks, before)
    history = subject.histories.get(size) or History()
    reference = [] if first else history.before(start_ms) if revision else history.last()
    return Aggregate(
        aggregate_id=aggregate_id(
            kind,
            subject.name,
            window_ms=size.window_ms,
            step_ms=size.step_ms,
            start_ms=start_ms,
            revision=revision,
            epoch=epoch,
        ),
        asset=subject.asset,
        subject=subject.name,
        window_start_ms=start_ms,
        window_ms=size.window_ms,
        step_ms=size.step_ms,
        revision=revision,
        reason="replay_start" if first else "corrected" if revision else "closed",
        completeness=subject.completeness(
            start_ms, end_ms, clock, unsure=any(block.unsure for block in blocks)
        ),
        values=values,
        scores=scores_of(kind, row_of(kind, values), reference),
        history_n=len(reference),
        epoch=epoch,
    )


def late_of(
    rules: KindRules,
    partition: int,
    event: EventIn,
    logged: LogRecord,
    watermark_ms: int,
) -> Late:
    """Return the record of an event too late for every window."""
    size = min(rules.sizes)
    return Late(
        kind=rules.kind,
        asset=asset_of(event.subject),
        subject=event.subject,
        event_id=id_of(event),
        window_start_ms=event.event_ms // size.step_ms * size.step_ms,
        window_ms=size.window_ms,
        lateness_ms=watermark_ms - event.event_ms,
        partition=partition,
        offset=logged.offset,
        event=Raw(logged.value or b""),
    )


def letter_of(
    kind: Kind,
    partition: int,
    refused: ContractError,
    logged: LogRecord,
) -> DeadLetter:
    """Return the dead letter of a refused record, of the attempt that its headers tell if it was redriven."""
    redriven = redriven_of(logged.headers)
    return DeadLetter(
        reason=refused.reason,
        message=str(refused),
        stage="fold",
        role="streams",
        key=logged.key,
        value=logged.value or b"",
        time_ms=logged.timestamp,
        topic=raw_topic(kind),
        partition=partition,
        offset=logged.offset,
        attempt=1 if redriven is None else redriven.attempt,
        original=None if redriven is None else redriven.original,
    )
