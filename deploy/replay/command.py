"""`tapereader replay`: what was done, as it is told, and its report."""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from deploy.children import ChildError
from deploy.escaping import escaped
from deploy.role import ending
from deploy.settings import Settings
from topics import raw_topic
from topics.settings import BrokerSettings

from .agreement import Agreement
from .copying import Copied, copy
from .folding import fold
from .request import ReplayError, Request
from .strict import replay_strictly

SHOWN_MAX = 20
"""Misses that are printed; the file of `--json` has more."""
LINE_S = 5.0
"""Without a terminal: one line this often."""


async def run_replay(
    settings: Settings, request: Request, *, folds: bool, file: Path | None
) -> None:
    """Copy, fold if asked to, and say what was done; the report is written once the copy is whole.

    Raises:
        PipelineError: It was refused or broken off; the message says what to do.
    """
    logging.getLogger("aiokafka").setLevel(
        logging.ERROR
    )  # what it tries again by itself is no news
    target, stop = target_of(settings.broker, request.into), asyncio.Event()
    epoch, began_s = settings.streams.epoch, time.monotonic()
    async with ending(stop, None):
        with progress_of("copied") as progress:
            copied = await copy(
                settings.broker,
                target,
                request,
                epoch=epoch,
                stop=stop,
                begun=progress.begin,
                told=progress.tell,
            )
        took_s = time.monotonic() - began_s
        for line in counts_of(copied, settings.broker):
            typer.echo(line)
        how = f"TAPEREADER_BROKER__PREFIX={request.into} tapereader streams"
        said = _report(request, copied, took_s)
        try:
            if folds:
                said["folded_s"] = round(await _fold(copied, epoch, stop), 3)
        except (ChildError, ReplayError) as error:
            msg = f"the copy is whole, but was not folded to its end: {error}\nGo on with: {how}"
            raise ReplayError(msg) from None
        finally:
            if file is not None:
                _write(file, said)
    typer.echo(
        f"folded into {target.topic('aggregates')} in {said['folded_s']} s"
        if folds
        else f"fold it with: {how}"
    )


async def run_strict(settings: Settings, request: Request, *, file: Path | None) -> Agreement:
    """Say the analyses of a range again, and say what agrees; the report is written once all has been read.

    Raises:
        PipelineError: It was refused or broken off; the message says what to do.
    """
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    target, stop = target_of(settings.broker, request.into), asyncio.Event()
    async with ending(stop, None):
        with progress_of("replayed") as progress:
            agreement = await replay_strictly(
                settings.broker,
                target,
                settings.agent,
                request,
                stop=stop,
                begun=progress.begin,
                told=progress.tell,
            )
    for line in agreement.lines(SHOWN_MAX):
        typer.echo(escaped(line))  # a miss names what stands in a topic
    if file is not None:
        _write(file, {"into": request.into, **agreement.as_json()})
    return agreement


def target_of(broker: BrokerSettings, into: str) -> BrokerSettings:
    """Return the settings of the copy's broker: the same, under another prefix.

    Raises:
        ReplayError: The prefix is none.
    """
    try:
        return BrokerSettings.model_validate(dict(broker) | {"prefix": into})
    except ValidationError as error:
        msg = f"--into {into!r}: {error.errors()[0]['msg']}"
        raise ReplayError(msg) from None


def counts_of(copied: Copied, broker: BrokerSettings) -> Iterator[str]:
    """Yield a line for each topic: what every partition was given, which is what the broker says it holds."""
    topics = defaultdict(list)
    for span in copied.spans:
        topics[raw_topic(span.kind)].append(f"{span.partition}: {span.records}")
    for name, counts in topics.items():
        yield f"{broker.topic(name)} -> {copied.target.topic(name)}  {', '.join(counts)}"
    yield f"{copied.records} records copied; each partition holds what it was given"


async def _fold(copied: Copied, epoch: int, stop: asyncio.Event) -> float:
    with progress_of("folded") as progress:
        progress.begin(copied.records)
        return await fold(
            copied.spans,
            copied.target,
            epoch=epoch,
            stop=stop,
            told=lambda records: progress.tell(records, None),
        )


def _write(file: Path, said: dict[str, Any]) -> None:
    file.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _report(request: Request, copied: Copied, took_s: float) -> dict[str, Any]:
    return {
        "into": request.into,
        "from_ms": request.from_ms,
        "to_ms": request.to_ms,
        "speed": request.speed or "max",
        "records": copied.records,
        "copied_s": round(took_s, 3),
        "partitions": [
            {
                "topic": raw_topic(span.kind),
                "partition": span.partition,
                "begin": span.begin,
                "end": span.end,
                "records": span.records,
            }
            for span in copied.spans
        ],
    }


class Told:
    """How far it is: a bar where a person looks, else a line now and then."""

    def __init__(self, word: str, bar: Progress, console: Console) -> None:
        self._word, self._bar, self._console = word, bar, console
        self._task = bar.add_task(word, total=None, at="")
        self._total, self._line_s = 0, time.monotonic()

    def begin(self, total: int) -> None:
        """Say how much it will be."""
        self._total = total
        self._bar.update(self._task, total=total)

    def tell(self, done: int, at_ms: int | None) -> None:
        """Say how much it is by now, and up to which time of the log."""
        at = f"to {datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z" if at_ms else ""
        self._bar.update(self._task, completed=done, at=at)
        now_s = time.monotonic()
        if not self._console.is_terminal and now_s - self._line_s >= LINE_S:
            self._line_s = now_s
            words = f"{self._word} {done} of {self._total} records {at}".rstrip()
            self._console.print(words, markup=False, highlight=False)


@contextmanager
def progress_of(word: str) -> Iterator["Told"]:
    """Give what to tell how far something is, while it goes on."""
    console = Console(stderr=True)
    with Progress(
        TextColumn(word),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} records {task.fields[at]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        yield Told(word, bar, console)
