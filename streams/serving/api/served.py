"""What the API is made of: the view, the log, operators' acts, and the clock. All of it is given."""

from collections.abc import Callable
from typing import NamedTuple

from streams.serving.acts.acting import Acts
from streams.serving.lookup import Lookup
from streams.serving.redrive.running import Redriver
from streams.serving.settings import ServeSettings
from streams.serving.view import View

from .hub import Hub
from .resuming import Log


class Served(NamedTuple):
    """Everything a route may use."""

    view: View
    lookup: Lookup
    acts: Acts
    redriver: Redriver
    hub: Hub
    log: Log
    settings: ServeSettings
    now_ms: Callable[[], int]
    event_now_ms: Callable[[], int]
    """The market's clock; in a demo it is not the wall's."""
    why_not_ready: Callable[[], str | None]
