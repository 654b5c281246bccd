"""The ways in which a worker, or its broker, is harmed."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.servers import KafkaServer

from .crew import Crew, Worker

FREEZE_S = 4.5
"""Longer than the session of a worker that is not alone, so that another has its partitions by then."""
REACH_S = 12.0
"""For an ordered step to come; longer, and the fault did not take place."""

CHECKPOINT = (
    "begun",
    "outputs written, state not",
    "all written, not committed",
    "committed, not acknowledged",
)
ASSIGNMENT = ("assigned, not fenced", "fenced, not loaded", "loaded")


class Scene:
    """Who may be harmed."""

    def __init__(self, crew: Crew, server: KafkaServer | None, rnd: random.Random) -> None:
        self.crew, self.server, self.rnd = crew, server, rnd
        self.victims = crew.workers

    def one(self) -> Worker:
        return self.rnd.choice(self.victims)


async def _reached(worker: Worker) -> bool:
    try:
        async with asyncio.timeout(REACH_S):
            while not worker.obeyed:
                await asyncio.sleep(0.02)
    except TimeoutError:
        worker.forgive()
        return False
    return True


async def kill(scene: Scene) -> bool:
    """SIGKILL."""
    scene.one().kill()
    return True


async def kill_all(scene: Scene) -> bool:
    """SIGKILL of every worker at once."""
    for worker in scene.victims:
        worker.kill()
    return True


async def term(scene: Scene) -> bool:
    """SIGTERM, and the supervisor starts it again."""
    scene.one().ask()
    return True


async def freeze(scene: Scene) -> bool:
    """SIGSTOP anywhere, beyond the session."""
    worker = scene.one()
    worker.freeze()
    await asyncio.sleep(FREEZE_S)
    worker.thaw()
    return True


def exit_at(step: str) -> Callable[[Scene], Awaitable[bool]]:
    """The process ends at a step of its checkpoint."""

    async def exit_there(scene: Scene) -> bool:
        worker = scene.one()
        worker.order("exit", step)
        return await _reached(worker)

    return exit_there


def exit_while(step: str) -> Callable[[Scene], Awaitable[bool]]:
    """SIGKILL, and the next process ends at a step of its assignment."""

    async def exit_there(scene: Scene) -> bool:
        worker = scene.one()
        worker.order("exit", step)
        worker.kill()
        return await _reached(worker)

    return exit_there


def freeze_at(step: str) -> Callable[[Scene], Awaitable[bool]]:
    """SIGSTOP inside the transaction, beyond the session; the one that has taken over fences it."""

    async def freeze_there(scene: Scene) -> bool:
        worker = scene.one()
        worker.order("freeze", step)
        if not await _reached(worker):
            return False
        await asyncio.sleep(FREEZE_S)
        worker.thaw()
        return True

    return freeze_there


async def leave_and_join(scene: Scene) -> bool:
    """One goes by SIGTERM, and comes back when the other has all: two rebalances with data in flight."""
    worker = scene.one()
    worker.wanted = False
    worker.ask()
    await asyncio.sleep(FREEZE_S)
    worker.wanted = True
    if not worker.running:
        worker.start()
    return True


async def kill_broker(scene: Scene) -> bool:
    """SIGKILL of the broker, which comes back."""
    if scene.server is not None:
        await asyncio.to_thread(scene.server.kill)
        await asyncio.to_thread(scene.server.start)
    return scene.server is not None


async def kill_both(scene: Scene) -> bool:
    """SIGKILL of the broker and of every worker: who comes back first meets what the other had not finished."""
    if scene.server is not None:
        await asyncio.to_thread(scene.server.kill)
        for worker in scene.victims:
            worker.kill()
        await asyncio.to_thread(scene.server.start)
    return scene.server is not None


async def restart_broker(scene: Scene) -> bool:
    """A broker that ends in good order and comes back."""
    if scene.server is not None:
        await asyncio.to_thread(scene.server.restart)
    return scene.server is not None


Fault = Callable[[Scene], Awaitable[bool]]

FAULTS: dict[str, Fault] = {
    "kill": kill,
    "term": term,
    "freeze": freeze,
    **{f"exit: {step}": exit_at(step) for step in CHECKPOINT},
    **{f"exit: {step}": exit_while(step) for step in ASSIGNMENT},
    "broker kill": kill_broker,
    "broker restart": restart_broker,
    "broker and workers kill": kill_both,
    "kill all": kill_all,
    **{f"freeze: {step}": freeze_at(step) for step in CHECKPOINT[1:3]},
    "leave and join": leave_and_join,
}
PAIR_ONLY = (
    "kill all",
    "leave and join",
    *(name for name in FAULTS if name.startswith("freeze: ")),
)
"""What says nothing with one worker."""
BROKER = ("broker kill", "broker restart", "broker and workers kill")


def plan(rnd: random.Random, count: int, *, pair: bool) -> list[str]:
    """Return a seeded order of faults, half of them plain kills or ends inside the transaction."""
    names = [name for name in FAULTS if pair or name not in PAIR_ONLY]
    often = ["kill", *(f"exit: {step}" for step in CHECKPOINT[1:3])]
    if pair:
        often += [name for name in names if name.startswith("freeze: ")]
    found: list[str] = []
    while len(found) < count:
        deck = [*names, *often]
        rnd.shuffle(deck)
        found += deck
    return found[:count]
