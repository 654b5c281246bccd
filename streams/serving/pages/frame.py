"""The frame of every page: navigation, clock, the stream's beat, one timer that paints what changed, one live region."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nicegui import ui

from streams.serving.found import Missing
from streams.serving.guard import Access, access_of
from streams.serving.guard.gate import COOKIE, SIGN_OUT
from streams.serving.view import View
from topics import PipelineError

from . import links
from .desk import FRESH_MS, Desk
from .elements import Keys, Pulse, Said, Text, block
from .nowhere import status_of
from .pieces import Mark, Now, Words
from .rows import announced

LOOK_S = 0.1
"""Between two looks of a page at whether anything came, which costs next to nothing."""
PAINT_MS = 300
"""Between two paintings at least, however much comes: half a second from topic to pixel, with time to draw it."""
BEAT_MS = 900
"""Between two beats at least: one with each of the paintings that come each second."""
ANSWER_MS = 10_000
"""For which what became of an act stands on the page."""
PLACES = (
    ("o", "Overview", links.OVERVIEW),
    ("a", "Alerts", links.ALERTS),
    ("f", "Feeds", links.FEEDS),
    ("c", "Cost", links.COST),
    ("d", "Dead letters", links.LETTERS),
)
"""Of the navigation: the second key after g, the name, the address."""

P = TypeVar("P")


class Frame:
    """One page of one viewer: what it paints, who looks, and what they may do."""

    def __init__(self, desk: Desk, access: Access) -> None:
        """Begin with nothing to paint."""
        self.desk, self.access = desk, access
        self._parts: list[Callable[[], None]] = []
        self._beat_ms = 0
        self._painted_ms = 0
        self._changed_ms = 0
        self._serial = -1
        self._pulse: Pulse | None = None
        self._answer: Said | None = None
        self._answered_ms: int | None = None

    def paints(
        self,
        key: tuple[object, ...],
        of: Callable[[View, Now], P],
        *paint: Callable[[P], None],
    ) -> None:
        """Keep a part painted: ``of`` makes its picture (once for all viewers), ``paint`` shows it when it changed."""
        last: list[object] = [self]  # what no picture is

        def look() -> None:
            picture = self.desk.once(key, of)
            if picture is not last[0]:
                last[0] = picture
                for show in paint:
                    show(picture)

        self._parts.append(look)

    def look(self) -> None:
        """Paint if something came or time went by, and not too soon after the last time."""
        now_ms, serial = self.desk.now_ms(), self.desk.view.serial
        if serial != self._serial and now_ms - self._changed_ms >= PAINT_MS:
            self._serial, self._changed_ms = serial, now_ms
            self.paint()
        elif now_ms - self._painted_ms >= FRESH_MS:
            self.paint()

    def paint(self) -> None:
        """Paint what changed since the last time."""
        now_ms = self._painted_ms = self.desk.now_ms()
        if self._pulse is not None and now_ms - self._beat_ms >= BEAT_MS:
            self._beat_ms = now_ms
            market = self.desk.market
            self._pulse.paint(
                server_ms=now_ms, market_ms=market.time_ms(now_ms), speed=market.speed
            )
        if self._answered_ms is not None and now_ms - self._answered_ms >= ANSWER_MS:
            self._answered_ms = None
            if self._answer is not None:
                self._answer.say(())
        for part in self._parts:
            part()

    async def do(self, act: Callable[[Any, str], Awaitable[object]], done: str) -> None:
        """Have an act done by whoever looks, given the acts and their name, and tell them what became of it."""
        if (why_not := self.why_not()) is not None:
            self.say(why_not, good=False)
        elif self.desk.acts is None:
            self.say("This dashboard has no way to write acts.", good=False)
        else:
            try:
                await act(self.desk.acts, self.access.actor)
            except PipelineError as error:
                self.say(f"Not done. {error}", good=False)
            else:
                self.say(done)

    def connected_as(self) -> Access:
        """Return who holds the connection by now."""
        environ = ui.context.client.environ or {}
        return access_of(environ.get("asgi.scope", {}))

    def why_not(self) -> str | None:
        """Return why whoever looks may not act; None: they may.

        A page outlives its connection for a moment: whoever comes back to it may be signed in as somebody else by then.
        """
        if not self.access.may_act:
            return "This needs an operator's token; you may only look."
        if self.connected_as() != self.access:
            return f"You are no longer signed in as {self.access.actor}. Load the page again."
        return None

    def say(self, words: str, *, good: bool = True) -> None:
        """Tell this viewer what became of what they did."""
        if self._answer is not None:
            self._answer.classes(replace="answer is-good" if good else "answer is-bad")
            self._answer.say((Mark("well" if good else "warning", ""), Words(words)))
            self._answered_ms = self.desk.now_ms()

    def begin(self, here: str) -> None:
        """Draw what stands around the page."""
        Text("a", "Skip to the content").classes("skip").props["href"] = "#main"
        # Quasar's page is a `main` around everything; ours is the one that counts.
        if (slot := ui.context.client.content.parent_slot) is not None:
            slot.parent.props["role"] = "none"
        with block("header", "top", role="banner"):
            Text("a", "Tapereader").classes("brand").props["href"] = links.OVERVIEW
            with block("nav", "places", aria_label="Pages"):
                for _, name, href in PLACES:
                    link = Text("a", name)
                    link.props["href"] = href
                    if href == here:
                        at = ui.context.client.request.url.path
                        link.props["aria-current"] = "page" if at == href else "true"
            self._pulse = Pulse()
            self._pulse.props.update(server_ms=0, market_ms=0, speed=1)
        self._answer = Said("p").classes("answer")
        self._answer.props.update({"role": "status"})
        region = Said("div").classes("unseen")
        region.props.update({"role": "status", "aria-live": "assertive", "aria-atomic": "true"})
        news = announced.News()
        self.paints(
            ("critical",), announced.critical_of, lambda alerts: region.say(news.of(alerts))
        )

    def end(self) -> None:
        """Draw the foot, paint once, and go on painting."""
        with block("footer", "foot", role="contentinfo"):
            who = "operator" if self.access.may_act else "viewer"
            Said("span", (Words(f"signed in as {self.access.actor}, {who}", tone="quiet"),))
            if COOKIE in ui.context.client.request.cookies and self.desk.settings.tokens:
                with block("form", method="post", action=SIGN_OUT):
                    Text("button", "Sign out").classes("quiet").props["type"] = "submit"
            Keys().props["places"] = [
                {"key": key, "name": name, "href": href} for key, name, href in PLACES
            ]
        self.paint()
        ui.timer(LOOK_S, self.look)


def tell_missing(found: Missing | None = None) -> None:
    """Have the page that is being drawn answer that there is nothing to show, or that it is gone or away; it says why itself."""
    ui.context.client.status_code = status_of(found)


@contextmanager
def page_frame(
    desk: Desk, title: str, *, here: str = "", wide: bool = False, heading_hidden: bool = False
) -> Iterator[Frame]:
    """Give the frame of a page; what is made inside stands in its main part.

    ``title`` is the page's heading, plain text from anywhere; ``here`` the address in the navigation that it is under.
    """
    frame = Frame(desk, access_of(ui.context.client.request.scope))
    frame.begin(here)
    with block("main", "page is-wide" if wide else "page", id="main", tabindex="-1"):
        heading = Said("h1", (Words(title),))
        if heading_hidden:
            heading.classes("unseen")
        yield frame
    frame.end()
