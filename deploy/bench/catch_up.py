"""`bench backlog`: a long backlog is caught up with memory that stays flat, by a worker that stays in its group."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from deploy.settings import Settings

from .bed import bed
from .figures import MB
from .notes import Note
from .scratch import fresh, scratch_topics
from .tape import Tape, Work
from .windows import loaded, run_ours

PARTS = 10
"""The run is told in so many parts, of about as many events each."""


class Part(Struct, frozen=True, kw_only=True):
    """The worker at one point of the run."""

    read: int
    seconds: float
    """Since its first fetch."""
    rss_mb: float
    records_per_s: float
    """Since the part before."""


async def run_backlog(settings: Settings, work: Work, *, keep: bool) -> dict[str, Any]:
    """Measure, and return the report.

    Raises:
        BenchError: The measurement could not be made.
        TopicsError: The broker cannot be reached.
    """
    broker = fresh(settings.broker, "backlog", partitions=work.partitions)
    with bed(settings) as place, scratch_topics(broker, keep=keep):
        tape, counts = await loaded(place, broker, Tape(work))
        place.say(f"{sum(counts):,} records are in the log")
        ours, notes = await run_ours(place, broker, tape, counts, name="streams")
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "work": work,
            "right": not ours.errors and not ours.rebalances,
            "parts": parts(notes),
            "ours": ours,
        }
    )
    return found


def parts(notes: Sequence[Note]) -> list[Part]:
    """Return the worker's state at each tenth of what it has read."""
    began_s = next(note.at_s for note in notes if note.what == "fetched")
    commits = [note for note in notes if note.what == "committed"]
    found, before_s, before_read = [], began_s, 0
    for number in range(1, PARTS + 1):
        wanted = commits[-1].read * number // PARTS
        at = next(note for note in commits if note.read >= wanted)
        passed_s = max(at.at_s - before_s, 1e-9)  # two tenths may lie within one checkpoint
        found.append(
            Part(
                read=at.read,
                seconds=at.at_s - began_s,
                rss_mb=at.rss_bytes / MB,
                records_per_s=(at.read - before_read) / passed_s,
            )
        )
        before_s, before_read = at.at_s, at.read
    return found


def backlog_summary(found: dict[str, Any]) -> list[str]:
    """Return the report in lines for people."""
    ours = found["ours"]
    return [
        *(
            f"{part['read']:>12,} records, {part['seconds']:7.1f} s, {part['rss_mb']:6.1f} MB,"
            f" {part['records_per_s']:,.0f} records/s"
            for part in found["parts"]
        ),
        f"{ours['span']['events_per_s']:,.0f} events/s, {ours['rebalances']} rebalances",
        *(ours["errors"] or ["result: right"]),
    ]
