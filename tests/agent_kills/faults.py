"""The three ways in which an agent is harmed, each at every step of its path."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import NamedTuple

from agents.assignment import SESSION_MS

from .briefing import JOIN, STEPS
from .crew import Agent

LEASE_S = 5.0
"""Of a reservation, the least there is."""
STOP_S = max(SESSION_MS / 1000, LEASE_S) + 2.0
"""Longer than both, so that the partitions are another's by then, and the money is charged."""
REACH_S = 90.0
"""For an ordered step to come; longer, and the fault did not take place."""
MOVE_S = 90.0
"""For a rebalance; longer, and the guest has come in vain."""
STAY_S = 1.5
"""How long the guest works."""
_LOOK_S = 0.02


class Fault(NamedTuple):
    """What is done to one agent, and when."""

    means: str
    step: str

    def __str__(self) -> str:
        return f"{self.means} at {self.step}"


class Scene:
    """Who may be harmed, and the guest that comes and goes."""

    def __init__(self, agents: list[Agent], guest: Agent, rnd: random.Random) -> None:
        self.agents, self.guest, self.rnd = agents, guest, rnd


async def _until(holds: Callable[[], bool], patience_s: float) -> bool:
    until_s = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until_s:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


async def _reached(agent: Agent, what: str, step: str) -> bool:
    """Order something at a step, and return whether the agent came there."""
    agent.order(what, step)
    if await _until(lambda: agent.obeyed, REACH_S):
        return True
    agent.forgive()
    return False


async def kill(scene: Scene, step: str) -> bool:
    """SIGKILL; the supervisor starts it again."""
    agent = scene.rnd.choice(scene.agents)
    before = len(agent.deaths)
    if not await _reached(agent, "kill", step):
        return False
    return await _until(lambda: len(agent.deaths) > before, REACH_S)


async def stop(scene: Scene, step: str) -> bool:
    """SIGSTOP beyond the session and the lease, then SIGCONT: a zombie wakes."""
    agent = scene.rnd.choice(scene.agents)
    if not await _reached(agent, "stop", step):
        return False
    await asyncio.sleep(STOP_S)
    agent.thaw()
    return True


async def rebalance(scene: Scene, step: str) -> bool:
    """One more agent joins while one is held at the step, and leaves again."""
    agent, guest = scene.rnd.choice(scene.agents), scene.guest
    guest.wanted = True
    guest.hold_at(JOIN)
    if not guest.running:
        guest.start()
    came = await _until(lambda: guest.obeyed, REACH_S)
    agent.hold_at(step)
    came = came and await _until(lambda: agent.obeyed, REACH_S)
    since_s = time.time()
    guest.release()
    # A step that does not await goes on by itself; the others until the guest has its partitions.
    came = await _until(lambda: guest.has_since("assigned", since_s), MOVE_S) and came
    agent.forgive()
    await asyncio.sleep(STAY_S)
    guest.wanted = False
    guest.forgive()
    guest.ask()
    await _until(lambda: not guest.running, MOVE_S)
    return came


MEANS = {"kill": kill, "stop": stop, "rebalance": rebalance}


async def carry_out(scene: Scene, fault: Fault) -> bool:
    """Harm an agent and return whether it came to the step."""
    return await MEANS[fault.means](scene, fault.step)


def every_fault(seed: str) -> list[Fault]:
    """Return all means at all steps, in an order of the seed's."""
    found = [Fault(means, step) for means in MEANS for step in STEPS]
    random.Random(f"faults {seed}").shuffle(found)
    return found
