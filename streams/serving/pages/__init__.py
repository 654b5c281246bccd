"""The dashboard: pages that paint what the view says. Each has a pure half in `rows/` and a thin painting half here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .policy import page_policy

if TYPE_CHECKING:
    from fastapi import FastAPI

    from streams.serving.settings import ServeSettings
    from streams.serving.view import View

    from .desk import Market

__all__ = ["page_policy", "register"]


def register(
    app: FastAPI,
    view: View,
    lookup: Any,  # noqa: ANN401 - pages know what they ask of it
    acts: Any,  # noqa: ANN401
    settings: ServeSettings,
    *,
    redriver: Any = None,  # noqa: ANN401
    market: Market | None = None,
) -> None:
    """Declare all pages and, as the last act, put NiceGUI at the root of the app: what is mounted after is never reached.

    ``lookup`` reads whole records from the log, ``acts`` writes what operators do, ``redriver`` writes dead letters again;
    without them pages say so.
    """
    from . import serving  # noqa: PLC0415 - NiceGUI takes 4 s, and the pure halves need none of it

    serving.put(app, view, lookup, acts, settings, redriver=redriver, market=market)
