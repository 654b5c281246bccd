"""Sources in words: PURE. What there is to choose from, what is configured, and how it is, as the topics tell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from streams.collectors.port import SourceSettings, SourceType
from topics import FeedStatus, Status

FEEDS_SHOWN = 20
"""Of one source: those that are worst, and then the most recent."""


def types_of(types: Iterable[SourceType]) -> Iterator[str]:
    """Yield the types of sources: what each is, and what it takes."""
    for source in types:
        yield f"{source.name}: {source.about}"
        yield f"  kinds   {', '.join(source.kinds)}"
        yield f"  key     {source.key}"
        yield f"  limits  {source.limits}"


def entry_of(name: str, entry: SourceSettings, source: SourceType) -> Iterator[str]:
    """Yield what an entry of the settings is."""
    yield f"{name}: {entry.type}, {', '.join(source.kinds)}"
    yield f"  {source.about}"
    yield f"  key     {source.key}"
    yield f"  limits  {source.limits}"


def parts_of(name: str, statuses: Iterable[Status], now_ms: int) -> list[Status]:
    """Return what living collectors tell of a source."""
    return sorted(
        (
            status
            for status in statuses
            if status.role == "collect"
            and status.part.rpartition("/")[0] == name
            and status.expires_ms > now_ms
        ),
        key=lambda status: (status.part, status.instance),
    )


def running_of(parts: Sequence[Status], now_ms: int) -> Iterator[str]:
    """Yield how a source runs, a line for each collector's part."""
    if not parts:
        yield "  no collector that runs tells of it"
    for status in parts:
        numbers = ", ".join(
            f"{what} {status.measures[key]:,.0f}"
            for key, what in (
                ("sent", "sent"),
                ("refused", "refused"),
                ("queued", "queued"),
                ("gaps_detected", "gaps detected"),
            )
            if key in status.measures
        )
        words = f" ({status.words})" if status.words else ""
        yield (
            f"  {status.part} at {status.instance}: {status.state}{words}"
            f" for {ago(status.since_ms, now_ms)}; {numbers}"
        )


def feeds_of(name: str, feeds: Iterable[FeedStatus], now_ms: int) -> Iterator[str]:
    """Yield the feeds of a source: the last event and the gaps of each, those with gaps first."""
    mine = sorted(
        (feed for feed in feeds if feed.source == name),
        key=lambda feed: (
            -(feed.gaps_open + feed.gaps_permanent),
            -(feed.last_event_ms or 0),
            feed.subject,
        ),
    )
    for feed in mine[:FEEDS_SHOWN]:
        last = "none" if feed.last_event_ms is None else f"{ago(feed.last_event_ms, now_ms)} ago"
        yield (
            f"  {feed.venue} {feed.subject}: {feed.state}, last event {last}, {feed.events:,} sent,"
            f" gaps {feed.gaps_open} open, {feed.gaps_permanent} permanent"
        )
    if len(mine) > FEEDS_SHOWN:
        yield f"  and {len(mine) - FEEDS_SHOWN} more feeds"


def listed(
    entries: Mapping[str, SourceSettings], statuses: Iterable[Status] | None, now_ms: int
) -> Iterator[str]:
    """Yield a line for each configured source. ``statuses`` is None where no broker answers."""
    known = None if statuses is None else list(statuses)
    for name, entry in sorted(entries.items()):
        if known is None:
            yield f"{name}: {entry.type}"
            continue
        states = [f"{part.part} {part.state}" for part in parts_of(name, known, now_ms)]
        yield f"{name}: {entry.type}; {', '.join(states) or 'not running'}"


def ago(at_ms: int, now_ms: int) -> str:
    """Return how long ago a time is, for people."""
    seconds = max(0.0, (now_ms - at_ms) / 1000)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s"
