"""The page of a window has every value with its unit, what each edition changed, and who cites it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.pages.rows.aggregate import (
    aggregate_of,
    citing_of,
    later_of,
    missing_of,
    title_of,
)
from streams.serving.pages.rows.editions import changes, edition_rows, in_order, numbers
from streams.serving.pages.rows.naming import alert_words, candidate, named
from streams.serving.pages.rows.quantities import CATALOGUE
from streams.serving.records import Place
from streams.serving.view import View
from tests.browser.day import day
from tests.browser.day_said import FALL, HOLE
from tests.browser.log import Log
from tests.browser.scene import posted, traded, window
from topics import Aggregate
from topics.aggregate import DevelopmentValues, VolumeValues, aggregate_id

from .pieces_in import hrefs, said

NOW_MS = 1_764_195_000_000
MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS - 1_440 * MINUTE_MS
VOLUME = VolumeValues(flow=9.0, flow_samples=2, level=7.0, level_venues=["a"], concentration=0.5)
ACTS = DevelopmentValues(events=1, commits=1, pull_requests=0, releases=0, issues=0, bot_events=0)


def window_id(minute: int, revision: int = 0) -> str:
    at_ms = START_MS + minute * MINUTE_MS
    return aggregate_id("market", "SOL/USDT", window_ms=MINUTE_MS, step_ms=MINUTE_MS, start_ms=at_ms, revision=revision)  # fmt: skip


@pytest.fixture(scope="module")
def log() -> Log:
    return day(View(), NOW_MS)


async def editions(log: Log, wanted: str) -> list[tuple[Aggregate, Place]]:
    found = await log.editions(wanted)
    assert isinstance(found, list)
    return [(one.event, one.whole.place) for one in found]


async def test_an_edition_that_holds_no_more_says_which_does(log: Log) -> None:
    wanted = window_id(HOLE.start, 1)
    told = aggregate_of(wanted, await editions(log, wanted))
    assert told is not None
    later = later_of(View(), wanted, told.latest)
    assert hrefs(later) == [f"/aggregates/{window_id(HOLE.start, 2)}"]
    assert "revision 2" in said(later)
    assert "11 % of its time is missing, at simex" in said(told.about)
    assert any(h.startswith("/raw/market/SOL/USDT?from=") for h in hrefs(told.about))
    assert "aggregates, partition 0, offset" in said(told.about)


async def test_editions_say_what_they_changed_in_its_unit(log: Log) -> None:
    wanted = window_id(HOLE.start, 2)
    told = aggregate_of(wanted, await editions(log, wanted))
    assert told is not None
    assert later_of(log.view, wanted, told.latest) == ()
    assert len(told.editions.rows) == 3
    newest, _, first = told.editions.rows
    assert "volume" in said(newest)
    assert "SOL" in said(newest)
    assert "data: holed to complete" in said(newest)
    assert "nothing was there before" in said(first)


@pytest.mark.parametrize(
    ("values", "subject", "kind"),
    [
        (traded(1.0, 2.0), "SOL/USDT", "market"),
        (VOLUME, "SOL", "volume"),
        (posted(), "SOL", "social"),
        (ACTS, "SOL", "development"),
    ],
)
def test_every_value_of_the_catalogue_is_on_the_page(
    values: object, subject: str, kind: str
) -> None:
    made = window(values, subject, kind, START_MS)  # type: ignore[arg-type]
    told = aggregate_of(made.aggregate_id, [(made, Place("aggregates", 0, 1))])
    assert told is not None
    shown = {row.key for row in told.values.rows}
    shown |= {column.title for column in told.venue_columns}
    for of_kind, name in CATALOGUE:
        if of_kind == kind and not name.startswith("venue_") and name != "level_venues":
            assert name in shown
    assert (kind == "market") == bool(told.venues.rows)


def test_an_edition_that_the_log_has_not_is_none() -> None:
    made = window(posted(), "SOL", "social", START_MS)
    assert aggregate_of(f"{made.aggregate_id}9", [(made, Place("aggregates", 0, 1))]) is None


async def test_who_cites_a_window_is_found_whichever_edition_they_name(log: Log) -> None:
    citing = citing_of(log.view, window_id(FALL, 7), NOW_MS)
    assert any("/alerts/price.drop/" in h for h in hrefs(citing.alerts))
    assert any("/analyses/deep_dive/SOL/" in h for h in hrefs(citing.analyses))
    none = citing_of(log.view, "hello", NOW_MS)
    assert not none.alerts.rows
    assert not none.analyses.rows


def test_an_edition_that_comes_while_the_page_is_open_is_told() -> None:
    view = View()
    made = window(posted(), "SOL", "social", START_MS)
    view.take(made)
    assert later_of(view, made.aggregate_id, made.aggregate_id) == ()
    view.take(replace(made, revision=1, aggregate_id=made.aggregate_id[:-1] + "1"))
    assert hrefs(later_of(view, made.aggregate_id, made.aggregate_id)) == [f"/aggregates/{made.aggregate_id[:-1]}1"]  # fmt: skip
    assert title_of(made.aggregate_id) == "Window: social SOL, 1 min"
    assert title_of("hello") == "Window"


def test_what_cannot_be_read_says_why_and_where_to_look() -> None:
    view = View()
    made = window(posted(), "SOL", "social", START_MS)
    view.take(replace(made, revision=2, aggregate_id=made.aggregate_id[:-1] + "2"))
    known = missing_of(view, made.aggregate_id, "it is deleted")
    assert "it is deleted" in said(known)
    assert f"/aggregates/{made.aggregate_id[:-1]}2" in hrefs(known)
    assert "kept for 30 days" in said(missing_of(View(), made.aggregate_id, None))
    assert "ends in kind/subject" in said(missing_of(View(), "hello", None))


@given(st.permutations(range(5)), st.integers(0, 3))
def test_editions_come_in_order_and_the_first_of_two_equal_ones_counts(
    order: list[int], doubled: int
) -> None:
    made = window(posted(), "SOL", "social", START_MS)
    found = [
        (replace(made, revision=revision), Place("aggregates", 0, 10 + revision))
        for revision in order
    ]
    found.append((replace(made, revision=doubled), Place("aggregates", 0, 99)))
    ordered = in_order(found)
    assert [aggregate.revision for aggregate, _ in ordered] == [0, 1, 2, 3, 4]
    assert [place.offset for _, place in ordered] == [10, 11, 12, 13, 14]


@given(st.lists(st.integers(0, 50), min_size=2, max_size=6))
def test_what_changed_is_what_differs_and_nothing_else(posts: list[int]) -> None:
    made = [window(posted(n), "SOL", "social", START_MS) for n in posts]
    for before, after in pairwise(made):
        told = {change.told.name for change in changes(before, after)}
        old, new = numbers(before), numbers(after)
        assert told == {name for name in new if new[name] != old[name]}


def test_an_edition_of_other_venues_alone_says_so() -> None:
    first = window(traded(1.0, 2.0), "SOL/USDT", "market", START_MS)
    other = replace(first, revision=1, values=replace(first.values, venue_close={"x": 2.0}))
    places = [Place("aggregates", 0, 1), Place("aggregates", 0, 2)]
    rows = edition_rows(list(zip((first, other), places, strict=True)), other)
    assert "only values by venue" in said(rows.rows[0])


@given(
    st.sampled_from(["market", "social"]),
    st.from_regex(r"[A-Z0-9]{1,8}(/[A-Z0-9]{1,8})?", fullmatch=True),
    st.tuples(*[st.integers(1, 10**12)] * 3),
    st.integers(0, 9),
    st.integers(0, 3),
)
def test_an_id_is_read_as_it_is_written(
    kind: str, subject: str, times: tuple[int, int, int], revision: int, epoch: int
) -> None:
    size, step, start = times
    made = aggregate_id(kind, subject, window_ms=size, step_ms=step, start_ms=start, revision=revision, epoch=epoch)  # type: ignore[arg-type]  # fmt: skip
    told = named(made)
    assert told is not None
    assert (told.kind, told.subject, told.window_ms, told.step_ms) == (kind, subject, size, step)
    assert (told.start_ms, told.revision, told.epoch) == (start, revision, epoch)


@given(st.text(max_size=120))
def test_whatever_else_is_no_id_and_breaks_nothing(text: str) -> None:
    told = named(text)
    assert told is None or told.window_ms > 0
    assert "\n" not in alert_words(text)
    candidate(text)


def test_alerts_and_candidates_are_named_by_what_they_are() -> None:
    assert alert_words("price.drop/SOL/USDT/1795728660000") == "price.drop for SOL/USDT"
    assert alert_words("v/SOL/1/data_gap") == "v for SOL, not to be judged"
    assert candidate("deep_dive/SOL/17/0") == ("deep dive of SOL", 17)
