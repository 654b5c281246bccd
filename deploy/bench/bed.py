"""Where a measurement runs: the measured processes, what they noted, and what is told meanwhile."""

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.children import Child, Children
from deploy.settings import Settings, environment_of
from topics.settings import BrokerSettings

from .notes import Note, read_notes
from .scratch import BenchError, Written, written

LOOK_S = 0.25
QUIET_S = 1.5
"""Without a commit for so long, after the last record was handed to the fold, everything may be committed."""
STALLED_S = 60.0
"""Without any note for so long, a worker is given up."""
CONTROL_S = 3_600.0
"""And a control, which notes its first record and its last: stock Faust may take minutes between them."""


class Bed:
    """Starts what is measured, and waits for it."""

    def __init__(
        self, settings: Settings, folder: Path, children: Children, progress: Progress
    ) -> None:
        """Take where logs and notes go."""
        self.settings = settings
        self.progress = progress
        self._folder, self._children = folder, children

    def say(self, words: str) -> None:
        """Tell a line on standard error."""
        self.progress.console.print(words, markup=False, highlight=False, soft_wrap=True)

    def start(self, name: str, broker: BrokerSettings, arguments: Sequence[str]) -> "Measured":
        """Start a hidden subcommand of `bench` as a process with notes."""
        file = self._folder / f"{name}.notes"
        child = self._children.start(
            name, ["bench", *arguments, "--notes", str(file)], self._environment(broker)
        )
        return Measured(child, file)

    def launch(
        self,
        name: str,
        broker: BrokerSettings,
        arguments: Sequence[str],
        *,
        piped: bool = False,
        **settings: Any,  # noqa: ANN401 - any branch
    ) -> Child:
        """Start a hidden subcommand of `bench`, with more settings than the others have."""
        environment = self._environment(broker, settings)
        return self._children.start(name, ["bench", *arguments], environment, piped=piped)

    def file(self, name: str) -> Path:
        """Return where a process may write."""
        return self._folder / name

    def _environment(
        self, broker: BrokerSettings, more: dict[str, Any] | None = None
    ) -> dict[str, str]:
        tree: dict[str, Any] = (more or {}) | {
            "instance": "bench",
            "state_dir": str(self._folder),
            "broker": broker.model_dump(mode="json", exclude={"password"}),
            "streams": self.settings.streams.model_dump(mode="json"),
            "probes": {"port": 0},
            "log": {"level": "warning"},
        }
        if broker.password is not None:
            tree["broker"]["password"] = broker.password.get_secret_value()
        return environment_of(tree, os.environ)


class Measured:
    """A process that notes what it does."""

    def __init__(self, child: Child, file: Path) -> None:
        """Take a started process and its notes."""
        self.child, self._file = child, file
        self._started_s = time.monotonic()

    @property
    def notes(self) -> list[Note]:
        """What it has noted so far."""
        return read_notes(self._file)

    @property
    def closed_file(self) -> Path:
        """Where stock Faust leaves the windows it closed."""
        return self._file.with_suffix(".closed")

    async def assigned(self) -> None:
        """Return when it has its partitions."""
        while not self._look():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(LOOK_S)

    async def committed(
        self, broker: BrokerSettings, counts: Sequence[int], bar: "Bar"
    ) -> tuple[list[Note], Written]:
        """Wait until everything is committed; return its notes, and what it wrote of its state.

        Raises:
            BenchError: It does nothing any more, and has not committed everything.
            ChildError: It has ended.
        """
        while True:
            notes = self._look()
            read = notes[-1].read if notes else 0
            bar.done(read)
            if read >= sum(counts) and time.monotonic() - notes[-1].at_s > QUIET_S:
                found = await written(broker)
                folded = [
                    m.next_offset if (m := found.metas.get(p)) else 0 for p in range(len(counts))
                ]
                if folded == list(counts):
                    return self.notes, found
            await asyncio.sleep(LOOK_S)

    async def ended(self) -> list[Note]:
        """Wait until it has ended by itself, well; return its notes."""
        while self.child.status is None:
            self._look(CONTROL_S)
            await asyncio.sleep(LOOK_S)
        if self.child.status != 0:
            self.child.check()
        return self.notes

    def _look(self, stalled_s: float = STALLED_S) -> list[Note]:
        if self.child.status != 0:
            self.child.check()
        notes = self.notes
        last_s = notes[-1].at_s if notes else self._started_s
        if time.monotonic() - last_s > stalled_s:
            msg = f"{self.child.name} has done nothing for {stalled_s:.0f} s"
            raise BenchError(msg)
        return notes


class Bar:
    """A bar on the terminal; nothing where there is none."""

    def __init__(self, progress: Progress, words: str, total: int) -> None:
        """Show it."""
        self._progress = progress
        self._task = progress.add_task(words, total=total)

    def done(self, number: int) -> None:
        """Set how much is done."""
        self._progress.update(self._task, completed=number)

    def end(self) -> None:
        """Take it away."""
        self._progress.remove_task(self._task)


@contextmanager
def bed(settings: Settings) -> Iterator[Bed]:
    """Give a place for a measurement; every process started there ends with it."""
    # Topics made a moment ago have no leader yet, and each try to write is a warning.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with (
        tempfile.TemporaryDirectory(prefix="tapereader-bench-") as folder,
        Children(Path(folder)) as children,
        Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress,
    ):
        yield Bed(settings, Path(folder), children, progress)
