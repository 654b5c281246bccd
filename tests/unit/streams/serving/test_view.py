"""What the view keeps, counts and forgets."""

import unicodedata
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving import analyst_book as book
from streams.serving import memory as module
from streams.serving import once
from streams.serving.view import View, feed_state
from streams.serving.words import clock, number, plain, span
from tests.strategies import aggregates
from tests.strategies.contracts import any_event
from topics import (
    Aggregate,
    Alert,
    Analysis,
    Control,
    Decision,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Intent,
    Late,
    Notification,
    Result,
    Status,
    Tally,
    Trade,
    decoder_of,
)
from topics.codec import tag_of
from topics.units import EPOCH_MS_MAX

GOLDEN = Path(__file__).parents[3] / "data" / "contracts"
NOW_MS = aggregates.BASE_MS


def golden(contract: type, **changes: Any) -> Any:
    """Return the recorded event of a contract, with some fields changed."""
    file = min(GOLDEN.glob(f"*/{tag_of(contract)}.json"), key=lambda f: int(f.parent.name[1:]))
    event: Any = decoder_of(contract).decode(file.read_bytes())
    return msgspec.structs.replace(event, **changes)


def analysis(number_: int, **changes: Any) -> Analysis:
    """Return an analysis that holds, the later the greater its number."""
    fields = {
        "analysis_id": f"state/BTC/{number_}/0",
        "status": "current",
        "supersedes": None,
        "as_of_ms": NOW_MS + number_,
        "produced_ms": NOW_MS + number_,
        "valid_until_ms": NOW_MS + 900_000,
        "severity": "info",
        "origin": "rules",
    }
    return golden(Analysis, **fields | changes)  # type: ignore[no-any-return]


def status(part: str, at_ms: int = NOW_MS, **changes: Any) -> Status:
    """Return what an agent's part says, which holds for 30 s."""
    fields = {"role": "agent", "instance": "a", "at_ms": at_ms, "expires_ms": at_ms + 30_000}
    return golden(Status, part=part, **fields | changes)  # type: ignore[no-any-return]


def feed(subject: str, **changes: Any) -> FeedStatus:
    """Return the status of a feed that was told just now."""
    fields = {"venue": "binance", "state": "connected", "at_ms": NOW_MS, "gaps_open": 0}
    return golden(FeedStatus, subject=subject, **fields | changes)  # type: ignore[no-any-return]


def counted(view: View) -> dict[str, int]:
    """Return the counters that are not 0."""
    return {name: n for name, n in msgspec.structs.asdict(view.counts).items() if n}


@pytest.mark.parametrize(
    ("contract", "counts"),
    [
        (Aggregate, {"aggregates": 1, "revisions": 1}),
        (Analysis, {"analyses": 1, "by_model": 1}),
        (Decision, {"decisions": 1, "decided": 1}),
        (Late, {"late": 1}),
        (Heartbeat, {"heartbeats": 1}),
        (GapDetected, {"gaps_detected": 1}),
        (GapFilled, {"gaps_filled": 1}),
        (GapPermanent, {"gaps_permanent": 1}),
        (Status, {}),
        (FeedStatus, {}),
    ],
)
def test_every_event_counts_once_as_what_it_is(contract: type, counts: dict[str, int]) -> None:
    """And as nothing else."""
    view = View()
    view.take(golden(contract))
    assert counted(view) == counts


def test_a_tally_counts_all_it_tells_of() -> None:
    """With one record."""
    view = View()
    view.take(golden(Tally, folded=3, uninteresting=4))
    assert counted(view) == {"tallied": 7}


@pytest.mark.parametrize("contract", [Alert, Control, Intent, Result, Trade])
def test_what_the_view_does_not_show_it_passes_over(contract: type) -> None:
    """Raw events and dead letters come by doors of their own."""
    view = View()
    view.take(golden(contract))
    assert counted(view) == {}


@given(st.lists(any_event(), max_size=5))
def test_any_events_leave_counts_that_are_not_less(events: list[object]) -> None:
    """Of whatever the contracts allow."""
    view = View()
    for event in events:
        before = msgspec.structs.astuple(view.counts)
        view.take(event)
        after = msgspec.structs.astuple(view.counts)
        assert all(b <= a for b, a in zip(before, after, strict=True))
    view.readings(9, NOW_MS)
    view.windows("market", 60_000)
    view.feed_states(NOW_MS)


def test_what_comes_as_no_event_is_counted_too() -> None:
    """Raw events, whose newest time is kept by kind; dead letters; what could not be read, or was not there."""
    view = View()
    for at_ms in (5, 9, 7):
        view.take_raw("market", at_ms)
    view.take_raw("social", 1)
    view.take_dead_letter()
    view.take_unreadable()
    view.take_evicted(12)
    assert counted(view) == {"raw_events": 4, "dead_letters": 1, "unreadable": 1, "evicted": 12}
    assert view.newest_event_ms == {"market": 9, "social": 1}


def test_the_newest_window_is_kept_by_its_highest_revision() -> None:
    """In whatever order they come; older windows and earlier revisions only count."""
    view = View()
    for window, revision in ((1, 0), (2, 0), (1, 1), (2, 2), (2, 1)):
        view.take(aggregates.market(number=window, revision=revision))
    ((place, kept),) = view.latest.items()
    assert place == ("market", "BTC/USDT", 60_000)
    assert (kept.window_start_ms, kept.revision) == (NOW_MS + 2 * 60_000, 2)
    assert counted(view) == {"aggregates": 5, "revisions": 3}
    for window, epoch in ((2, 1), (1, 2), (2, 0)):
        anew = msgspec.structs.replace(aggregates.market(number=window), epoch=epoch)
        view.take(anew)
    (kept,) = view.latest.values()
    assert (kept.window_start_ms, kept.edition) == (NOW_MS + 2 * 60_000, (1, 0))


def test_windows_that_hop_only_count() -> None:
    """Of windows that lie over each other there is no latest."""
    view = View()
    view.take(aggregates.market(window_ms=300_000, step_ms=60_000))
    assert (view.latest, counted(view)) == ({}, {"aggregates": 1})


def test_windows_are_told_the_newest_first_then_by_name() -> None:
    """Those of one kind and size."""
    view = View()
    view.take(aggregates.market("ETH/USDT", 1))
    view.take(aggregates.market("BTC/USDT", 1))
    view.take(aggregates.market("ADA/USDT", 0))
    view.take(aggregates.market("BTC/USDT", 0, window_ms=300_000))
    view.take(aggregates.social("BTC", 0, window_ms=60_000))
    found = [window.subject for window in view.windows("market", 60_000)]
    assert found == ["BTC/USDT", "ETH/USDT", "ADA/USDT"]


def test_at_the_bound_the_subject_longest_not_heard_of_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not the new one: the view is of now. A revision of an older window is no news of its subject."""
    monkeypatch.setattr(module, "WINDOWS_MAX", 3)
    view = View()
    for subject in ("A/B", "C/D", "E/F"):
        view.take(aggregates.market(subject, 1))
    view.take(aggregates.market("A/B", 2))
    view.take(aggregates.market("C/D", 0, revision=1))
    assert len(view.latest) == 3
    assert view.counts.forgotten == 0
    view.take(aggregates.market("G/H", 2))
    assert [subject for _, subject, _ in view.latest] == ["E/F", "A/B", "G/H"]
    assert view.counts.forgotten == 1


def test_at_the_bound_the_part_longest_not_told_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that are gone do not keep out those that are there."""
    monkeypatch.setattr(module, "STATUSES_MAX", 2)
    view = View()
    for instance in ("gone", "there", "there", "new"):
        view.take(status("role", instance=instance))
    assert [instance for _, instance, _ in view.statuses] == ["there", "new"]
    assert view.counts.forgotten == 1


def test_at_the_bound_the_feed_longest_not_told_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of feeds."""
    monkeypatch.setattr(module, "FEEDS_MAX", 2)
    view = View()
    for subject in ("A/B", "C/D", "A/B", "E/F"):
        view.take(feed(subject))
    assert [subject for _, subject in view.feeds] == ["A/B", "E/F"]
    assert view.counts.forgotten == 1


def test_the_last_analyses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """All count."""
    monkeypatch.setattr(book, "ANALYSES_MAX", 20)
    view = View()
    for n in range(21):
        view.take(analysis(n))
    assert len(view.analyses) == 20
    assert view.analyses[0].as_of_ms == NOW_MS + 1
    assert view.counts.analyses == 21


def test_an_asset_of_which_much_is_said_does_not_push_out_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each at most so many are kept: those of the newest windows."""
    monkeypatch.setattr(book, "ANALYSES_OF_ASSET_MAX", 3)
    view = View()
    view.take(analysis(0, asset="ETH", analysis_id="eth"))
    for n in (1, 2, 3, 5, 4, 6):
        view.take(analysis(n))
    found = [a.analysis.as_of_ms - NOW_MS for a in view.analyses_of("BTC")]
    assert found == [6, 5, 4]
    assert len(view.analyses_of("ETH")) == 1
    assert view.money(NOW_MS).by["asset"][0].analyses == 3
    assert next(b.forgotten for b in view.bounds() if b.name == "analyses") == 3


@pytest.mark.parametrize(
    ("origin", "by_model", "said_again"),
    [("rules", 0, 0), ("model_cheaper", 1, 0), ("cache", 1, 1), ("cache_stale", 1, 1)],
)
def test_whose_words_an_analysis_says_is_counted(
    origin: str, by_model: int, said_again: int
) -> None:
    """A model's, and of these the ones that it had said before."""
    view = View()
    view.take(analysis(1, origin=origin))
    assert (view.counts.by_model, view.counts.said_again) == (by_model, said_again)


def test_an_analysis_that_is_said_again_counts_once_and_its_first_words_stay() -> None:
    """After a crash of the agent those in flight come twice; readers keep the one at the lowest offset."""
    view = View()
    view.take(analysis(1, headline="first", origin="model"))
    view.take(analysis(1, headline="again", origin="model"))
    assert counted(view) == {"analyses": 1, "by_model": 1}
    assert [a.headline for a in view.analyses] == ["first"]


def test_what_was_said_before_is_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Analyses, decisions and notifications: the oldest is forgotten first, and counted."""
    monkeypatch.setattr(once, "SAID_MAX", 2)
    view = View()
    for n in (1, 2, 3, 2, 3, 1):
        view.take(analysis(n))
        view.take(golden(Decision, decision_id=str(n), alert_id=None, last_offset=n))
        view.take(golden(Notification, notification_id=str(n)))
    assert (view.counts.analyses, view.counts.decided) == (4, 4)
    assert len(view.kept_notifications) == 4
    told = {bound.name: (bound.now, bound.forgotten) for bound in view.bounds() if bound.most == 2}
    assert told == {"said": (2, 2), "decided": (2, 2), "notified": (2, 2)}


def test_readings_are_the_newest_first() -> None:
    """As many as asked for, all of them where there are fewer."""
    view = View()
    for n in (1, 3, 2):
        view.take(analysis(n))
    assert [a.as_of_ms - NOW_MS for a in view.readings(9, NOW_MS)] == [3, 2, 1]
    assert [a.as_of_ms - NOW_MS for a in view.readings(2, NOW_MS)] == [3, 2]


def test_severe_readings_stay_until_they_no_longer_hold() -> None:
    """Half of the rows are theirs at most, and calm ones do not push them out."""
    view = View()
    for n in range(4):
        view.take(analysis(n, severity="critical" if n % 2 else "warning"))
    for n in range(10, 30):
        view.take(analysis(n))
    shown = [a.as_of_ms - NOW_MS for a in view.readings(5, NOW_MS)]
    assert shown == [29, 28, 27, 3, 2]
    later = [a.as_of_ms - NOW_MS for a in view.readings(5, NOW_MS + 900_000)]
    assert later == [29, 28, 27, 26, 25]


def test_what_was_taken_back_is_not_read() -> None:
    """Withdrawn, superseded, or replaced by another that says so."""
    view = View()
    view.take(analysis(1, status="withdrawn"))
    view.take(analysis(2, status="superseded"))
    view.take(analysis(3))
    view.take(analysis(4, supersedes="state/BTC/3/0"))
    assert [a.as_of_ms - NOW_MS for a in view.readings(9, NOW_MS)] == [4]


def test_a_part_is_what_was_told_last_and_has_not_expired() -> None:
    """Of several instances the freshest; an expired one is as good as none."""
    view = View()
    view.take(status("role", NOW_MS, instance="a", state="running"))
    view.take(status("role", NOW_MS - 10_000, instance="b", state="starting"))
    view.take(status("role", NOW_MS + 1, role="streams"))
    found = view.part("agent", "role", NOW_MS)
    assert found is not None
    assert found.instance == "a"
    assert [s.instance for s in view.parts("agent", "role", NOW_MS)] == ["a", "b"]
    assert [s.instance for s in view.parts("agent", "role", NOW_MS + 20_000)] == ["a"]
    assert view.part("agent", "role", NOW_MS + 29_999) is not None
    assert view.part("agent", "role", NOW_MS + 30_000) is None
    last = view.last_told("agent", "role")
    assert last is not None
    assert last.instance == "a"
    assert view.last_told("agent", "breaker") is None


def test_parts_below_a_name_are_found_with_it() -> None:
    """`breaker` is of every model; `breakers` would be something else."""
    view = View()
    for part in ("breaker/a/b", "breaker/c/d", "breakers/e"):
        view.take(status(part))
    assert {s.part for s in view.parts("agent", "breaker", NOW_MS)} == {
        "breaker/a/b",
        "breaker/c/d",
    }
    assert view.part("agent", "breaker", NOW_MS) is None


def test_a_feed_that_is_not_told_any_more_is_not_believed() -> None:
    """Its collector is gone, whatever it said last; one that was closed stays closed."""
    view = View()
    view.take(feed("A/B"))
    view.take(feed("C/D", state="stale"))
    view.take(feed("E/F", state="closed"))
    assert view.feed_states(NOW_MS + 30_000) == {"connected": 1, "stale": 1, "closed": 1}
    assert view.feed_states(NOW_MS + 30_001) == {"not heard from": 2, "closed": 1}
    assert feed_state(feed("A/B"), NOW_MS - 1) == "connected"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("two\nlines\r\nand\ttabs\u2028\u2029\x85more", "two lines and tabs more"),
        ("\x1b[31mred\x1b[0m \x9b2J", "[31mred [0m 2J"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("\u202egnp.exe\u202c \u2066x\u2069 \u200fy", "gnp.exe x y"),
        ("zero\u200bwidth\ufeff soft\u00adhyphen \U000e0041tag", "zerowidth softhyphen tag"),
        ("a\u3164b\u115f\u2800c\ufe0f \u034fd", "abc d"),
        ("\uff22\uff34\uff23 \ufb01", "BTC fi"),
        ("e\u0301 Z\u0300\u0301\u0302\u0303\u0304", "é Z\u0300\u0301"),
        ("\ue000\ud800\U0010ffff", ""),
        ("  many   spaces\u00a0\u3000 ", "many spaces"),
    ],
)
def test_topic_text_becomes_plain_text(text: str, shown: str) -> None:
    """What commands a terminal, turns text round or cannot be seen does not pass; the rest does."""
    assert plain(text) == shown


@given(st.text(st.characters(), max_size=60), st.integers(0, 20))
def test_plain_text_is_one_line_of_letters_of_a_length(text: str, length: int) -> None:
    """Of any text."""
    shown = plain(text)
    assert not any(c != " " and unicodedata.category(c)[0] in "CZ" for c in shown)
    assert len(shown.splitlines()) <= 1
    assert plain("x" * 100, length) == "x" * length


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (7, "7"),
        (64480.65, "64,480.65"),
        (3173.68, "3,173.68"),
        (0.00141873, "0.00141873"),
        (1e-7, "0.0000001"),
        (9.9e-8, "9.900e-08"),
        (1_612_345_678.4, "1,612,345,678"),
        (999_999_999_999, "999,999,999,999"),
        (1e12, "1.000e+12"),
        (-1e300, "-1.000e+300"),
        (5e-324, "4.941e-324"),
        (0.99999999, "1"),
        (float("nan"), "n/a"),
        (float("inf"), "n/a"),
    ],
)
def test_numbers_can_be_read(value: float, shown: str) -> None:
    """Thousands parted, no power of ten where people know the digits."""
    assert number(value) == shown


def test_fewer_digits_are_enough_of_a_volume() -> None:
    """Whole numbers keep theirs."""
    assert [number(v, digits=5) for v in (123456.78, 1.234567, 79.21)] == [
        "123,457",
        "1.2346",
        "79.21",
    ]


@pytest.mark.parametrize(
    ("span_ms", "shown"),
    [
        (-5, "0.0 s"),
        (34_600, "34.6 s"),
        (119_999, "120.0 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 d"),
        (float(EPOCH_MS_MAX), "2,932,897 d"),
        (1e308, "longer than can be"),
        (float("nan"), "longer than can be"),
    ],
)
def test_a_length_of_time_has_its_unit(span_ms: float, shown: str) -> None:
    """Clocks that differ make none."""
    assert span(span_ms) == shown


def test_any_instant_can_be_written() -> None:
    """Those that have no date are told by the nearest that has."""
    assert clock(1_800_000_000_999) == "2027-01-15 08:00:00Z"
    assert clock(-1) == "1970-01-01 00:00:00Z"
    assert clock(EPOCH_MS_MAX) == clock(10**18) == "9999-12-31 23:59:59Z"
