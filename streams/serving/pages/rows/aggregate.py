"""What the page of one window tells: every value with its unit, how much was seen, what was revised, and who cites it. PURE."""

from collections.abc import Sequence

from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.charts.lanes import id_of
from streams.serving.pages.pieces import (
    Age,
    Amount,
    Column,
    Fact,
    Instant,
    Line,
    Mark,
    Row,
    Rows,
    Words,
    capped,
)
from streams.serving.shown import AlertShown, AnalysisShown
from streams.serving.view import View
from streams.serving.words import plain
from topics import Aggregate

from .briefly import alert_rows, analysis_rows
from .editions import (
    REASONS,
    Edition,
    by_venue,
    edition_rows,
    in_order,
    name_of,
    numbers,
)
from .naming import Named, named
from .quality import names, quality
from .quantities import NONE, Measure, measure, window_words, z_text

VALUES_SHOWN_MAX, VENUES_SHOWN_MAX = 60, 40
CITING_LOOKED_AT_MAX = 500
"""Alerts, and analyses, of the asset that are looked through for this window."""

VALUE_COLUMNS = (
    Column("Measure", main=True),
    Column("Value", numeric=True),
    Column("Usual", numeric=True),
    Column("How unusual (z)", numeric=True),
    Column("How it is worked out"),
)


class AggregateTold(Struct, frozen=True, kw_only=True):
    """The whole page."""

    lead: Line
    latest: str
    """The id of the edition that holds, of those in the log."""
    about: tuple[Fact, ...]
    values: Rows
    venue_columns: tuple[Column, ...]
    venues: Rows
    editions: Rows


class Citing(Struct, frozen=True, kw_only=True):
    """Who speaks of the window, in whatever edition."""

    alerts: Rows
    analyses: Rows


def aggregate_of(aggregate_id: str, found: Sequence[Edition]) -> AggregateTold | None:
    """Return what is told of a window whose editions were read from the log; None if this one is not among them."""
    ordered = in_order(found)
    shown = next((one for one in ordered if one[0].aggregate_id == aggregate_id), None)
    if shown is None:
        return None
    aggregate = shown[0]
    columns, venues = _venues(aggregate)
    return AggregateTold(
        lead=_lead(aggregate),
        latest=ordered[-1][0].aggregate_id,
        about=_about(shown),
        values=_values(aggregate),
        venue_columns=columns,
        venues=venues,
        editions=edition_rows(found, aggregate),
    )


def title_of(aggregate_id: str) -> str:
    """Return the page's heading."""
    window = named(aggregate_id)
    return "Window" if window is None else f"Window: {window.words}"


def later_of(view: View, aggregate_id: str, latest: str) -> Line:
    """Return that another edition holds by now: of those that the log had, and of what came since. Empty if this one does."""
    known = view.point(aggregate_id)
    told, last = named(aggregate_id), named(latest)
    if known is not None and last is not None and known[1].edition > (last.epoch, last.revision):
        latest = id_of(known[0].kind, known[0].subject, known[1])
        last = named(latest)
    if told is None or last is None or latest == aggregate_id:
        return ()
    return (
        Words("This edition holds no more:", tone="doubt"),
        Words(last.edition, href=links.aggregate(latest)),
        Words("took its place."),
    )


def citing_of(view: View, aggregate_id: str, now_ms: int) -> Citing:
    """Return the alerts and analyses that rest on a window, whichever edition of it they name."""
    window = named(aggregate_id)
    if window is None:
        return Citing(alerts=alert_rows((), "No alert."), analyses=analysis_rows((), "No analysis."))  # fmt: skip
    asset = window.subject.partition("/")[0]
    alerts = view.alerts(now_ms, asset=asset, most=CITING_LOOKED_AT_MAX)
    analyses = view.analyses_of(asset, window.start_ms, most=CITING_LOOKED_AT_MAX)
    return Citing(
        alerts=alert_rows(_citing_alerts(alerts, window), "No alert rests on it."),
        analyses=analysis_rows(_citing_analyses(analyses, window), "No analysis cites it."),
    )


def _citing_alerts(found: Sequence[AlertShown], window: Named) -> list[AlertShown]:
    return [s for s in found if any(_is_of(i, window) for i in s.alert.aggregate_ids)]


def _citing_analyses(found: Sequence[AnalysisShown], window: Named) -> list[AnalysisShown]:
    return [s for s in found if any(_is_of(f.aggregate_id, window) for f in s.analysis.facts)]


def _is_of(aggregate_id: str, window: Named) -> bool:
    other = named(aggregate_id)
    return other is not None and _window(other) == _window(window)


def _window(of: Named) -> tuple[str, str, int, int, int]:
    return of.kind, of.subject, of.window_ms, of.step_ms, of.start_ms


def _lead(aggregate: Aggregate) -> Line:
    return (
        Words(f"{aggregate.kind} of {aggregate.subject}", tone="strong"),
        Words(f"{window_words(aggregate.window_ms)} from"),
        Instant(aggregate.window_start_ms),
        Words("to"),
        Instant(aggregate.window_end_ms),
        Words(name_of(aggregate)),
        Words("ended", tone="quiet"),
        Age(aggregate.window_end_ms, clock="market"),
    )


def _about(shown: Edition) -> tuple[Fact, ...]:
    aggregate, place = shown
    told = quality(aggregate.completeness)
    history = f"{aggregate.history_n:,} earlier windows of this length"
    start_ms, end_ms = aggregate.window_start_ms, aggregate.window_end_ms
    raw = links.raw(aggregate.kind, aggregate.subject, start_ms, end_ms)
    made = [
        Fact("Data", (Words(f"{told.mark} {told.words}", tone="doubt" if told.doubtful else ""),)),
        Fact("Published", (Words(REASONS.get(aggregate.reason, aggregate.reason)),)),
        Fact("Asset", (Words(aggregate.asset, href=links.asset(aggregate.asset)),)),
        Fact("Usual rests on", (Words(history if aggregate.scores else "nothing yet: the history is short"),)),
        Fact("Raw events", (Words(f"{aggregate.kind} events of this window", href=raw),)),
        Fact("Stands in the log", (Words(f"{place.topic}, partition {place.partition}, offset {place.offset:,}"),)),
        Fact("Id", (Words(aggregate.aggregate_id, tone="quiet"),)),
    ]  # fmt: skip
    if aggregate.step_ms != aggregate.window_ms:
        hops = f"a window of {window_words(aggregate.window_ms)} begins each {window_words(aggregate.step_ms)}"
        made.insert(2, Fact("Overlaps", (Words(hops),)))
    return tuple(made)


def _values(aggregate: Aggregate) -> Rows:
    rows = [
        _value(aggregate, measure(aggregate.kind, name, aggregate.subject), value)
        for name, value in numbers(aggregate).items()
    ]
    return capped(rows, VALUES_SHOWN_MAX, "It has no values.")


def _value(aggregate: Aggregate, told: Measure, value: float | None) -> Row:
    score = aggregate.scores.get(told.name)
    return Row(
        key=told.name,
        cells=(
            (Words(told.label, hint=told.name),),
            _amount(told, value),
            _amount(told, score.median) if score else (Words("-", tone="quiet"),),
            (Amount(z_text(score.z)) if score else Words("-", tone="quiet"),),
            (Words(told.formula, tone="quiet"),),
        ),
    )


def _amount(told: Measure, value: float | None) -> Line:
    digits = told.digits(value)
    return (Amount(digits, told.unit),) if digits != NONE else (Words(NONE, tone="quiet"),)


def _venues(aggregate: Aggregate) -> tuple[tuple[Column, ...], Rows]:
    """Return the values by venue as one table; the largest venue first. Names of venues are from the topic."""
    found = by_venue(aggregate)
    told = [measure(aggregate.kind, name, aggregate.subject) for name in found]
    venues = sorted({venue for values in found.values() for venue in values})
    first = next(iter(found.values()), {})
    venues.sort(key=lambda venue: -first.get(venue, 0.0))
    rows = [
        Row(
            key=venue,
            cells=(
                (Words(plain(venue, 64)),),
                *(_amount(one, found[one.name].get(venue)) for one in told),
            ),
        )
        for venue in venues
    ]
    listed = getattr(aggregate.values, "level_venues", None)
    empty = f"In the turnover: {names(listed, 12)}." if listed else "This kind has no values by venue."  # fmt: skip
    columns = (Column("Venue", main=True), *(Column(one.label, numeric=True) for one in told))
    return columns, capped(rows, VENUES_SHOWN_MAX, empty)


def missing_of(view: View, aggregate_id: str, why: str | None) -> tuple[Line, ...]:
    """Return what is said where the window cannot be shown, and where to look instead."""
    because = why or "this page has no way to the log"
    lines: list[Line] = [
        (Mark("warning", "Not shown"), Words("This window cannot be read from the log."), Words(f"Why: {because}.", tone="quiet"))
    ]  # fmt: skip
    window = named(aggregate_id)
    if window is None:
        address = "An address of a window ends in kind/subject/length/step/start/revision, in milliseconds."
        return (*lines, (Words(address),))
    asset = window.subject.partition("/")[0]
    lines.append((Words("It would be"), Words(window.words, tone="strong"), Words("from"), Instant(window.start_ms), Words(window.edition)))  # fmt: skip
    known = view.point(aggregate_id)
    if known is not None:
        told = id_of(known[0].kind, known[0].subject, known[1])
        edition = named(told)
        words = edition.edition if edition else told
        lines.append((Words("The view knows of it:"), Words(words, href=links.aggregate(told))))
    else:
        lines.append((Words("Aggregates are kept for 30 days. Is the address whole?", tone="quiet"),))  # fmt: skip
    lines.append((Words(f"All of {asset}", href=links.asset(asset)),))
    return tuple(lines)
