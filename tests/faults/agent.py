"""The agent role as it is, but that it tells each change of its breakers in the moment it happens.

`python -m tests.faults.agent FILE`: the file is written by `stage.py`. The role itself knows nothing of this.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agents.ask.breaker import CircuitBreaker
from agents.ask.breakers import Breakers
from agents.worker import Worker
from deploy.logs import configure
from deploy.settings import environment_of, load
from deploy.wiring.agent import run_agent

from .evidence import Change

LEAK_BYTES = 100_000
"""For each poll, of an agent that leaks."""


class Briefing(Struct):
    """All that an agent is given."""

    settings: dict[str, Any]
    told: str
    """A file for its breakers' changes."""
    defect: str = ""
    """Planted, to see what the run makes of it: `asks while open` or `leaks`."""


def _tell_changes(agent: str, path: str) -> None:
    """Write a line for each change of state, after it has been made."""
    told = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    named, enter, names = Breakers._named, CircuitBreaker._enter, dict[int, str]()

    def name_it(breakers: Breakers, name: str, *given: Any) -> CircuitBreaker:
        found = named(breakers, name, *given)
        names[id(found)] = name
        return found

    def enter_and_tell(breaker: CircuitBreaker, *given: Any) -> None:
        enter(breaker, *given)
        change = Change(
            agent=agent,
            breaker=names.get(id(breaker), "unnamed"),
            at_s=time.time(),
            state=breaker.state,
        )
        os.write(told, msgspec.json.encode(change) + b"\n")

    Breakers._named = name_it  # type: ignore[assignment,method-assign]
    CircuitBreaker._enter = enter_and_tell  # type: ignore[assignment,method-assign]


def _plant(defect: str) -> None:
    if defect == "asks while open":
        CircuitBreaker._refuses = lambda *_: False  # type: ignore[method-assign]
    elif defect == "leaks":
        pause, kept = Worker._pause_or_resume, list[bytearray]()

        def leaking(worker: Worker) -> None:
            kept.append(bytearray(b"x" * LEAK_BYTES))
            pause(worker)

        Worker._pause_or_resume = leaking  # type: ignore[assignment,method-assign]


def main() -> None:
    briefing = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Briefing)
    settings = load(environment_of(briefing.settings, {}))
    configure(settings.log, role="agent", instance=settings.instance)
    _tell_changes(settings.instance, briefing.told)
    _plant(briefing.defect)
    asyncio.run(run_agent(settings, lifeline=None))


if __name__ == "__main__":
    main()
