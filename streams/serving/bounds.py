"""How full the view is: every bound by its name, for people and for tests. PURE."""

from . import alert_book, gaps, memory, once, ring, series_book
from .acts import standing
from .memory import Memory
from .records import Bound


def bounds_of(view: Memory) -> list[Bound]:
    """Return each part of the view with what it holds, may hold, and had to let go."""
    analyst, room = view.analyst, view.made_room
    told = (
        (
            "rows",
            len(view.series_book.rows),
            series_book.SUBJECT_SERIES_MAX,
            view.series_book.rows_forgotten,
        ),
        (
            "points",
            view.series_book.points,
            series_book.POINTS_MAX,
            view.series_book.forgotten,
        ),
        ("windows", len(view.latest), memory.WINDOWS_MAX, room["windows"]),
        ("statuses", len(view.statuses), memory.STATUSES_MAX, room["statuses"]),
        ("feeds", len(view.feeds), memory.FEEDS_MAX, room["feeds"]),
        ("gap_feeds", len(view.gap_book), gaps.GAP_FEEDS_MAX, view.gap_book.forgotten),
        ("alerts", len(view.alert_book), alert_book.ALERTS_MAX, view.alert_book.forgotten),
        ("acts", view.standing_acts.kept, standing.ACTS_MAX, view.standing_acts.dropped),
        ("changes", len(view.ring), ring.CHANGES_MAX, view.ring.forgotten),
        ("said", len(analyst.said), once.SAID_MAX, analyst.said.forgotten),
        ("decided", len(analyst.decided), once.SAID_MAX, analyst.decided.forgotten),
        ("notified", len(view.notified), once.SAID_MAX, view.notified.forgotten),
    )
    newest = (
        ("analyses", analyst.analyses),
        ("decisions", analyst.decisions),
        ("letters", view.kept_letters),
        ("late", view.kept_late),
        ("notifications", view.kept_notifications),
    )
    return [
        *(Bound(name=n, now=now, most=most, forgotten=gone) for n, now, most, gone in told),
        *(
            Bound(name=name, now=len(kept), most=kept.most, forgotten=kept.forgotten)
            for name, kept in newest
        ),
    ]
