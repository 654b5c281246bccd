"""The streams role as it is, but that it tells its steps, and ends or freezes at one when ordered.

`python -m tests.kills.worker FILE`: the file is written by `crew.py`. The role itself knows nothing of this.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from faust.tables.recovery import Recovery
from msgspec import Struct

from deploy.logs import configure
from deploy.settings import environment_of, load
from deploy.wiring.streams import run_streams
from streams.engine.ownership import Ownership
from streams.engine.store import Store
from streams.engine.tables import NoRecovery
from streams.metrics import STREAMS

EXIT_ORDERED = 90
"""The status of a worker that ended where it was told to."""
LEAK_BYTES = 50_000
"""For each slice, of a worker that leaks."""


class Briefing(Struct):
    """All that a worker is given."""

    settings: dict[str, Any]
    told: str
    """A file for its steps: time, process id, what."""
    order: str
    """A file that holds `exit STEP` or `freeze STEP`, while there is an order."""
    defect: str = ""


class Teller:
    """Hears the engine, writes down when, and does what was ordered."""

    def __init__(self, briefing: Briefing) -> None:
        self._order = Path(briefing.order)
        self._told = os.open(briefing.told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def step(self, name: str) -> None:
        self._tell(name)
        if self._order.exists():
            what, _, where = self._order.read_text().partition(" ")
            if where == name:
                self._order.unlink()
                if what == "exit":
                    os._exit(EXIT_ORDERED)
                os.kill(os.getpid(), signal.SIGSTOP)

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        STREAMS.checkpointed(partition, took_s=took_s, entries=entries, outputs=outputs)

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        STREAMS.assigned(partitions, loaded_s=loaded_s, entries=entries)
        self._tell(f"assigned {len(partitions)} {entries}")

    def _tell(self, words: str) -> None:
        os.write(self._told, f"{time.time():.4f} {os.getpid()} {words}\n".encode())


def _plant(defect: str) -> None:
    """Break or slow the engine on purpose, for the tests of what must notice or bear it."""
    if defect == "takes no slices":
        Ownership.feed = lambda *_: None  # type: ignore[method-assign]
    elif defect == "never recovers":  # Faust then reads the changelog itself, up to a marker
        Store.persisted_offset = lambda *_: None  # type: ignore[method-assign]
        NoRecovery.need_recovery = Recovery.need_recovery  # type: ignore[method-assign]
    elif defect in ("tells late", "loads long"):  # a checkpoint moves the changelog's end meanwhile
        take = Ownership.take

        async def late(*given: Any) -> dict[int, int]:
            ends = await take(*given)
            await asyncio.sleep(1.2 if defect == "tells late" else 5)
            return ends

        Ownership.take = late  # type: ignore[assignment,method-assign]
    elif defect == "leaks":
        feed, kept = Ownership.feed, list[bytearray]()

        def leaking(*given: Any) -> Any:
            kept.append(bytearray(b"x" * LEAK_BYTES))
            return feed(*given)

        Ownership.feed = leaking  # type: ignore[assignment,method-assign]


def main() -> None:
    briefing = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Briefing)
    _plant(briefing.defect)
    settings = load(environment_of(briefing.settings, {}))
    configure(settings.log, role="streams", instance=settings.instance)
    teller = Teller(briefing)
    teller.step("started")
    asyncio.run(run_streams(settings, lifeline=None, step=teller.step, observer=teller))


if __name__ == "__main__":
    main()
