"""The API over an invented view, with a log, acts and a redriver that are held in memory and behave."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI

from streams.serving.acts import ActRefusedError, Allowance
from streams.serving.acts.acting import Acts
from streams.serving.acts.making import Act
from streams.serving.api.app import create_api
from streams.serving.api.hub import Hub
from streams.serving.api.resuming import Span
from streams.serving.api.served import Served
from streams.serving.api.tail import Happening
from streams.serving.cursor import Positions
from streams.serving.found import Found, Missing, RawRange, Whole
from streams.serving.guard import Access
from streams.serving.redrive import Chosen, Plan
from streams.serving.redrive.letters import Letter
from streams.serving.redrive.plan import planned
from streams.serving.redrive.running import Outcome
from streams.serving.settings import ServeSettings
from streams.serving.shown import Place
from streams.serving.view import View
from tests.browser.invented import invented
from topics import Aggregate, Analysis, Decision, encode

OPERATOR = Access(role="operator", actor="oscar")
_NOT_THERE = Missing(why="not_found", words="the log has no such record")


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class HeldLookup:
    """A log in memory: whole aggregates, and records by their places."""

    def __init__(self, view: View) -> None:
        self._aggregates = {a.aggregate_id: a for a in view.latest.values()}
        self.records: dict[Place, Whole] = {}
        self.why: Missing = _NOT_THERE

    async def aggregate(self, aggregate_id: str) -> Found[Aggregate] | Missing:
        found = self._aggregates.get(aggregate_id)
        if found is None:
            return self.why
        whole = Whole(
            place=Place("aggregates", 0, 0), at_ms=0, key=None, value=encode(found), headers=[]
        )
        return Found(event=found, whole=whole)

    async def analysis(self, analysis_id: str) -> Found[Analysis] | Missing:
        del analysis_id
        return self.why

    async def decision(self, decision_id: str) -> Found[Decision] | Missing:
        del decision_id
        return self.why

    async def record(self, place: Place) -> Whole | Missing:
        return self.records.get(place, self.why)

    async def raw(
        self, kind: Any, subject: str, from_ms: int, to_ms: int, *, after: int | None = None
    ) -> RawRange | Missing:
        del after
        return RawRange(
            kind=kind, subject=subject, from_ms=from_ms, to_ms=to_ms, records=(), read=0
        )


class ViewWriter:
    """Writes acts as `ControlWriter` does, into the view itself."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def write(self, act: Act) -> None:
        self._view.take(act)


class HeldRedriver:
    """Plans and redrives letters that are held in memory."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.done: list[tuple[str, str, str]] = []

    async def plan(self, chosen: Chosen, *, actor: str | None = None) -> Plan:
        del actor
        return planned([one for one in self.letters if chosen.fits(one)], partitions=4)

    async def redrive(self, plan: Plan, *, actor: str, reason: str) -> Outcome:
        if not plan.going:
            msg = "nothing goes"
            raise ActRefusedError(msg)
        self.done.append((plan.redrive_id, actor, reason))
        return Outcome(redrive_id=plan.redrive_id, written=len(plan.going), before=0)


class HeldLog:
    """A log of happenings in memory, for readers that come back."""

    def __init__(self) -> None:
        self.begin: Positions = {}
        self.held: list[Happening] = []

    async def begins(self, logs: list[tuple[str, int]]) -> Positions:
        return {log: self.begin.get(log, 0) for log in logs}

    async def records(self, spans: list[Span]) -> AsyncIterator[Happening]:
        for topic, partition, first, last in spans:
            for happening in self.held:
                log = happening.topic, happening.partition
                if log == (topic, partition) and first <= happening.offset < last:
                    yield happening


class Api:
    """The API and everything it stands on."""

    def __init__(
        self, which: Any = "broken", *, ready: bool = True, acts_per_min: float = 10_000
    ) -> None:
        self.now_ms = now_ms()
        self.view = invented(which, self.now_ms)
        self.lookup, self.redriver = HeldLookup(self.view), HeldRedriver()
        self.hub, self.log = Hub(), HeldLog()
        self.why_not_ready = None if ready else "the topics have not been read to their ends yet"
        self.served = Served(
            view=self.view,
            lookup=self.lookup,  # type: ignore[arg-type]
            acts=Acts(
                ViewWriter(self.view),  # type: ignore[arg-type]
                now_ms=self.clock,
                allowance=Allowance(acts_per_min=acts_per_min, actors_max=16),
            ),
            redriver=self.redriver,  # type: ignore[arg-type]
            hub=self.hub,
            log=self.log,
            settings=ServeSettings(),
            now_ms=self.clock,
            event_now_ms=self.clock,
            why_not_ready=lambda: self.why_not_ready,
        )
        self.app: FastAPI = create_api(self.served)

    def clock(self) -> int:
        """Return a time that stands still until it is moved."""
        return self.now_ms

    def client(self, access: Access = OPERATOR) -> httpx.AsyncClient:
        """Return a client that the guard let in."""

        async def let_in(scope: Any, receive: Any, send: Any) -> None:
            state = {**scope.get("state", {}), "access": access, "client": "127.0.0.1"}
            await self.app({**scope, "state": state}, receive, send)

        transport = httpx.ASGITransport(app=let_in, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost/v1")
