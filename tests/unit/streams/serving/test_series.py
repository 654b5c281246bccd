"""Rows of windows: what they keep is what the last edition of each window said, and no more than may be."""

from math import isclose
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving import series as row_module
from streams.serving import series_book as module
from streams.serving.series import VALUES, Series
from streams.serving.series_book import DAY_MS, SeriesBook
from streams.serving.shown import Place, SeriesKey
from tests.strategies import aggregates
from tests.strategies.contracts import events
from topics import KINDS, Aggregate, Score
from topics.metrics import METRICS, SCORED

MINUTE_MS = 60_000
KEY = SeriesKey("market", "BTC/USDT", MINUTE_MS, MINUTE_MS)


def place(offset: int) -> Place:
    """Return a place of the topic."""
    return Place("aggregates", 0, offset)


def put_all(book: SeriesBook, windows: list[Aggregate]) -> SeriesBook:
    """Return a book that has taken windows in their order."""
    for offset, window in enumerate(windows):
        book.put(window, place(offset))
    return book


def points(book: SeriesBook, key: SeriesKey = KEY, since_ms: int = 0) -> list[Any]:
    """Return what is shown of a row."""
    row = book.row(key)
    return [] if row is None else list(row.points(*book.span(key, since_ms)))


def test_every_value_kept_is_in_the_catalogue_and_a_number() -> None:
    """With what is scored."""
    for kind in KINDS:
        known = {m.name: m for m in METRICS if m.kind == kind}
        assert set(VALUES[kind]) <= known.keys()
        assert not [
            n for n in VALUES[kind] if "by venue" in known[n].unit or known[n].unit == "names"
        ]
        assert set(SCORED[kind]) <= known.keys()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 1)), max_size=30))
def test_a_row_keeps_the_greatest_edition_of_each_window(told: list[tuple[int, int, int]]) -> None:
    """In whatever order they come; of two that are equal the first."""
    windows = [
        msgspec.structs.replace(aggregates.market(number=n, revision=r), epoch=e)
        for n, r, e in told
    ]
    best: dict[int, tuple[tuple[int, int], int]] = {}
    for offset, window in enumerate(windows):
        known = best.get(window.window_start_ms)
        if known is None or window.edition > known[0]:
            best[window.window_start_ms] = window.edition, offset
    book = put_all(SeriesBook(), windows)
    assert [(p.start_ms, p.edition, p.place.offset) for p in points(book)] == [
        (start_ms, *best[start_ms]) for start_ms in sorted(best)
    ]
    assert book.points == len(best)
    row = book.row(KEY)
    if row is not None:
        assert row.starts(*book.span(KEY, 0)) == sorted(best)
        assert row.column("close", *book.span(KEY, 0)) == [p.values["close"] for p in points(book)]


@given(events(Aggregate))
def test_whatever_a_contract_allows_is_kept_as_it_is(window: Aggregate) -> None:
    """Values to the last digit; a score beyond all measure is told as the greatest."""
    row = Series(
        SeriesKey(window.kind, window.subject, window.window_ms, window.step_ms), window.asset
    )
    assert row.put(window, place(7))
    point = row.at(window.window_start_ms)
    assert point is not None
    for name in VALUES[window.kind]:
        value = getattr(window.values, name)
        assert point.values[name] == (None if value is None else float(value))
    for name, score in window.scores.items():
        if name in SCORED[window.kind]:
            z = max(-row_module.SCORE_MAX, min(row_module.SCORE_MAX, score.z))
            assert isclose(point.scores[name], z, rel_tol=1e-6, abs_tol=1e-30)
    assert point.edition == window.edition
    assert point.state == window.completeness.state
    assert isclose(
        point.holed_fraction, window.completeness.holed_fraction, rel_tol=1e-6, abs_tol=1e-30
    )
    assert set(point.missing_sources) <= set(window.completeness.missing_sources)
    assert point.place == place(7)


def test_sources_that_are_missing_are_named_up_to_a_bound() -> None:
    """And no longer once a revision says that they were there."""
    book = SeriesBook()
    names = [f"source{n}" for n in range(9)]
    book.put(aggregates.market(completeness=aggregates.silent(*names)), place(0))
    assert points(book)[0].missing_sources == tuple(names[: row_module.MISSING_NAMED_MAX])
    book.put(aggregates.market(revision=1), place(1))
    assert points(book)[0].missing_sources == ()


def test_scores_are_of_those_metrics_that_have_them() -> None:
    """Others are not kept, nor shown."""
    window = msgspec.structs.replace(
        aggregates.market(),
        scores={"volume": Score(z=2.5, median=1.0), "close": Score(z=1, median=1)},
    )
    assert points(put_all(SeriesBook(), [window]))[0].scores == {"volume": 2.5}


def test_a_day_behind_the_newest_of_its_kind_a_window_is_forgotten() -> None:
    """Of its own row and of others, at once for whoever asks; a late one that old is not taken."""
    day = DAY_MS // MINUTE_MS
    book = SeriesBook()
    book.put(aggregates.market("ETH/USDT", 0), place(0))
    book.put(aggregates.market(number=0), place(1))
    book.put(aggregates.market(number=1), place(2))
    book.put(aggregates.market(number=day + 1), place(3))
    assert [p.place.offset for p in points(book)] == [2, 3]
    assert points(book, SeriesKey("market", "ETH/USDT", MINUTE_MS, MINUTE_MS)) == []
    kept = book.points
    book.put(aggregates.market(number=-9), place(4))
    assert [p.place.offset for p in points(book)] == [2, 3]
    assert book.points == kept


def test_what_nobody_may_ask_for_is_let_go() -> None:
    """Rows are cut some windows at a time, and rows that are too old are gone within a day."""
    day = DAY_MS // MINUTE_MS
    book = SeriesBook()
    book.put(aggregates.market("OLD/USDT", 0), place(0))
    for n in range(2 * day + 300):
        book.put(aggregates.market(number=n), place(n))
    assert len(book.rows) == 1
    assert book.points <= day + module.TRIM_ROWS + 2
    assert len(points(book)) == day + 1
    assert book.forgotten == 0


def test_at_the_bound_of_rows_the_oldest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is counted, window by window."""
    monkeypatch.setattr(module, "SUBJECT_SERIES_MAX", 2)
    book = SeriesBook()
    for n, subject in enumerate(("A/B", "A/B", "C/D", "E/F")):
        book.put(aggregates.market(subject, n), place(n))
    assert [key.subject for key in book.rows] == ["C/D", "E/F"]
    assert (book.points, book.forgotten, book.rows_forgotten) == (2, 2, 1)


def test_at_the_bound_of_windows_the_longest_row_gives_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its older half: all that are left are the newest of their rows."""
    monkeypatch.setattr(module, "POINTS_MAX", 10)
    book = SeriesBook()
    for n in range(9):
        book.put(aggregates.market(number=n), place(n))
    book.put(aggregates.market("C/D", 8), place(9))
    assert book.forgotten == 0
    book.put(aggregates.market("C/D", 9), place(10))
    assert [p.place.offset for p in points(book)] == [5, 6, 7, 8]
    assert (book.points, book.forgotten) == (6, 5)


@given(events(Aggregate))
def test_a_window_is_found_by_the_id_of_any_of_its_editions(window: Aggregate) -> None:
    """Ids of other windows find nothing; nor does any other text."""
    made = aggregates.market("BTC/USDT", 3, revision=2)
    book = put_all(SeriesBook(), [made])
    for aggregate_id in (made.aggregate_id, aggregates.market("BTC/USDT", 3).aggregate_id):
        found = book.find(aggregate_id)
        assert found is not None
        assert (found[0], found[1].start_ms) == (KEY, made.window_start_ms)
    assert book.find(aggregates.market("BTC/USDT", 4).aggregate_id) is None
    assert book.find(window.aggregate_id) is None


def test_a_value_that_a_kind_does_not_keep_is_refused() -> None:
    """By its name."""
    book = put_all(SeriesBook(), [aggregates.market()])
    row = book.row(KEY)
    assert row is not None
    with pytest.raises(KeyError, match="tone_mean"):
        row.column("tone_mean", 0, 1)


def test_an_edition_beyond_all_measure_is_told_as_the_greatest() -> None:
    """The contract bounds neither number: such a record must not end who reads it, nor leave half a window."""
    book, huge = SeriesBook(), 2**70
    window = aggregates.market(revision=huge)
    book.put(replace(window, epoch=huge), place(0))
    book.put(replace(window, epoch=huge + 1), place(1))
    book.put(aggregates.market(number=1), place(2))
    most = row_module.EDITION_MAX
    assert [p.edition for p in points(book)] == [(most, most), (0, 0)]
    assert [p.place.offset for p in points(book)] == [0, 2]
