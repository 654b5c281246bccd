"""Plain questions to what the view remembers. PURE."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from topics import (
    Aggregate,
    FeedStatus,
    Kind,
    Status,
)
from topics.units import EPOCH_MS_MAX

from .memory import Memory
from .shown import (
    FeedRow,
    GapShown,
    LateShown,
    Letter,
    Place,
    Point,
    SeriesKey,
)

FEED_HEARD_MS = 30_000
"""A collector tells every feed each 10 s; one not told three times belongs to a collector that is gone."""
SHOWN_MAX = 500
"""Of any list, unless more are asked for."""


class Questions(Memory):
    """What the topics say, in the plain questions people and programs ask."""

    # Windows.

    def assets(self) -> list[str]:
        """Return every asset there is anything of, by name."""
        rows = {row.asset for _, row in self.series_book.live()}
        said = self.analyst.of_asset.keys()
        fired = {kept.alert.asset for kept in self.alert_book}
        return sorted(rows | said | fired)

    def subjects(self, asset: str) -> list[tuple[Kind, str]]:
        """Return kind and subject of each row of windows of an asset."""
        rows = self.series_book.live()
        return sorted({(key.kind, key.subject) for key, row in rows if row.asset == asset})

    def rows(self, asset: str) -> list[SeriesKey]:
        """Return the rows of windows of an asset."""
        return sorted(key for key, row in self.series_book.live() if row.asset == asset)

    def series(
        self,
        kind: Kind,
        subject: str,
        window_ms: int,
        since_ms: int = 0,
        *,
        step_ms: int | None = None,
        until_ms: int | None = None,
        most: int | None = None,
    ) -> list[Point]:
        """Return a row's windows that begin in [since, until), the oldest first, at most so many.

        ``step_ms`` of windows that hop. A chart is better served by `columns`.
        """
        key = SeriesKey(kind, subject, window_ms, step_ms or window_ms)
        row = self.series_book.row(key)
        if row is None:
            return []
        first_ms, end_ms = self.series_book.span(key, since_ms)
        end_ms = end_ms if until_ms is None else min(end_ms, until_ms)
        return list(islice(row.points(first_ms, end_ms), most))

    def columns(
        self, key: SeriesKey, names: tuple[str, ...], since_ms: int = 0
    ) -> tuple[list[int], dict[str, list[float | None]]]:
        """Return the starts of a row's windows and some of their values, as a chart wants them: far cheaper than points.

        Raises:
            KeyError: Windows of this kind keep no such value.
        """
        row = self.series_book.row(key)
        if row is None:
            return [], {name: [] for name in names}
        span = self.series_book.span(key, since_ms)
        return row.starts(*span), {name: row.column(name, *span) for name in names}

    def point(self, aggregate_id: str) -> tuple[SeriesKey, Point] | None:
        """Return the window an id is of, by its greatest edition, whose place may be another's than the id's."""
        return self.series_book.find(aggregate_id)

    def latest_of(self, asset: str) -> list[tuple[Aggregate, Place]]:
        """Return the newest whole windows of an asset, by kind, subject and size."""
        return [
            (window, self.latest_places[key])
            for key, window in sorted(self.newest_windows())
            if window.asset == asset
        ]

    def newest_windows(self) -> Iterator[tuple[tuple[Kind, str, int], Aggregate]]:
        """Give the newest whole window of each kind, subject and size, unless it is as old as what rows forget."""
        for key, window in self.latest.items():
            if window.window_start_ms >= self.series_book.since_ms(key[0]):
                yield key, window

    def windows(self, kind: Kind, window_ms: int) -> list[Aggregate]:
        """Return the latest windows of one kind and size: the newest first, then by subject."""
        found = [a for (k, _, size), a in self.newest_windows() if (k, size) == (kind, window_ms)]
        return sorted(found, key=lambda a: (-a.window_start_ms, a.subject))

    # The pipeline.

    def feed_rows(self, now_ms: int, event_now_ms: int | None = None) -> list[FeedRow]:
        """Return every feed: those in trouble first, then by venue and subject."""
        market_ms = now_ms if event_now_ms is None else event_now_ms
        rows = []
        for key, feed in self.feeds.items():
            last_ms = feed.last_event_ms
            rows.append(
                FeedRow(
                    feed=feed,
                    state=feed_state(feed, now_ms),
                    age_ms=None if last_ms is None else max(0, market_ms - last_ms),
                    gaps=self.gap_book.of(feed),
                    place=self.feed_places[key],
                )
            )
        well = ("connected", "closed")
        return sorted(rows, key=lambda r: (r.state in well, r.feed.venue, r.feed.subject))

    def gaps(self) -> list[GapShown]:
        """Return the gaps remembered, the newest first."""
        return self.gap_book.all()

    def letters(
        self, *, stage: str | None = None, reason: str | None = None, most: int = SHOWN_MAX
    ) -> list[Letter]:
        """Return dead letters, the newest first."""
        found: list[Letter] = []
        for kept in self.kept_letters.newest_first():
            if len(found) >= most:
                break
            letter = kept.item
            if stage in (None, letter.stage) and reason in (None, letter.reason):
                found.append(letter)
        return found

    def letter(self, letter_id: str) -> Letter | None:
        """Return the newest dead letter of an id: one that was redriven in vain comes again."""
        newest = self.kept_letters.newest_first()
        return next((kept.item for kept in newest if kept.item.letter_id == letter_id), None)

    def late(self, asset: str | None = None, most: int = SHOWN_MAX) -> list[LateShown]:
        """Return events too late for every window, the newest first."""
        newest = (kept.item for kept in self.kept_late.newest_first())
        return [late for late in newest if asset in (None, late.asset)][:most]

    def parts(self, role: str, part: str, now_ms: int) -> list[Status]:
        """Return what is told of a part, or of all below it (`breaker`), and has not expired; the freshest first."""
        found = [s for s in self.told(role, part) if s.expires_ms > now_ms]
        return sorted(found, key=lambda status: status.at_ms, reverse=True)

    def clocks(self, kind: Kind, now_ms: int) -> list[int]:
        """Return the clocks of a kind's windows as live workers tell them; one that can be no time is not believed."""
        told = (s.measures.get("watermark_ms", 0.0) for s in self.parts("streams", kind, now_ms))
        return [int(clock_ms) for clock_ms in told if 0 < clock_ms <= EPOCH_MS_MAX]

    def part(self, role: str, part: str, now_ms: int) -> Status | None:
        """Return a role's freshest status of one part that has not expired; None if there is none."""
        return next((s for s in self.parts(role, part, now_ms) if s.part == part), None)

    def last_told(self, role: str, part: str) -> Status | None:
        """Return the freshest status of a part, or of all below it, expired or not; None if it was never told."""
        return max(self.told(role, part), key=lambda status: status.at_ms, default=None)

    def last_of_role(self, role: str) -> Status | None:
        """Return what of a role's parts will be believed longest; None if it was never told of."""
        told = (status for (r, _, _), status in self.statuses.items() if r == role)
        return max(told, key=lambda s: (s.expires_ms, s.at_ms, s.instance, s.part), default=None)

    def newest_event(self, kind: Kind) -> int | None:
        """Return the greatest event time of a kind: of what was read here, or as its collectors tell; None: no event."""
        found = [self.newest_event_ms.get(kind, 0)]
        for (role, _, part), status in self.statuses.items():
            if role == "collect" and part.rpartition("/")[2] == kind:
                told_ms = status.measures.get("last_event_ms", 0.0)
                found += [int(told_ms)] if told_ms <= EPOCH_MS_MAX else []
        return max(found) if max(found) > 0 else None

    def feed_states(self, now_ms: int) -> Counter[str]:
        """Return how many feeds are in each state; `not heard from` where a feed's collector is gone."""
        return Counter(feed_state(feed, now_ms) for feed in self.feeds.values())

    def told(self, role: str, part: str) -> list[Status]:
        """Return what is told of a part or of all below it, expired or not."""
        return [
            status
            for (r, _, p), status in self.statuses.items()
            if r == role and (p == part or p.startswith(part + "/"))
        ]


def feed_state(feed: FeedStatus, now_ms: int) -> str:
    """Return a feed's state as it may be believed now: what closed stays closed."""
    silent = now_ms - feed.at_ms > FEED_HEARD_MS and feed.state != "closed"
    return "not heard from" if silent else feed.state
