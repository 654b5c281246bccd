"""The serve role's objects: one process with the API at /api, the dashboard at /, and the guard before both."""

import asyncio
from importlib.util import find_spec
from typing import Any

import structlog
from fastapi import FastAPI

from deploy.reporting import Part
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from streams.serving.feed import Feed
from streams.serving.settings import ServeSettings
from streams.serving.view import View

from .serve_http import bound_socket, serve_http

PAGES = "streams.serving.pages"
CATCH_UP_LOOK_S = 0.25
_HOUR_MS = 3_600_000

log = structlog.get_logger()


def create_app(view: View, lookup: Any, acts: Any, settings: ServeSettings) -> FastAPI:  # noqa: ANN401 - see there
    """Return the host: the API as a sub-app at `/api` and, last, at `/`, the pages if there are any.

    `pages.register(app, view, lookup, acts, settings)` declares the pages and calls `ui.run_with(app, ...)` as its
    last act: what is mounted after NiceGUI is never reached.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if find_spec(PAGES) is not None:
        from streams.serving import pages  # type: ignore[attr-defined]  # noqa: PLC0415 - NiceGUI takes 4 s

        pages.register(app, view, lookup, acts, settings)
    return app


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
        since_ms = now_ms() - int(settings.serve.view_hours * _HOUR_MS)
        self.view = View()
        self.feed = Feed(settings.broker, self.view, since_ms=since_ms)
        self._caught_up = False

    async def run(self, stop: asyncio.Event) -> None:
        """Read the topics and serve what they say, until told to stop or one of the two fails."""
        serve = self._settings.serve
        app = create_app(self.view, None, None, serve)
        with bound_socket(serve) as listening:
            address = listening.getsockname()
            log.info("serving", address=f"http://{address[0]}:{address[1]}")
            reading = asyncio.create_task(self.feed.run())
            catching_up = asyncio.create_task(self._catch_up())
            answering = asyncio.create_task(
                serve_http(app, serve, listening, stop, stopping=lambda: None)
            )
            try:
                await asyncio.wait([reading, answering], return_when=asyncio.FIRST_COMPLETED)
                stop.set()
                await answering
            finally:
                reading.cancel()
                catching_up.cancel()
                outcomes = await asyncio.gather(reading, catching_up, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def ready(self) -> str | None:
        """Return why not to rely on it yet: what the topics held when it began is not read."""
        return None if self._caught_up else "the topics have not been read to their ends yet"

    def parts(self) -> list[Part]:
        """Return how it is."""
        if self._caught_up:
            return [Part("role", "serving", "all that the topics hold has been read")]
        return [Part("role", "catching_up", "reads what the topics hold")]

    async def _catch_up(self) -> None:
        while not await self.feed.caught_up():  # noqa: ASYNC110 - the broker has no event for it
            await asyncio.sleep(CATCH_UP_LOOK_S)
        self._caught_up = True
