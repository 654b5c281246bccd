"""The pages on a FastAPI app, at its root."""

from typing import Any

from fastapi import FastAPI
from nicegui import app as pages_app
from nicegui import ui

from streams.serving.settings import ServeSettings
from streams.serving.view import View

from . import aggregate, alert, alerts, analysis, asset, cost, feeds, letter, letters, overview, raw
from .desk import Desk, Market
from .elements import STATIC
from .nowhere import broken, nowhere
from .policy import NonceMiddleware

FILES = "/_tape"
"""Where our own files are served: the stylesheet; the components NiceGUI serves itself."""
RECONNECT_S = 10.0
"""A viewer that was away so long gets what it missed; after that it loads the page again."""
HISTORY_MAX = 200
"""Messages kept for a viewer that was away."""


def put(
    app: FastAPI,
    view: View,
    lookup: Any,  # noqa: ANN401
    acts: Any,  # noqa: ANN401
    settings: ServeSettings,
    *,
    redriver: Any,  # noqa: ANN401
    market: Market | None,
) -> None:
    """Declare the pages and mount them."""
    desk = Desk(view, lookup, acts, settings, redriver=redriver, market=market)
    for page in (
        overview,
        asset,
        analysis,
        aggregate,
        raw,
        alerts,
        alert,
        feeds,
        cost,
        letters,
        letter,
    ):
        page.declare(desk)
    pages_app.add_static_files(FILES, STATIC)
    pages_app.add_middleware(NonceMiddleware)
    pages_app.add_exception_handler(404, nowhere)
    pages_app.add_exception_handler(Exception, broken)
    ui.add_head_html('<link rel="stylesheet" href="/_tape/pages.css">', shared=True)
    ui.add_head_html('<link rel="stylesheet" href="/_tape/objects.css">', shared=True)
    ui.run_with(
        app,
        title="Tapereader",
        favicon=STATIC / "favicon.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        message_history_length=HISTORY_MAX,
        show_welcome_message=False,
    )
