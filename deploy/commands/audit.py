"""`tapereader audit`: every aggregate recomputed from the raw topics by a second program."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import fail, tell

if TYPE_CHECKING:
    from deploy.audit.report import Report
    from deploy.settings import Settings

SHOWN_MAX = 10
"""Differences of one sort printed; the file of `--json` has more."""


def audit(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Compare every field of every aggregate, not a sample.")
    ] = False,
    sample: Annotated[
        int, typer.Option(min=0, help="Aggregates of each stratum to compare in every field.")
    ] = 100,
    kind: Annotated[
        str | None, typer.Option(help="market, volume, social or development alone.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="One partition alone.")] = None,
    epoch: Annotated[
        int | None, typer.Option(min=0, help="Of a rebuild. Default: streams.epoch.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report as JSON.")
    ] = None,
) -> None:
    """Recompute every window from the raw topics, and compare; exit 1 if anything differs, 2 if nobody can tell."""
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    kinds, partitions = _chosen(settings, kind, partition)
    report = asyncio.run(
        _audited(
            settings,
            kinds,
            partitions,
            sample=None if every else sample,
            epoch=settings.streams.epoch if epoch is None else epoch,
        )
    )
    tell(report.lines(SHOWN_MAX))
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    if report.agrees and not report.folded:
        fail("the streams role has folded nothing there, so that there is nothing to compare")
    sys.exit(not report.agrees)


def _chosen(
    settings: "Settings", kind: str | None, partition: int | None
) -> tuple[tuple[str, ...], range]:
    from topics import KINDS  # noqa: PLC0415

    if kind is not None and kind not in KINDS:
        fail(f"--kind {kind}: one of {', '.join(KINDS)}")
    count = settings.broker.partitions
    if partition is not None and partition >= count:
        fail(f"--partition {partition}: broker.partitions is {count}, so 0 to {count - 1}")
    partitions = range(count) if partition is None else range(partition, partition + 1)
    return (KINDS if kind is None else (kind,)), partitions


async def _audited(
    settings: "Settings",
    kinds: tuple[str, ...],
    partitions: range,
    *,
    sample: int | None,
    epoch: int,
) -> "Report":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from deploy.audit.partition import Rule  # noqa: PLC0415
    from deploy.audit.run import Place, audited  # noqa: PLC0415
    from deploy.audit.topic_log import LogError  # noqa: PLC0415
    from topics.broker import check_topics  # noqa: PLC0415
    from topics.catalog import state_topic  # noqa: PLC0415

    broker = settings.broker
    check_topics(broker)
    place = Place(
        options=broker.reader_options(),
        prefix=broker.prefix,
        kinds=kinds,
        partitions=partitions,
        state_topic=state_topic(epoch).name,
    )
    rule = Rule(
        partitions=broker.partitions,
        subjects_max=settings.streams.subjects_max,
        epoch=epoch,
        sample=sample,
    )
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        try:
            return await audited(place, rule, progress)
        except LogError as error:
            fail(str(error))
