"""The agent role as it is, but that it tells its steps, and is killed, stopped or held at one when ordered.

`python -m tests.agent_kills.agent FILE`: the file is written by `crew.py`. The role itself knows nothing of this.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiokafka import AIOKafkaConsumer

import agents.assignment
import agents.worker
from agents.account.ledger import Ledger
from agents.ask.claude import Claude
from agents.assignment import Assignment
from agents.decide.gate import Gate
from agents.decide.inbox import Inbox
from agents.decide.partition import PartitionDecider
from agents.desk import Desk
from deploy.logs import configure
from deploy.settings import environment_of, load
from deploy.wiring.agent import run_agent
from topics.envelope import header
from topics.offsets import Offsets
from topics.outbox import OutRecord, Sender

from .briefing import JOIN, Briefing

HOLD_S_MAX = 25.0
"""Of a step that awaits; then it goes on by itself."""
BLOCK_S_MAX = 2.0
"""Of a step that does not: the whole process stands still, and must not be taken for dead."""
SHORT_SESSION_MS = 4_000
"""Of an agent that reads long what was said before it."""
_PAUSE_S = 0.01
_STEP_OF_TYPE = {
    b"tapereader.journal.intent": "intent",
    b"tapereader.journal.result": "result",
    b"tapereader.analysis": "publish analysis",
    b"tapereader.decision": "publish decision",
    b"tapereader.decision.tally": "publish tally",
}


class Teller:
    """Writes down what happens and when, and does what was ordered."""

    def __init__(self, briefing: Briefing) -> None:
        self._order, self._hold = Path(briefing.order), Path(briefing.hold)
        self._told = os.open(briefing.told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tell(self, words: str) -> None:
        os.write(self._told, f"{time.time():.4f} {os.getpid()} {words}\n".encode())

    def at(self, step: str) -> None:
        """Come to a step that does not await."""
        if self._obey(step):
            until_s = time.monotonic() + BLOCK_S_MAX
            while self._hold.exists() and time.monotonic() < until_s:
                time.sleep(_PAUSE_S)

    async def reach(self, step: str) -> None:
        """Come to a step that awaits: only what waits for it is held."""
        if self._obey(step):
            until_s = time.monotonic() + HOLD_S_MAX
            while self._hold.exists() and time.monotonic() < until_s:
                await asyncio.sleep(_PAUSE_S)

    def is_due(self, step: str) -> bool:
        """Return whether something is ordered for a step."""
        return self._ordered()[1] == step

    def _ordered(self) -> tuple[str, str]:
        try:
            what, _, where = self._order.read_text().partition(" ")
        except FileNotFoundError:
            return "", ""
        return what, where

    def _obey(self, step: str) -> bool:
        """Do what is ordered for this step, and return whether it is to be held."""
        what, where = self._ordered()
        if where != step:
            return False
        self._order.unlink()
        if what == "hold":
            return True
        os.kill(os.getpid(), signal.SIGKILL if what == "kill" else signal.SIGSTOP)
        return False


def _before(owner: type, name: str, told: Callable[[], None]) -> None:
    """Tell of each call of a method that does not await."""
    plain = getattr(owner, name)

    @wraps(plain)
    def telling(*given: Any, **named: Any) -> Any:
        told()
        return plain(*given, **named)

    setattr(owner, name, telling)


def _before_awaiting(owner: type, name: str, told: Callable[[], Awaitable[None]]) -> None:
    """Tell of each call of a method that awaits."""
    plain = getattr(owner, name)

    @wraps(plain)
    async def telling(*given: Any, **named: Any) -> Any:
        await told()
        return await plain(*given, **named)

    setattr(owner, name, telling)


def listen(teller: Teller) -> None:
    """Have every step of the path told."""
    _before(PartitionDecider, "take", partial(teller.at, "fold"))
    _before(Gate, "consider", partial(teller.at, "gate"))
    _before(Inbox, "put", partial(teller.at, "inbox"))
    _before(Desk, "admit", partial(teller.at, "admit"))
    _before_awaiting(Ledger, "reserve", partial(teller.reach, "reserve"))
    _before_awaiting(Ledger, "confirm", partial(teller.reach, "confirm"))
    _before_awaiting(Ledger, "settle", partial(teller.reach, "settle"))
    _before_awaiting(Assignment, "start", partial(teller.reach, JOIN))
    _listen_to_kafka(teller)
    _listen_to_group(teller)


def _listen_to_kafka(teller: Teller) -> None:
    deliver, commit = Sender.deliver, AIOKafkaConsumer.commit
    pause, resume = AIOKafkaConsumer.pause, AIOKafkaConsumer.resume

    async def delivering(sender: Sender, records: list[OutRecord]) -> None:
        types = {header(record.headers, "ce_type") or b"" for record in records}
        for step in (step for kind, step in _STEP_OF_TYPE.items() if kind in types):
            await teller.reach(step)
        await deliver(sender, records)

    async def committing(consumer: AIOKafkaConsumer, *given: Any) -> None:
        await teller.reach("commit")
        await commit(consumer, *given)
        teller.tell("committed")

    def pausing(consumer: AIOKafkaConsumer, *places: Any) -> None:
        if places:
            teller.tell("paused")
        pause(consumer, *places)

    def resuming(consumer: AIOKafkaConsumer, *places: Any) -> None:
        if places:
            teller.tell("resumed")
        resume(consumer, *places)

    Sender.deliver = delivering  # type: ignore[method-assign,assignment]
    AIOKafkaConsumer.commit = committing
    AIOKafkaConsumer.pause = pausing
    AIOKafkaConsumer.resume = resuming


def _listen_to_group(teller: Teller) -> None:
    assigned, revoked = Assignment.on_partitions_assigned, Assignment.on_partitions_revoked

    async def assigning(assignment: Assignment, places: Iterable[Any]) -> None:
        await assigned(assignment, places)
        teller.tell("assigned")
        teller.tell(f"generation {assignment.consumer._coordinator.generation}")

    async def revoking(assignment: Assignment, places: Iterable[Any]) -> None:
        if assignment.deciders:
            teller.tell("revoked")
        await revoked(assignment, places)

    Assignment.on_partitions_assigned = assigning  # type: ignore[method-assign,assignment]
    Assignment.on_partitions_revoked = revoking  # type: ignore[method-assign,assignment]


def listen_to_calls(teller: Teller, base_url: str) -> None:
    """Have calls of the model told, before they are sent and when they are billed."""
    plain = Claude.ask

    async def billed(attempt_id: str) -> None:
        async with aiohttp.ClientSession(base_url) as session:
            while True:
                async with session.get("/_fake/bill", params={"user_id": attempt_id}) as answer:
                    if (await answer.json())["entries"]:
                        return
                await asyncio.sleep(_PAUSE_S)

    async def asking(model: Claude, prompt: Any, *, attempt_id: str, **named: Any) -> Any:
        await teller.reach("send")
        call = asyncio.create_task(plain(model, prompt, attempt_id=attempt_id, **named))
        try:
            if teller.is_due("billed"):
                await billed(attempt_id)
                await teller.reach("billed")
            return await call
        finally:
            call.cancel()

    Claude.ask = asking  # type: ignore[method-assign,assignment]


def plant(defect: str) -> None:
    """Break the role on purpose, for the tests of what must notice."""
    if defect == "finishes what it reads":
        read = Offsets.read

        def finishing(offsets: Offsets, offset: int) -> None:
            read(offsets, offset)
            offsets.finish(offset)

        Offsets.read = finishing  # type: ignore[method-assign,assignment]
    elif defect == "forgets what was said":
        vars(agents.assignment)["read_said"] = _read_nothing
    elif defect == "reads long":
        vars(agents.assignment)["read_said"] = _read_long
        agents.assignment.SESSION_MS = SHORT_SESSION_MS
    elif defect == "frees what may have been sent":
        Ledger.charge = Ledger.release  # type: ignore[method-assign]
        Ledger.settle = _release  # type: ignore[method-assign,assignment]


async def _read_nothing(*_: Any) -> None:
    """Take nothing as said before."""


async def _read_long(_: Any, partition: int, *__: Any) -> None:
    """Take longer for one partition than a session lasts."""
    await asyncio.sleep(0 if partition else 2 * SHORT_SESSION_MS / 1000)


async def _release(ledger: Ledger, attempt_id: str, _: Any, now_ms: int) -> Any:
    return await ledger.release(attempt_id, now_ms), False


def main() -> None:
    briefing = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Briefing)
    plant(briefing.defect)
    settings = load(environment_of(briefing.settings, {}))
    configure(settings.log, role="agent", instance=settings.instance)
    if briefing.backlog_max is not None:
        agents.worker.BACKLOG_MAX = briefing.backlog_max
    teller = Teller(briefing)
    listen(teller)
    if settings.agent.model.base_url is not None:
        listen_to_calls(teller, settings.agent.model.base_url)
    teller.tell("started")
    asyncio.run(run_agent(settings, lifeline=None))


if __name__ == "__main__":
    main()
