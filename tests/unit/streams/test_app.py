"""The worker's life: what is folded is committed before Faust, which may hang, is asked to end."""

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from streams.app import run


class Hanging:
    """Faust as it is when it is told to stop in the middle of a rebalance."""

    def __init__(self, told: list[str], *, starts: bool = True) -> None:
        self.crash_reason = None
        self.ownership = SimpleNamespace(close=self.commit)
        self._told, self._starts = told, starts

    async def start(self) -> None:
        """Start, or hang in it."""
        if not self._starts:
            await asyncio.Event().wait()

    async def wait_for_stopped(self, stopping: "asyncio.Task[Any]") -> bool:
        """Return when told to stop."""
        await stopping
        return False

    async def commit(self) -> None:
        """Commit what is folded."""
        self._told.append("closed")

    async def stop(self) -> None:
        """Hang."""
        self._told.append("stop")
        await asyncio.Event().wait()


@pytest.mark.parametrize("starts", [True, False])
async def test_all_is_committed_before_faust_is_asked_to_end(*, starts: bool) -> None:
    """Also when it is told to end while it starts."""
    told: list[str] = []
    stop = asyncio.Event()
    app: Any = Hanging(told, starts=starts)
    running = asyncio.create_task(run(app, stop, committed=lambda: told.append("committed")))
    await asyncio.sleep(0.01)
    assert told == []
    stop.set()
    async with asyncio.timeout(5):
        while told != ["closed", "committed", "stop"]:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_cannot_be_committed_at_the_end_ends_the_process() -> None:
    """At once: Faust's thread would keep it alive."""
    stop = asyncio.Event()
    app: Any = Hanging([])

    async def refuse() -> None:
        raise TimeoutError

    def end(reason: str, error: BaseException | None = None) -> NoReturn:
        raise SystemExit(reason) from error

    app.ownership = SimpleNamespace(close=refuse, fatal=end)
    stop.set()
    with pytest.raises(SystemExit, match="folded last could not be committed"):
        await run(app, stop, committed=lambda: None)
