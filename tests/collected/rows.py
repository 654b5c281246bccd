"""Runs scenes and says what came of each."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from topics.broker import BrokerSettings

from .judge import Verdict, judge
from .log import found_of
from .scene import Expected, Scene
from .stage import staged


class Opened(Protocol):
    """Opens a scene."""

    def __call__(self, *, short: bool) -> AbstractAsyncContextManager[Scene]:
        """Return it; in its short form, if told so and there is one."""


@dataclass(frozen=True)
class Row:
    """One source's line."""

    scene: Scene
    expected: Expected | None
    verdict: Verdict | None
    wrong: tuple[str, ...]


async def rows_of(
    opened: Sequence[Opened], broker: BrokerSettings, *, short: bool = False
) -> list[Row]:
    """Play scenes all at once, read the log to its end, and judge each source."""
    async with AsyncExitStack() as stack:
        scenes = [await stack.enter_async_context(one(short=short)) for one in opened]
        outcomes = await staged(scenes, broker)
        kinds = {scene.name: scene.kind for scene in scenes}
    found = await found_of(broker, kinds)
    rows = []
    for scene, expected in zip(scenes, outcomes, strict=True):
        if isinstance(expected, Exception):
            rows.append(Row(scene, None, None, (f"{type(expected).__name__}: {expected}",)))
            continue
        verdict = judge(expected, found[scene.name])
        rows.append(Row(scene, expected, verdict, verdict.wrong))
    return rows
