"""The books of the view at their bounds: what stays, what makes room, and that it is counted."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving import alert_book, analyst_book, gaps, memory, ring
from streams.serving.alert_book import AlertBook
from streams.serving.cursor import CursorError, read, written
from streams.serving.gaps import GapBook
from streams.serving.links import Links
from streams.serving.newest import Kept, Newest
from streams.serving.ring import Ring
from streams.serving.shown import Letter, Place
from streams.serving.view import View
from topics import Alert, Decision, GapDetected, GapFilled, Late, Notification

from .test_view import NOW_MS, analysis, feed, golden, status

PLACE = Place("alerts", 0, 0)


def alert(since: int, state: str = "firing", subject: str = "BTC/USDT", **changes: object) -> Alert:
    """Return a state of an alert of one rule."""
    fields = {
        "alert_id": f"r/{subject}/{since}",
        "rule": "r",
        "subject": subject,
        "state": state,
        "since_ms": since,
        "transition": 1 if state == "firing" else 2,
    }
    return golden(Alert, **fields | changes)  # type: ignore[no-any-return]


def refused(offset: int) -> Letter:
    """Return what is known of a dead letter."""
    return Letter(
        letter_id=str(offset),
        place=Place("deadletters", 0, offset),
        reason="malformed",
        message="not JSON",
        stage="fold",
        role="streams",
        attempt=1,
        time_ms=NOW_MS,
        at_ms=NOW_MS + offset,
        bytes=1,
        length=1,
        truncated=False,
        origin=None,
        key="",
    )


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), unique=True), st.integers(1, 8))
def test_the_newest_are_the_same_in_whatever_order_they_come(
    told: list[tuple[int, int]], most: int
) -> None:
    """At most so many, and none older than may be; what made room before its time is counted."""
    keep_ms = 10
    book: Newest[int] = Newest(most)
    for at_ms, offset in told:
        book.forget_before(at_ms - keep_ms)
        book.put(Kept(at_ms, Place("t", 0, offset), offset))
    newest_ms = max((at_ms for at_ms, _ in told), default=0)
    young = sorted((t, o) for t, o in told if t >= newest_ms - keep_ms)
    assert [(kept.at_ms, kept.item) for kept in book] == young[-most:]
    assert [kept.item for kept in book.newest_first()] == [o for _, o in reversed(young[-most:])]


def test_what_makes_room_is_given_back_and_counted() -> None:
    """What is only old is given back too, but nobody misses it."""
    book: Newest[str] = Newest(2)
    for at_ms in (1, 2):
        assert book.put(Kept(at_ms, PLACE, str(at_ms))) == []
    assert [kept.item for kept in book.put(Kept(3, PLACE, "3"))] == ["1"]
    assert book.forgotten == 1
    assert [kept.item for kept in book.forget_before(3)] == ["2"]
    assert book.forget_before(1) == []
    assert [kept.item for kept in book.put(Kept(2, PLACE, "late"))] == ["late"]
    assert (book.forgotten, len(book)) == (1, 1)


def test_links_end_with_the_last_record_that_tells_of_them() -> None:
    """Two records may say the same; of nothing there is nothing to remember."""
    links = Links()
    links.add("alert", "b")
    links.add("alert", "a")
    links.add("alert", "a")
    links.add(None, "a")
    links.remove("alert", "a")
    assert links.of("alert") == ("a", "b")
    links.remove("alert", "a")
    links.remove("alert", "b")
    links.remove("alert", "b")
    links.remove(None, "b")
    assert (links.of("alert"), len(links)) == ((), 0)


def test_an_alert_is_what_was_told_last_of_it_with_how_it_came_there() -> None:
    """The same record twice is one state."""
    book = AlertBook()
    for n, state in enumerate(("firing", "firing", "cleared")):
        book.put(alert(1, state), Place("alerts", 0, n), NOW_MS + n)
    (kept,) = book
    assert kept.alert.state == "cleared"
    assert [(t.state, t.at_ms - NOW_MS) for t in kept.transitions] == [
        ("firing", 0),
        ("cleared", 2),
    ]


def test_an_earlier_edition_of_an_alert_does_not_count() -> None:
    """Of one id the greatest epoch, then transition, counts."""
    book = AlertBook()
    book.put(alert(1, "cleared"), PLACE, 1)
    book.put(alert(1, "firing"), PLACE, 2)
    book.put(alert(1, "firing", epoch=1), PLACE, 3)
    (kept,) = book
    assert [t.at_ms for t in kept.transitions] == [1, 3]
    told = alert(1, "firing", epoch=1, headline="worse than it was")
    book.put(told, PLACE, 4)
    book.put(told, PLACE, 5)
    assert (kept.alert.headline, [t.at_ms for t in kept.transitions]) == (told.headline, [1, 3, 4])


def test_where_a_rule_fires_anew_what_was_before_is_over() -> None:
    """The topic keeps the latest record of a rule and subject: the one that cleared it may be gone."""
    book = AlertBook()
    book.put(alert(1), PLACE, 1)
    book.put(alert(1, subject="ETH/USDT"), PLACE, 1)
    book.put(alert(2), PLACE, 2)
    book.put(alert(3, kind="data_gap", alert_id="r/BTC/USDT/3/data_gap"), PLACE, 3)
    assert {kept.alert.alert_id: kept.latest for kept in book} == {
        "r/BTC/USDT/1": False,
        "r/ETH/USDT/1": True,
        "r/BTC/USDT/2": True,
        "r/BTC/USDT/3/data_gap": True,
    }


def test_of_many_transitions_the_first_and_the_last_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left out is counted."""
    monkeypatch.setattr(alert_book, "TRANSITIONS_MAX", 3)
    book = AlertBook()
    for n in range(6):
        book.put(alert(1, transition=n), PLACE, n)
    (kept,) = book
    assert [t.at_ms for t in kept.transitions] == [0, 4, 5]
    assert kept.left_out == 3


def test_at_the_bound_an_alert_that_is_over_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fires only where all do."""
    monkeypatch.setattr(alert_book, "ALERTS_MAX", 2)
    book = AlertBook()
    book.put(alert(1, subject="A"), PLACE, 1)
    book.put(alert(1, "cleared", subject="B"), PLACE, 1)
    book.put(alert(1, subject="C"), PLACE, 1)
    assert [kept.alert.subject for kept in book] == ["A", "C"]
    book.put(alert(1, subject="D"), PLACE, 1)
    assert [kept.alert.subject for kept in book] == ["C", "D"]
    assert (book.forgotten, len(book)) == (2, 2)


def test_a_gap_is_what_its_last_mark_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound of a feed one that has ended makes room first, at that of feeds the longest unheard of."""
    monkeypatch.setattr(gaps, "GAPS_OF_FEED_MAX", 2)
    monkeypatch.setattr(gaps, "GAP_FEEDS_MAX", 1)
    book = GapBook()
    told = [(GapDetected, 1), (GapDetected, 2), (GapFilled, 2), (GapDetected, 3)]
    for n, (mark, gap) in enumerate(told):
        book.put(golden(mark, gap_id=str(gap), to_ms=gap), "market", PLACE, n)
    venue = golden(GapDetected).venue
    shown = book.of(feed("BTC/USDT", venue=venue))
    assert [(g.gap_id, g.state, g.at_ms) for g in shown] == [("3", "open", 3), ("1", "open", 0)]
    assert book.forgotten == 1
    book.put(golden(GapDetected, subject="C/D"), "market", PLACE, 9)
    assert [g.subject for g in book.all()] == ["C/D"]
    assert book.forgotten == 3


positions = st.dictionaries(
    st.tuples(st.sampled_from(["aggregates", "feed.status", "raw.market"]), st.integers(0, 999)),
    st.integers(0, 2**63 - 1),
    max_size=20,
)


@given(positions)
def test_a_cursor_is_read_as_it_was_written(told: dict[tuple[str, int], int]) -> None:
    """In letters that stand in an address and a header as they are."""
    text = written(told)
    assert read(text) == told
    assert text.isascii()
    assert not set(text) - set("abcdefghijklmnopqrstuvwxyz0123456789.-~")


@given(st.text(max_size=30))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """What is none of ours has no positions."""
    with suppress(CursorError):
        assert written(read(text)).count(".") <= text.count(".")


@pytest.mark.parametrize(
    "text", ["aggregates", "aggregates-0", "a-0.1~", "~a-0.1", "A-0.1", "a-0.1\n", "a-0.1" * 900]
)
def test_a_broken_cursor_is_refused(text: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(CursorError):
        read(text)


def test_what_changed_is_told_since_a_serial_and_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each change once, the serial itself not."""
    monkeypatch.setattr(ring, "CHANGES_MAX", 2)
    changes = Ring()
    for asset in ("BTC", "ETH", "SOL"):
        changes.put("alerts", asset)
    assert changes.touched(2) == (3, frozenset({("alerts", "SOL")}))
    assert changes.touched(3) == (3, frozenset())
    assert changes.touched(0) == (3, frozenset({("alerts", "ETH"), ("alerts", "SOL")}))
    assert (len(changes), changes.forgotten) == (2, 1)


def test_a_log_that_is_another_one_is_read_from_its_begin() -> None:
    """What the old one said stays until it is said anew."""
    view = View()
    view.take(alert(1), Place("alerts", 0, 5))
    view.begin_anew("alerts", 0, 0)
    view.take(alert(1, "cleared"), Place("alerts", 0, 0))
    (shown,) = view.alerts(NOW_MS)
    assert shown.alert.state == "cleared"
    view.take(alert(1), Place("alerts", 0, 0))
    assert view.alerts(NOW_MS) == [shown]


def test_decisions_letters_late_and_notifications_are_kept_up_to_their_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what belongs to them, and counted."""
    monkeypatch.setattr(analyst_book, "DECISIONS_MAX", 2)
    monkeypatch.setattr(analyst_book, "ANALYSES_MAX", 2)
    monkeypatch.setattr(memory, "LATE_MAX", 2)
    monkeypatch.setattr(memory, "LETTERS_MAX", 2)
    monkeypatch.setattr(memory, "NOTIFICATIONS_MAX", 2)
    view = View()
    for n in range(4):
        view.take(golden(Late), Place("late", 0, n), NOW_MS + n)
        view.take_dead_letter(refused(n))
        view.take(
            golden(Notification, notification_id=str(n), alert_id=str(n)),
            Place("notifications", 0, n),
            NOW_MS + n,
        )
        view.take(
            golden(Decision, decision_id=str(n), survivor_id="s", alert_ids=["a"], alert_id="a"),
            Place("decisions", 0, n),
            NOW_MS + n,
        )
        view.take(
            analysis(n, supersedes=f"state/BTC/{n - 1}/0"), Place("analyses", 0, n), NOW_MS + n
        )
    assert [late.place.offset for late in view.late()] == [3, 2]
    assert list(view.alert_notifications) == ["2", "3"]
    assert [letter.place.offset for letter in view.letters()] == [3, 2]
    assert view.letter("0") is None
    assert [d.decision.decision_id for d in view.decisions()] == ["3", "2"]
    assert [d.decision.decision_id for d in view.decisions(most=1)] == ["3"]
    assert [letter.place.offset for letter in view.letters(most=1)] == [3]
    assert [d.decision.decision_id for d in view.coalesced_into("s")] == ["2", "3"]
    assert [a.place.offset for a in view.analyses_of()] == [3, 2]
    assert set(view.analyst.replaced) == {"state/BTC/1/0", "state/BTC/2/0"}
    forgotten = view.bounds()
    assert {b.name: b.forgotten for b in forgotten if b.forgotten} == {
        "late": 2,
        "letters": 2,
        "notifications": 2,
        "decisions": 2,
        "analyses": 2,
    }


def test_what_is_deleted_from_a_compacted_log_is_forgotten() -> None:
    """As by a view that starts later; the same deletion read again changes nothing."""
    view = View()
    view.take(alert(1), Place("alerts", 0, 0))
    view.take(alert(2), Place("alerts", 0, 1))
    view.take(alert(1, subject="ETH/USDT"), Place("alerts", 0, 2))
    view.take(feed("BTC/USDT"), Place("feed.status", 0, 0))
    view.take(feed("ETH/USDT"), Place("feed.status", 0, 1))
    view.take(status("role"), Place("status", 0, 0))
    view.take(status("inbox"), Place("status", 0, 1))
    serial = view.serial
    view.take_deleted("alerts", "r/BTC/USDT", Place("alerts", 0, 3))
    view.take_deleted("feed.status", "binance/BTC/USDT", Place("feed.status", 0, 2))
    view.take_deleted("status", "agent/a/role", Place("status", 0, 2))
    view.take_deleted("status", "agent/a/inbox", Place("status", 0, 1))
    assert [shown.alert.subject for shown in view.alerts(NOW_MS)] == ["ETH/USDT"]
    assert [row.feed.subject for row in view.feed_rows(NOW_MS)] == ["ETH/USDT"]
    assert [s.part for s in view.statuses.values()] == ["inbox"]
    assert view.serial == serial + 3
    view.take(alert(3), Place("alerts", 0, 4))
    assert view.alerts(NOW_MS, asset="BTC")[0].fires


def test_what_made_room_is_told_of_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of parts is no loss of windows."""
    monkeypatch.setattr(memory, "STATUSES_MAX", 1)
    monkeypatch.setattr(memory, "FEEDS_MAX", 1)
    view = View()
    for n in range(3):
        view.take(status(f"p{n}"))
    view.take(feed("BTC/USDT"))
    view.take(feed("ETH/USDT"))
    told = {bound.name: bound.forgotten for bound in view.bounds() if bound.forgotten}
    assert told == {"statuses": 2, "feeds": 1}
    assert view.counts.forgotten == 3


@pytest.mark.parametrize("too_old", [False, True])
def test_a_day_behind_the_newest_record_of_whatever_log_all_is_forgotten(too_old: bool) -> None:
    """Also of what nothing more is said, and with what belongs to it; nothing has made room before its time."""
    view = View()
    view.take(alert(1), Place("alerts", 0, 0), NOW_MS)
    told = golden(Notification, alert_id="r/BTC/USDT/1")
    view.take(told, Place("notifications", 0, 0), NOW_MS)
    view.take(golden(Late), Place("late", 0, 0), NOW_MS)
    view.take(golden(Decision), Place("decisions", 0, 0), NOW_MS)
    view.take(analysis(1), Place("analyses", 0, 0), NOW_MS)
    view.take_dead_letter(refused(0))
    view.take(feed("BTC/USDT"), Place("feed.status", 0, 0), NOW_MS + view.keep_ms + too_old)
    (shown,) = view.alerts(NOW_MS)
    found = (shown.notifications, view.late(), view.decisions(), view.analyses_of(), view.letters())
    assert [len(kept) for kept in found] == [0 if too_old else 1] * 5
    assert bool(view.alert_notifications) == (not too_old)
    assert not any(bound.forgotten for bound in view.bounds())


def test_alerts_of_one_severity_are_told_the_newest_first_then_by_id() -> None:
    """In whatever order they came; and an analysis of the very time that is asked for is told."""
    view = View()
    for offset, (subject, at_ms) in enumerate((("C/D", 2), ("A/B", 1), ("E/F", 2))):
        view.take(alert(1, subject=subject), Place("alerts", 0, offset), NOW_MS + at_ms)
    assert [s.alert.subject for s in view.alerts(NOW_MS)] == ["C/D", "E/F", "A/B"]
    view.take(analysis(1))
    for since_ms, found in ((NOW_MS + 1, 1), (NOW_MS + 2, 0)):
        assert (
            len(view.analyses_of("BTC", since_ms)) == len(view.analyses_of(None, since_ms)) == found
        )
