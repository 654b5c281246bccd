"""The pages alone over an invented view, to look at: `python -m tests.browser.dashboard --view crowd --port 8090`.

Nothing but this process runs: no broker, no log. Acts are written into the view itself.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

import uvicorn
from fastapi import FastAPI

from streams.serving import pages
from streams.serving.acts import Act, making
from streams.serving.guard.middleware import Guard
from streams.serving.redrive import Chosen, Plan, planned
from streams.serving.redrive.running import Outcome
from streams.serving.settings import ServeSettings
from streams.serving.view import View
from topics import Control

from .day import day
from .invented import Which, feeds, invented
from .log import Log
from .scene import MINUTE_MS, PRICES, alert, statuses, traded, window

BEAT_S = 1.0
STAMP = "stamped "
"""Before the time in the headline of an alert that is to be timed."""
STAMP_S = 0.7


class InventedActs:
    """Does what `Acts` does: the view takes the act at once, by way of the invented log if there is one."""

    def __init__(self, view: View, log: Log | None) -> None:
        self._view, self._log = view, log

    async def acknowledge(self, alert_id: str, *, actor: str, reason: str = "seen") -> Control:
        return self._taken(
            making.acknowledgement(alert_id, actor=actor, reason=reason, at_ms=now_ms())
        )

    async def mute(self, target: str, *, until_ms: int, actor: str, reason: str) -> Control:
        return self._taken(
            making.mute(target, until_ms=until_ms, actor=actor, reason=reason, at_ms=now_ms())
        )

    async def unmute(self, target: str, *, actor: str, reason: str) -> Control:
        return self._taken(making.unmute(target, actor=actor, reason=reason, at_ms=now_ms()))

    async def feedback(self, analysis_id: str, verdict: str, *, actor: str, reason: str) -> Act:
        act = making.feedback(analysis_id, verdict, actor=actor, reason=reason, at_ms=now_ms())
        self._take(act)
        return act

    def _taken(self, act: Act) -> Control:
        self._take(act)
        assert isinstance(act, Control)
        return act

    def _take(self, act: Act) -> None:
        if self._log is None:
            self._view.take(act)
        else:
            self._log.put("control", act, now_ms())


class InventedRedriver:
    """Does what `Redriver` does with the letters of an invented log; nothing is written anywhere."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def plan(self, chosen: Chosen, *, actor: str | None = None) -> Plan:
        del actor
        return planned([one for one in self._log.letters() if chosen.fits(one)], partitions=8)

    async def redrive(self, plan: Plan, *, actor: str, reason: str) -> Outcome:
        del actor, reason
        return Outcome(redrive_id=plan.redrive_id, written=len(plan.going), before=0)


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


async def live(view: View, which: Which) -> None:
    """Let windows come, one of each asset a second, as if time ran; and every part goes on telling how it is."""
    minute = 0
    while True:
        await asyncio.sleep(BEAT_S)
        minute += 1
        told = statuses(now_ms()) if which == "scene" else feeds(now_ms())
        for status in told:
            view.take(status)
        for asset, price in PRICES.items():
            at_ms = now_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS
            view.take(window(traded(price, price * 1.001), f"{asset}/USDT", "market", at_ms))


async def stamped(view: View) -> None:
    """Let one rule fire anew all the time, and say in its headline when."""
    number = 0
    while True:
        await asyncio.sleep(STAMP_S)
        number += 1
        at_ms = now_ms()
        view.take(
            alert(
                at_ms,
                alert_id=f"stamp/SOL/USDT/{number}",
                rule="stamp",
                headline=f"{STAMP}{at_ms}",
            )
        )


def host(which: Which, *, moving: bool = True, stamps: bool = False) -> tuple[Guard, View]:
    """Return the pages behind their guard, and the view they show."""
    view = invented(which, now_ms())
    lookup = day(view, now_ms()) if which == "day" else None
    moving = moving and which not in {"empty", "day"}
    settings = ServeSettings()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = []
        if moving:
            tasks.append(asyncio.create_task(live(view, which)))
        if stamps:
            tasks.append(asyncio.create_task(stamped(view)))
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    redriver = InventedRedriver(lookup) if lookup else None
    pages.register(app, view, lookup, InventedActs(view, lookup), settings, redriver=redriver)
    return Guard(app, settings, page_policy=pages.page_policy), view


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--view", choices=get_args(Which), default="crowd")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--stamp", action="store_true", help="alerts that say when they came")
    chosen = parser.parse_args()
    guard, _ = host(chosen.view, stamps=chosen.stamp)
    uvicorn.run(
        guard, host="127.0.0.1", port=chosen.port, log_level="warning", timeout_graceful_shutdown=2
    )


if __name__ == "__main__":
    main()
