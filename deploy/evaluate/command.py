"""`tapereader evaluate`: read, score, and show it; and what state narratives add."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn

from agents.evaluation.narratives import Narratives
from deploy.escaping import escaped
from deploy.role import ending
from deploy.settings import Settings
from topics.analysis import Product
from topics.settings import BrokerSettings

from .batch_report import BatchReport, batch_json, batch_tables, summary_of
from .evaluation import Evaluation, as_json
from .reading import EvaluateError, Range, Read, read_range
from .tables import narrative_tables_of, tables_of

if TYPE_CHECKING:
    from .batch import Options

WIDTH = 150
"""Columns where no terminal says how wide it is."""


async def run_evaluate(
    broker: BrokerSettings,
    span: Range,
    *,
    cutoffs: Mapping[str, int],
    seed: int,
    json_file: Path | None = None,
    report_file: Path | None = None,
) -> Evaluation:
    """Score the outlooks of a range, show it, and write what is asked for.

    Raises:
        PipelineError: It was refused or broken off; the message says what to do.
    """
    if report_file is not None and find_spec("matplotlib") is None:
        msg = "--report needs matplotlib for its plots: install tapereader[report]"
        raise EvaluateError(msg)
    read = await _read(broker, span)
    evaluation = evaluated(read, span, cutoffs, seed)
    console = _console()
    for table in tables_of(evaluation):
        console.print(table)
    console.print(_summary(evaluation), markup=False, highlight=False)
    if json_file is not None:
        _write(json_file, json.dumps(as_json(evaluation), indent=2) + "\n")
    if report_file is not None:
        _write(report_file, report_of(evaluation))
    return evaluation


async def run_narratives(
    broker: BrokerSettings,
    span: Range,
    *,
    product: Product = "state",
    json_file: Path | None = None,
) -> Narratives:
    """Show how many texts the analyses of a product have, beside what rules say of the same candidates.

    Raises:
        PipelineError: It was broken off; the message says what to do.
    """
    narratives = (await _read(broker, span, product)).evidence.narratives
    console = _console()
    for table in narrative_tables_of(narratives):
        console.print(table)
    if json_file is not None:
        _write(json_file, json.dumps(narratives.as_json(), indent=2) + "\n")
    return narratives


async def run_batch(
    settings: Settings, options: "Options", *, json_file: Path | None = None
) -> BatchReport:
    """Ask about the deep dives of a range in a batch, show what came of it, and write what is asked for.

    Raises:
        PipelineError: It was refused or broken off; the message says what to do.
    """
    from .batch import evaluate_batch  # noqa: PLC0415 - the SDK takes seconds to import

    _quiet()
    stop, said = asyncio.Event(), ""

    def tell(words: str) -> None:
        nonlocal said
        if words != said:
            typer.echo(escaped(words), err=True)
        said = words

    async with ending(stop, None):
        with _progress() as read:
            report = await evaluate_batch(settings, options, stop=stop, read=read, told=tell)
    console = _console()
    for table in batch_tables(report):
        console.print(table)
    console.print(summary_of(report), markup=False, highlight=False)
    if json_file is not None:
        _write(json_file, json.dumps(batch_json(report), indent=2) + "\n")
    return report


def evaluated(read: Read, span: Range, cutoffs: Mapping[str, int], seed: int) -> Evaluation:
    """Return what was read as an evaluation."""
    evidence = read.evidence
    return Evaluation(
        from_ms=span.from_ms,
        to_ms=span.to_ms,
        seed=seed,
        analyses=evidence.analyses,
        decisions={product: dict(counts) for product, counts in evidence.drift.decisions.items()},
        unreadable=dict(read.unreadable),
        scores=evidence.scores(read.marks.find, cutoffs, seed=seed),
        prompts=evidence.drift.prompts,
        cutoffs=dict(cutoffs),
    )


def report_of(evaluation: Evaluation) -> str:
    """Return the page of an evaluation, with its plots."""
    # matplotlib takes a second to load, and is an extra.
    from .page import page_of  # noqa: PLC0415
    from .plots import differences_plot, drift_plot, reliability_plot  # noqa: PLC0415

    return page_of(
        evaluation,
        {
            "differences": differences_plot(evaluation.scores),
            "reliability": reliability_plot(evaluation.scores),
            "drift": drift_plot(evaluation.prompts),
        },
    )


async def _read(broker: BrokerSettings, span: Range, narratives_of: Product | None = None) -> Read:
    _quiet()
    stop = asyncio.Event()
    async with ending(stop, None):
        with _progress() as told:
            return await read_range(broker, span, stop=stop, told=told, narratives_of=narratives_of)


def _quiet() -> None:
    """Keep out of the terminal what the Kafka client tries again by itself."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)


def _summary(evaluation: Evaluation) -> str:
    unreadable = sum(evaluation.unreadable.values())
    more = f", {unreadable} records cannot be read" if unreadable else ""
    simulated = any(score.voice.simulated for score in evaluation.scores)
    fake = "; scores of the simulated model say nothing of any model" if simulated else ""
    return f"{evaluation.scored} windows scored, of {evaluation.analyses} analyses{more}{fake}"


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    typer.echo(f"written: {file}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Give what to tell how many records of a topic were read, where a person looks."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("reading {task.description}: {task.completed} records"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, read: bar.update(task, description=name, completed=read)
