"""Which windows end next, which have changed since they were published, and which are past changing."""

from msgspec import Struct

from .kinds import WindowSize
from .timeline import Timeline


class Window(Struct, frozen=True, order=True):
    """One window of one subject. Windows are published in this order within one heartbeat."""

    start_ms: int
    subject: str
    size: WindowSize

    @property
    def end_ms(self) -> int:
        """The first instant after it."""
        return self.start_ms + self.size.window_ms


class Revision(Struct, array_like=True):
    """How often a window has been published after its end, where that is not simply once."""

    number: int
    """The last revision published; -1 if none was, though the end has passed."""
    pending: bool
    """Changed since."""


class Schedule:
    """Every window that has still something to come.

    A window that has ended and has no `Revision` here was published once, as revision 0, and has not
    changed since: so state holds next to nothing of most windows.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.revisions: dict[Window, Revision] = {}
        self.touched: set[Window] = set()
        """Windows whose revision has changed since the state was written."""
        self._pending: set[Window] = set()
        self._due: Timeline[Window] = Timeline()
        self._past: Timeline[Window] = Timeline()

    def __len__(self) -> int:
        """How many windows are open."""
        return len(self._due)

    def open(self, window: Window) -> None:
        """Expect a window to end."""
        self._due.add(window.end_ms, window)

    def take_ended(self, watermark_ms: int) -> list[Window]:
        """Return the windows that have ended, in order, and expect them no more."""
        return sorted(window for _, window in self._due.take_until(watermark_ms))

    def change(self, window: Window, *, published: bool) -> None:
        """Note that a window changed after its end. ``published``: it had events before this change."""
        revision = self.revisions.get(window)
        if revision is None:
            revision = Revision(0 if published else -1, pending=True)
        revision.pending = True
        self.restore(window, revision)
        self.touched.add(window)

    def take_pending(self) -> list[tuple[Window, int]]:
        """Return the changed windows in order, each with the number its next revision has."""
        numbered = []
        for window in sorted(self._pending):
            revision = self.revisions[window]
            revision.number += 1
            revision.pending = False
            self.touched.add(window)
            numbered.append((window, revision.number))
        self._pending.clear()
        return numbered

    def forget_before(self, time_ms: int) -> None:
        """Forget the revisions of windows that end by ``time_ms``: nothing can change them any more.

        To be called when no change is pending.
        """
        for _, window in self._past.take_until(time_ms):
            del self.revisions[window]
            self.touched.add(window)

    def restore(self, window: Window, revision: Revision) -> None:
        """Keep a revision until its window is past changing."""
        self.revisions[window] = revision
        self._past.add(window.end_ms, window)
        if revision.pending:
            self._pending.add(window)
