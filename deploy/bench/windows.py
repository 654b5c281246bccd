"""`bench windows`: the worker over a backlog, beside the ceiling and stock Faust, in turn."""

import json
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from deploy.settings import Settings
from topics.settings import BrokerSettings

from .bed import Bar, Bed, Measured, bed
from .check import judge
from .figures import Ours, Span, Stock, span_of, spread
from .notes import Note
from .scratch import RAW, Written, fresh, load, minutes_published, scratch_topics
from .tape import Tape, Work, backlog


class Plan(Struct, frozen=True, kw_only=True):
    """What to run."""

    work: Work
    runs: int = 5
    stock_events: int = 20_000
    """The work of stock Faust, which would take minutes over ours; 0: leave it out."""
    controls: bool = True
    keep: bool = False
    """Whether to leave the topics on the broker."""


class Round(Struct, frozen=True, kw_only=True):
    """One run of each."""

    ours: Ours
    ceiling: Span | None
    stock: Stock | None


async def run_windows(settings: Settings, plan: Plan) -> dict[str, Any]:
    """Measure, and return the report.

    Raises:
        BenchError: The measurement could not be made.
        TopicsError: The broker cannot be reached.
    """
    rounds = []
    with bed(settings) as place:
        for number in range(1, plan.runs + 1):
            rounds.append(await _round(place, plan, number))
            place.say(f"run {number} of {plan.runs}: {_line(rounds[-1])}")
    return report(plan, rounds)


async def _round(place: Bed, plan: Plan, number: int) -> Round:
    """Run ours and the ceiling over one preloaded log, then stock Faust over its own."""
    broker = fresh(place.settings.broker, f"r{number}", partitions=plan.work.partitions)
    with scratch_topics(broker, keep=plan.keep):
        tape, counts = await loaded(place, broker, Tape(plan.work))
        ours, _ = await run_ours(place, broker, tape, counts, name=f"streams-{number}")
        ceiling = await _ceiling(place, broker, plan.work, number) if plan.controls else None
    stock = await _stock(place, plan, number) if plan.controls and plan.stock_events else None
    return Round(ours=ours, ceiling=ceiling, stock=stock)


async def loaded(place: Bed, broker: BrokerSettings, tape: Tape) -> tuple[Tape, list[int]]:
    """Write a tape's whole work; return it, and how many records each partition has."""
    bar = Bar(place.progress, "loading", tape.work.events)
    counts = await load(broker, backlog(tape), told=bar.done)
    bar.end()
    return tape, counts


async def run_ours(
    place: Bed, broker: BrokerSettings, tape: Tape, counts: list[int], *, name: str
) -> tuple[Ours, list[Note]]:
    """Run the streams role over a loaded log until it has committed all of it, and check what it published."""
    bar = Bar(place.progress, "streams", sum(counts))
    worker = place.start(name, broker, ["worker"])
    notes, state = await worker.committed(broker, counts, bar)
    await worker.child.stop()
    bar.end()
    return await judged(broker, tape, notes, state, events=tape.work.events), notes


async def judged(
    broker: BrokerSettings, tape: Tape, notes: list[Note], state: Written, *, events: int
) -> Ours:
    """Return the figures of a run of the worker, with its result checked against the tape."""
    verdict = judge(tape.expected, await minutes_published(broker), watermark_ms=state.watermark_ms)
    applied = sum(meta.counters.applied for meta in state.metas.values())
    errors = list(verdict.errors)
    if applied != events:
        errors.append(f"applied {applied} of {events} events")
    if verdict.counted + verdict.still_open != events:
        errors.append(f"{verdict.counted} events in windows, {verdict.still_open} in open ones")
    commits = [note for note in notes if note.what == "committed"]
    span = span_of(notes, events)
    return Ours(
        span=span,
        checkpoints_per_s=len(commits) / span.seconds,
        checkpoint_ms_p50=median(note.took_s for note in commits) * 1_000,
        outputs=sum(note.outputs for note in commits),
        changelog_records_per_event=state.records / events,
        changelog_bytes_per_event=state.bytes_total / events,
        applied=applied,
        windows=verdict.windows,
        counted=verdict.counted,
        still_open=verdict.still_open,
        rebalances=sum(note.what == "assigned" for note in notes) - 1,
        errors=errors,
    )


async def _ceiling(place: Bed, broker: BrokerSettings, work: Work, number: int) -> Span:
    arguments = ["ceiling", "--topic", broker.topic(RAW)]
    notes = await place.start(f"ceiling-{number}", broker, arguments).ended()
    return span_of(notes, work.events)


async def _stock(place: Bed, plan: Plan, number: int) -> Stock:
    """The first of the same assets, prices and shares, as many as it is given."""
    work = msgspec.structs.replace(plan.work, events=plan.stock_events)
    broker = fresh(place.settings.broker, f"s{number}", partitions=work.partitions)
    with scratch_topics(broker, keep=plan.keep):
        tape, _ = await loaded(place, broker, Tape(work))
        arguments = ["stock", "--topic", broker.topic(RAW), "--events", str(work.events)]
        measured = place.start(f"stock-{number}", broker, arguments)
        notes = await measured.ended()
        return _stock_judged(measured, tape, notes)


def _stock_judged(measured: Measured, tape: Tape, notes: list[Note]) -> Stock:
    """A window is right when it was closed once, with every event of its minute."""
    closed: dict[tuple[str, int], list[int]] = {}
    for subject, start_ms, trades in json.loads(measured.closed_file.read_bytes()):
        closed.setdefault((subject, start_ms), []).append(trades)
    right = sum(closed.get(minute) == [e.trades] for minute, e in tape.expected.items())
    return Stock(
        span=span_of(notes, tape.work.events),
        windows=len(tape.expected),
        closed_right=right,
        closed_wrong=len(closed) - right,
    )


def report(plan: Plan, rounds: list[Round]) -> dict[str, Any]:
    """Return everything as JSON's types: the work, the spreads, the ratios of each run, the runs."""
    spans = {
        "ours": [r.ours.span for r in rounds],
        "ceiling": [r.ceiling for r in rounds if r.ceiling],
        "stock": [r.stock.span for r in rounds if r.stock],
    }
    found = {
        "plan": plan,
        "right": not any(r.ours.errors for r in rounds),
        "events_per_s": {
            name: spread([s.events_per_s for s in of]) for name, of in spans.items() if of
        },
        "cpu_us_per_event": {
            name: spread([s.cpu_us_per_event for s in of]) for name, of in spans.items() if of
        },
        "ratios": {
            f"ours to {name}": spread(
                [
                    own.events_per_s / other.events_per_s
                    for own, other in zip(spans["ours"], spans[name], strict=True)
                ]
            )
            for name in ("ceiling", "stock")
            if spans[name]
        },
        "runs": rounds,
    }
    built: dict[str, Any] = msgspec.to_builtins(found)
    return built


def summary(found: dict[str, Any]) -> list[str]:
    """Return the report in lines for people."""
    lines = [
        f"{name}: {one['median']:,.0f} events/s ({one['min']:,.0f} to {one['max']:,.0f}),"
        f" CPU {found['cpu_us_per_event'][name]['median']:.2f} us/event"
        for name, one in found["events_per_s"].items()
    ]
    lines += [
        f"{name}: {one['median']:.2f} ({one['min']:.2f} to {one['max']:.2f})"
        for name, one in found["ratios"].items()
    ]
    errors = [error for one in found["runs"] for error in one["ours"]["errors"]]
    return [*lines, *(errors or ["result: right in every run"])]


def _line(one: Round) -> str:
    ours = one.ours
    result = "WRONG" if ours.errors else "right"
    words = [
        f"ours {ours.span.events_per_s:,.0f} events/s, {ours.span.rss_mb_max:.0f} MB, {result}"
    ]
    if one.ceiling:
        words.append(f"ceiling {one.ceiling.events_per_s:,.0f}")
    if one.stock:
        words.append(
            f"stock Faust {one.stock.span.events_per_s:,.0f}"
            f" ({one.stock.closed_right} of {one.stock.windows} windows right)"
        )
    return "; ".join(words)
