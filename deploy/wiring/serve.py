"""The serve role's objects: one process with the API at /api, the dashboard at /, and the guard before both."""

import asyncio
from collections.abc import Callable

import structlog
from fastapi import FastAPI
from prometheus_client import REGISTRY

from deploy.reporting import Part
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from streams.serving import pages
from streams.serving.acts.acting import Acts
from streams.serving.acts.allowance import Allowance
from streams.serving.acts.writing import ControlWriter
from streams.serving.api.app import create_api
from streams.serving.api.hub import Hub
from streams.serving.api.intake import Intake
from streams.serving.api.kept_replies import KeptReplies
from streams.serving.api.log_reader import LogReader
from streams.serving.api.metrics import ServingMetrics, answered
from streams.serving.api.served import Served
from streams.serving.feed import Feed
from streams.serving.guard.middleware import Guard
from streams.serving.lookup import Lookup
from streams.serving.pages.desk import Market
from streams.serving.redrive.running import Redriver
from streams.serving.view import View

from .serve_http import bound_socket, serve_http

CATCH_UP_LOOK_S = 0.25
RAW_MS = 600_000
"""How far back raw events are counted: there are too many of them for a day."""
_HOUR_MS = 3_600_000

log = structlog.get_logger()


def create_app(served: Served, *, market: Market | None = None) -> Guard:
    """Return the host behind its guard: the API as a sub-app at `/api` and, last, at `/`, the pages.

    What would be mounted after the pages is never reached: NiceGUI answers for every path.
    """
    host = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    host.mount("/api", KeptReplies(create_api(served), now_ms=served.now_ms))
    pages.register(
        host,
        served.view,
        served.lookup,
        served.acts,
        served.settings,
        redriver=served.redriver,
        market=market,
    )
    return Guard(host, served.settings, page_policy=pages.page_policy, answered=answered)


def market_of(settings: Settings) -> Market | None:
    """Return the market's time where the sources of this pipeline do not run at the wall clock's."""
    if settings.collect.pace is None:
        return None
    pace = settings.collect.pace.pace(now_ms())
    return Market(time_ms=pace.event_at, speed=pace.speed)


async def run_serve(settings: Settings, *, lifeline: int | None) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: The address is not to be had.
    """
    serving = Serving(settings)
    await run_role(
        "serve",
        settings,
        serving.run,
        parts=serving.parts,
        ready=serving.ready,
        lifeline=lifeline,
    )


class Serving:
    """One process that serves."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is connected."""
        self._settings = settings
        broker, serve = settings.broker, settings.serve
        self.view = View(keep_ms=int(serve.view_hours * _HOUR_MS))
        self.hub = Hub()
        intake = Intake(self.hub, prefix=broker.prefix)
        # The demo's own broker knows no times, and its logs are as old as the demo.
        began_ms = 0 if broker.embedded else now_ms()
        self.feed = Feed(
            broker,
            self.view,
            since_ms=max(0, began_ms - int(serve.view_hours * _HOUR_MS)),
            raw_since_ms=max(0, began_ms - RAW_MS),
            seen=intake.seen,
            cut=self.hub.jump,
        )
        self._lookup = Lookup(broker, self.view)
        self._writer = ControlWriter(broker)
        self._market = market_of(settings)
        rates = serve.rates
        self._allowance = Allowance(acts_per_min=rates.acts_per_min, actors_max=rates.clients_max)
        self._caught_up = False
        self.served = Served(
            view=self.view,
            lookup=self._lookup,
            acts=Acts(self._writer, now_ms=now_ms, allowance=self._allowance),
            redriver=Redriver(
                broker,
                self._writer,
                now_ms=now_ms,
                attempts_max=settings.serve.redrive_attempts_max,
                allowance=self._allowance,
            ),
            hub=self.hub,
            log=LogReader(broker, intake.happening),
            settings=serve,
            now_ms=now_ms,
            event_now_ms=_market_clock(self._market),
            why_not_ready=self.ready,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Read the topics and serve what they say, until told to stop or one of the two fails.

        Raises:
            SettingsError: The address is not to be had.
            TopicsError: The topics cannot be read.
        """
        app = create_app(self.served, market=self._market)
        REGISTRY.register(ServingMetrics(app.gate, self.hub, self._allowance, self.view))
        serve = self._settings.serve
        with bound_socket(serve) as listening:
            host, port = listening.getsockname()[:2]
            log.info("serving", address=serve.base_url or f"http://{_in_url(host)}:{port}")
            reading = asyncio.create_task(self.feed.run())
            catching_up = asyncio.create_task(self._catch_up())
            answering = asyncio.create_task(
                serve_http(app, serve, listening, stop, stopping=self.hub.end)
            )
            try:
                await asyncio.wait([reading, answering], return_when=asyncio.FIRST_COMPLETED)
                stop.set()
                await answering
            finally:
                for task in (reading, catching_up):
                    task.cancel()
                outcomes = await asyncio.gather(reading, catching_up, return_exceptions=True)
                await asyncio.gather(
                    self._lookup.close(), self._writer.close(), return_exceptions=True
                )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def ready(self) -> str | None:
        """Return why not to rely on it yet: what the topics held when it began is not read."""
        return None if self._caught_up else "the topics have not been read to their ends yet"

    def parts(self) -> list[Part]:
        """Return how it is."""
        measures = {"streams": float(len(self.hub))}
        if not self._caught_up:
            return [Part("role", "catching_up", "reads what the topics hold", measures)]
        return [Part("role", "serving", "all that the topics held has been read", measures)]

    async def _catch_up(self) -> None:
        while not await self.feed.caught_up():  # noqa: ASYNC110 - the broker has no event for it
            await asyncio.sleep(CATCH_UP_LOOK_S)
        self.hub.tail.begin(await self.feed.positions())
        self._caught_up = True


def _market_clock(market: Market | None) -> Callable[[], int]:
    return now_ms if market is None else lambda: market.time_ms(now_ms())


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
