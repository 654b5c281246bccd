"""The table. ``python -m tests.collected [NAME ...]``: some rows alone; ``together``: the last run alone."""

import asyncio
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import stamina
import structlog

from tests.servers import find_kafka

from .rows import Opened, Row, rows_of
from .scenes import SCENES
from .stage import prepared
from .together import together

HEAD = (
    "source", "events", "sent", "refused", "passed", "twice",
    "planted", "by snapshot", "found", "filled", "permanent", "invented", "missed", "p50 ms", "p95 ms", "events/s",
)  # fmt: skip
GROUP = 3
"""Rows that are made at a time: most of their time they wait for what is to be given up."""
TOGETHER = "together"
BEHIND = (
    "Milliseconds: from received_ms, taken when a frame or answer is whole, to the time at which the broker appended"
    " its record. In it: what else the source asks in the same round (other feeds, an answer's price; a faulty one is"
    " waited for), the rounds of the runner, and the log, which is read before the first is sent. Events/s: of the"
    " scene, in which most time is waiting. Events: trades filled in by REST count too; what polling shows again does not."
)


def main() -> None:
    """Print the table, and end with 1 if a row is wrong."""
    names = sys.argv[1:] or [*SCENES, TOGETHER]
    unknown = [name for name in names if name not in SCENES and name != TOGETHER]
    if unknown:
        sys.exit(
            f"no source of these: {', '.join(unknown)}; there are {', '.join(SCENES)}, {TOGETHER}"
        )
    quiet()
    with real_kafka() as bootstrap:
        wrong = _alone(bootstrap, [name for name in names if name in SCENES])
        if TOGETHER in names:
            wrong += _together(bootstrap)
    for what in wrong:
        print(f"WRONG {what}")  # noqa: T201 - its purpose
    sys.exit(bool(wrong))


def quiet() -> None:
    """Say nothing of each retry: they are what is played."""
    stamina.instrumentation.set_on_retry_hooks([])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warnings.simplefilter("ignore", DeprecationWarning)  # of Reddit's client


@contextmanager
def real_kafka() -> Iterator[str]:
    """Give the address of a Kafka, given or our own."""
    with tempfile.TemporaryDirectory() as folder:
        kafka = find_kafka(os.environ, Path(folder))
        kafka.start()
        try:
            yield kafka.bootstrap
        finally:
            kafka.close()


def _alone(bootstrap: str, names: Sequence[str]) -> list[str]:
    wrong: list[str] = []
    rows: list[Row] = []
    if names:
        _head()
    for first in range(0, len(names), GROUP):
        opened = [SCENES[name] for name in names[first : first + GROUP]]
        rows += (more := _played(bootstrap, f"alone{first}-", opened))
        wrong += _tell(more)
    if rows:
        print(f"\n{BEHIND}")  # noqa: T201
        print("\n| source | material | faults survived |\n| --- | --- | --- |")  # noqa: T201
    for row in rows:
        print(f"| {row.scene.label} | {row.scene.material} | {row.scene.faults} |")  # noqa: T201
    return wrong


def _together(bootstrap: str) -> list[str]:
    print("\nAll in one process, one failing for good, one with a defect:\n")  # noqa: T201
    _head()
    rows = _played(bootstrap, "together-", together(SCENES.values()))
    return _tell(rows)


def _played(bootstrap: str, prefix: str, opened: Sequence[Opened]) -> list[Row]:
    return asyncio.run(rows_of(opened, prepared(bootstrap, f"collected-{os.getpid()}-{prefix}")))


def _head() -> None:
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))  # noqa: T201


def _tell(rows: Sequence[Row]) -> list[str]:
    wrong = []
    for row in rows:
        wrong += [f"{row.scene.label}: {what}" for what in row.wrong]
        if row.expected is not None and row.verdict is not None:
            e, v = row.expected, row.verdict
            cells = (
                row.scene.label, e.events, v.sent, v.refused, e.passed, e.twice,
                v.planted, e.closed, v.found, v.filled, v.permanent, v.invented, v.missed,
                v.p50_ms, v.p95_ms, f"{v.per_s:.1f}",
            )  # fmt: skip
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)  # noqa: T201
    return wrong


if __name__ == "__main__":
    main()
