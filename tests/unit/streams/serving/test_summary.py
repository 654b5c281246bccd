"""The pipeline in one sentence: what is wrong is said, worst first, with since when and what to do; else all is well."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving import findings, money, questions, trouble
from streams.serving.letters import letter_of
from streams.serving.shown import Place
from streams.serving.view import View
from tests.injection import ALL_ATTACKS
from tests.strategies.contracts import any_event
from topics import Alert, DeadLetter, GapDetected, GapFilled, Notification, Status
from topics.deadletter import to_record

from .test_view import NOW_MS, analysis, feed, golden, status

CAP = 1_000_000_000


def part(role: str, name: str = "role", **changes: Any) -> Status:
    """Return what a part says of itself now."""
    fields: dict[str, Any] = {
        "role": role,
        "state": "running",
        "words": "",
        "measures": {},
        "since_ms": NOW_MS,
    }
    return status(name, **fields | changes)


def well() -> View:
    """Return a pipeline in which nothing is wrong."""
    view = View()
    for role in findings.NEEDED:
        view.take(part(role))
    view.take(feed("BTC/USDT"))
    view.take(part("streams", "market", measures={"watermark_ms": float(NOW_MS)}))
    view.take(part("agent", "breaker/a", state="closed"))
    view.take(budget())
    view.take_raw("market", NOW_MS)
    return view


def budget(state: str = "open", settled: int = 0, **changes: Any) -> Status:
    """Return what the agent says of its budget."""
    measures = {
        "settled_nano_usd": float(settled),
        "reserved_nano_usd": 0.0,
        "cap_nano_usd": float(CAP),
    }
    return part("agent", "budget/default", state=state, measures=measures, **changes)


def firing(**changes: Any) -> Alert:
    """Return an alert that fires."""
    fields = {"alert_id": "r/BTC/1", "rule": "r", "subject": "BTC", "state": "firing"}
    return golden(Alert, **fields | changes)  # type: ignore[no-any-return]


def whats(view: View, now_ms: int = NOW_MS, event_now_ms: int | None = None) -> list[str]:
    """Return what is wrong, the worst first."""
    return [f.what for f in view.summary(now_ms, event_now_ms).findings]


def test_where_nothing_is_wrong_all_is_well() -> None:
    """With the alerts that ask for somebody, which are no fault of the pipeline's."""
    view = well()
    summary = view.summary(NOW_MS)
    assert (summary.state, summary.sentence) == ("well", "All is well.")
    view.take(firing(headline="BTC fell"))
    assert view.summary(NOW_MS).sentence == "All is well. One alert asks for somebody: BTC fell."
    view.take(firing(alert_id="q/BTC/1", rule="q", headline="second", severity="info"))
    assert view.summary(NOW_MS).state == "well"
    assert "2 alerts ask for somebody: BTC fell." in view.summary(NOW_MS).sentence


def test_before_anything_was_heard_that_is_said() -> None:
    """It is no failure yet."""
    summary = View().summary(NOW_MS)
    assert summary.state == "degraded"
    assert summary.sentence.startswith(
        "Nothing has been heard of collect and streams and agent yet"
    )


@pytest.mark.parametrize("role", findings.NEEDED)
def test_a_role_that_is_gone_is_the_worst(role: str) -> None:
    """With since when, and how to start it; another process of the role is as good."""
    view = well()
    gone_ms = NOW_MS + 40_000
    for other in findings.NEEDED:
        if other != role:
            view.take(part(other, at_ms=gone_ms))
    view.take(feed("BTC/USDT", at_ms=gone_ms))
    summary = view.summary(gone_ms)
    assert summary.findings[0].what == f"role/{role}"
    assert (summary.state, summary.since_ms) == ("broken", NOW_MS)
    assert (
        f"The {role} role has not been heard from for 40.0 s, since 2027-01-15 08:00:00Z"
        in summary.sentence
    )
    assert f"`tapereader {role}`" in summary.action
    view.take(part(role, instance="b", at_ms=gone_ms))
    assert f"role/{role}" not in whats(view, gone_ms)


def test_a_role_nobody_needs_is_missed_for_an_hour_only() -> None:
    """Somebody may have ended it on purpose."""
    view = well()
    view.take(part("notify", at_ms=NOW_MS - 100_000, expires_ms=NOW_MS - 70_000))
    assert whats(view) == ["role/notify"]
    assert view.summary(NOW_MS).state == "degraded"
    view = well()
    view.take(part("notify", at_ms=NOW_MS - 3_600_000, expires_ms=NOW_MS - 3_570_000))
    assert whats(view) == []


def test_parts_that_fail_or_never_come_to_their_work_are_named() -> None:
    """A kind without any source waits for ever, and is right to."""
    view = well()
    view.take(part("collect", "kraken/market", state="failed", words="a defect"))
    view.take(part("collect", "gdax/market", state="connecting", since_ms=NOW_MS - 120_001))
    view.take(part("collect", "okx/market", state="connecting", since_ms=NOW_MS - 120_000))
    view.take(part("streams", "social", state="waiting", since_ms=NOW_MS - 10**7))
    words = [f.words for f in view.summary(NOW_MS).findings]
    assert words == [
        "Parts of collect have not come to their work (gdax/market)",
        "Parts of collect have failed (kraken/market: a defect)",
    ]


@pytest.mark.parametrize(("behind_ms", "found"), [(300_000, []), (300_001, ["data/market"])])
def test_a_market_without_events_is_broken(behind_ms: int, found: list[str]) -> None:
    """In the market's time, which a demo's is."""
    view = well()
    view.take(part("streams", "market", measures={"watermark_ms": float(NOW_MS + behind_ms)}))
    assert whats(view, NOW_MS, NOW_MS + behind_ms) == found


@pytest.mark.parametrize(
    ("lag_ms", "state"),
    [(180_000, "well"), (180_001, "degraded"), (900_000, "degraded"), (900_001, "broken")],
)
def test_windows_that_lag_are_told_by_how_far(lag_ms: int, state: str) -> None:
    """Of several workers the slowest."""
    view = well()
    view.take(
        part("streams", "market", measures={"watermark_ms": float(NOW_MS - lag_ms)}, instance="b")
    )
    assert view.summary(NOW_MS).state == state


@pytest.mark.parametrize("absurd", [-1e308, -1.0, 0.0, 1e308])
def test_a_clock_that_can_be_no_time_is_not_believed(absurd: float) -> None:
    """Nor does it stand in a sentence."""
    view = well()
    view.take(part("streams", "market", measures={"watermark_ms": absurd}, instance="b"))
    assert view.summary(NOW_MS).sentence == "All is well."


def test_nothing_is_wrong_since_a_time_that_is_yet_to_come() -> None:
    """Clocks differ by seconds."""
    view = well()
    view.take(part("agent", "breaker/a", state="open", since_ms=NOW_MS + 2_000))
    summary = view.summary(NOW_MS)
    assert summary.since_ms == summary.findings[0].since_ms == NOW_MS
    assert ", since 2027-01-15 08:00:00Z." in summary.sentence


def test_feeds_that_bring_nothing_are_counted_and_named() -> None:
    """Where none works it is broken; a closed one is in order, as is one that has just begun to connect."""
    view = well()
    for subject, state in (("A/B", "stale"), ("C/D", "disconnected"), ("E/F", "closed")):
        view.take(feed(subject, state=state, since_ms=NOW_MS - 5_000))
    view.take(feed("G/H", state="connecting", since_ms=NOW_MS - 120_000))
    (found,) = view.summary(NOW_MS).findings
    assert found.state == "degraded"
    assert (
        found.words
        == "2 of 5 feeds bring nothing: 1 disconnected, 1 stale (binance A/B, binance C/D)"
    )
    assert found.since_ms == NOW_MS - 5_000
    view.take(feed("BTC/USDT", state="stale"))
    assert view.summary(NOW_MS).state == "broken"


def test_a_feed_nobody_has_told_of_for_a_day_was_taken_down() -> None:
    """Its last status stays in the log for ever."""
    view = well()
    view.take(feed("A/B", at_ms=NOW_MS - view.keep_ms - 1, state="stale"))
    assert whats(view) == []
    view.take(feed("A/B", at_ms=NOW_MS - view.keep_ms, state="stale"))
    assert whats(view) == ["feed"]


def test_gaps_that_stay_open_are_told() -> None:
    """Until they are filled, or the feed itself knows of none any more."""
    view = well()
    gap = golden(GapDetected, venue="binance", subject="BTC/USDT")
    view.take(feed("BTC/USDT", gaps_open=1))
    view.take(gap, Place("raw.market", 0, 0), NOW_MS - 60_000)
    assert whats(view) == []
    view.take(
        golden(GapDetected, venue="binance", subject="BTC/USDT", gap_id="2"),
        Place("raw.market", 0, 1),
        NOW_MS - 60_001,
    )
    assert whats(view) == ["gap"]
    (found,) = view.summary(NOW_MS).findings
    assert found.words == "1 gap has been open for over a minute (binance BTC/USDT)"
    view.take(
        golden(GapFilled, venue="binance", subject="BTC/USDT", gap_id="2"),
        Place("raw.market", 0, 2),
        NOW_MS,
    )
    assert whats(view) == []
    view.take(gap, Place("raw.market", 0, 3), NOW_MS - 70_000)
    view.take(feed("BTC/USDT", gaps_open=0))
    assert whats(view) == []


def test_a_gap_from_before_the_view_began_is_told_by_its_feed() -> None:
    """Raw topics are read some minutes back; since when it is open nobody here knows."""
    view = well()
    view.take(feed("BTC/USDT", gaps_open=2))
    view.take(feed("ETH/USDT", gaps_open=1, at_ms=NOW_MS - 30_001))
    (found,) = [f for f in view.summary(NOW_MS).findings if f.what == "gap"]
    assert found.words == "2 gaps have been open for over a minute (binance BTC/USDT)"
    assert found.since_ms is None


def test_a_market_that_was_silent_before_the_view_began_is_told_by_its_collector() -> None:
    """A view that starts says what one says that has run for hours; a clock gone mad is not believed."""
    view = well()
    view.newest_event_ms.clear()
    last_ms = NOW_MS - 300_001
    for name, told in (("a/market", last_ms), ("b/market", last_ms - 1), ("c/market", 1e300)):
        view.take(part("collect", name, measures={"last_event_ms": float(told)}))
    view.take(part("collect", "d/social", measures={"last_event_ms": 0.0}))
    view.take(part("agent", "x/volume", measures={"last_event_ms": 1.0}))
    (found,) = view.summary(NOW_MS).findings
    assert (found.what, found.since_ms) == ("data/market", last_ms)
    view.take_raw("market", NOW_MS)
    assert whats(view) == []


def test_where_all_fall_silent_at_once_kafka_is_looked_at_first() -> None:
    """No role is blamed for a log that brings nothing; one that still speaks is proof that it does."""
    view = well()
    view.take(part("serve", at_ms=NOW_MS + 1_000))
    gone_ms = NOW_MS + 31_000
    found = view.summary(gone_ms)
    assert found.findings[0].what == "log"
    assert found.sentence.startswith("Nothing has been heard from any role for 30.0 s, since")
    assert (found.state, found.since_ms) == ("broken", NOW_MS + 1_000)
    assert not [what for what in whats(view, gone_ms) if what.startswith("role/")]
    assert "log" not in whats(view, gone_ms - 1)


def test_every_alert_that_asks_is_counted() -> None:
    """More than a list shows."""
    view = well()
    for n in range(questions.SHOWN_MAX + 1):
        view.take(firing(alert_id=f"r/BTC/{n}", subject=f"S{n}"))
    assert f"{questions.SHOWN_MAX + 1} alerts ask" in view.summary(NOW_MS).sentence


def test_a_log_cut_ahead_of_the_view_is_told_for_an_hour() -> None:
    """What is shown may lack something."""
    view = well()
    view.take_evicted(7)
    assert whats(view) == ["cut"]
    assert "7 records were deleted" in view.summary(NOW_MS).sentence
    for later_ms, told in ((NOW_MS + 3_600_000, True), (NOW_MS + 3_600_001, False)):
        for role in findings.NEEDED:
            view.take(part(role, at_ms=later_ms))
        assert ("cut" in whats(view, later_ms, NOW_MS)) == told


def letter(n: int, at_ms: int) -> Any:
    """Return a dead letter."""
    made = DeadLetter(
        reason="malformed",
        message="",
        stage="fold",
        role="r",
        key=None,
        value=b"",
        time_ms=0,
        origin=str(n),
    )
    key, value, headers = to_record(made)
    return letter_of(key, value, headers, at_ms=at_ms, place=Place("deadletters", 0, n))


def test_dead_letters_that_come_fast_are_told() -> None:
    """A few are every day's rubbish, and old ones no news."""
    view = well()
    for n in range(20):
        view.take_dead_letter(letter(n, NOW_MS - trouble.RECENT_MS))
    for n in range(20, 20 + trouble.LETTERS_RECENT_MAX):
        view.take_dead_letter(letter(n, NOW_MS - 1_000))
    assert whats(view) == []
    view.take_dead_letter(letter(99, NOW_MS))
    (found,) = view.summary(NOW_MS).findings
    assert (
        found.words == "Dead letters are rising: 11 in five minutes, most of them malformed at fold"
    )
    assert found.since_ms == NOW_MS - 1_000


@pytest.mark.parametrize(
    ("state", "settled", "found"),
    [
        ("open", 799_999_999, False),
        ("open", 800_000_000, True),
        ("spent", CAP, True),
        ("closed", 0, True),
    ],
)
def test_a_budget_that_is_closed_or_nearly_spent_is_told(
    state: str, settled: int, found: bool
) -> None:
    """Rules answer then, and people see why."""
    view = well()
    view.take(budget(state, settled))
    assert whats(view) == (["budget/default"] if found else [])


@pytest.mark.parametrize(
    ("settled", "reserved", "words"),
    [
        (850_000_000, 0, "The budget default is nearly spent, at this pace in 6 min"),
        (799_999_999, 1, "The budget default is nearly spent, at this pace in 6 min"),
        (100_000_000, 0, "At this pace the budget default is spent in 6 min"),
    ],
)
def test_a_budget_that_is_hardly_begun_is_not_called_nearly_spent(
    settled: int, reserved: int, words: str
) -> None:
    """However fast it goes: the number beside it would say otherwise."""
    view = well()
    view.take(budget("open", settled))
    (made,) = money.budgets(view, NOW_MS)
    fast = replace(made, reserved_nano_usd=reserved, to_cap_ms=360_000, is_nearly_spent=True)
    assert trouble.nearly(fast) == words


def test_the_first_three_are_named_and_the_others_counted() -> None:
    """A sentence is read in seconds."""
    assert trouble.named("abc") == "a, b, c"
    assert trouble.named("abcde") == "a, b, c and 2 more"


def test_an_open_breaker_is_told() -> None:
    """One that probes is on its way back."""
    view = well()
    for state in ("half_open", "open"):
        words = "529 of 7; rules answer meanwhile"
        view.take(part("agent", "breaker/a", state=state, words=words, since_ms=NOW_MS - 9))
    (found,) = view.summary(NOW_MS).findings
    assert (found.what, found.since_ms) == ("breaker/a", NOW_MS - 9)
    assert found.words == "The breaker of a is open, and rules answer (529 of 7)"


def test_an_alert_that_could_not_be_told_is_told() -> None:
    """Somebody waits for nothing. For an hour: then it is no news."""
    view = well()
    for n, outcome in enumerate(("sent", "undeliverable", "muted")):
        told = golden(Notification, notification_id=str(n), outcome=outcome, receiver="phone")
        view.take(told, at_ms=NOW_MS)
    (found,) = view.summary(NOW_MS).findings
    assert found.words == "Alerts could not be told to phone"
    for past_ms, told_of in ((trouble.CUT_MS - 1, 1), (trouble.CUT_MS, 0)):
        assert len(list(trouble.untold(view, NOW_MS + past_ms))) == told_of


def test_what_is_broken_comes_before_what_is_degraded() -> None:
    """And the sentence is of the first, with how many more there are."""
    view = well()
    view.take(part("agent", "breaker/a", state="open"))
    view.take(feed("BTC/USDT", state="stale"))
    view.take_evicted(1)
    view.take(part("notify", at_ms=NOW_MS - 100_000, expires_ms=NOW_MS - 70_000))
    summary = view.summary(NOW_MS)
    assert [f.what for f in summary.findings] == ["feed", "role/notify", "cut", "breaker/a"]
    assert summary.sentence.endswith("3 more to see to.")
    assert summary.state == "broken"


@given(st.lists(any_event(), max_size=5), st.integers(0, 2 * NOW_MS))
def test_any_events_give_a_sentence(events: list[object], now_ms: int) -> None:
    """Of one line, never empty; well only where nothing was found."""
    view = View()
    for event in events:
        view.take(event)
    summary = view.summary(now_ms)
    assert summary.sentence
    assert summary.sentence.isprintable()
    assert (summary.state == "well") == (not summary.findings)
    order = [f.state == "broken" for f in summary.findings]
    assert order == sorted(order, reverse=True)
    for found in summary.findings:
        assert found.words
        assert found.action
        assert found.words.isprintable()
    view.standing(now_ms)
    view.money(now_ms)
    view.feed_rows(now_ms)


def test_hostile_text_is_plain_in_the_sentence() -> None:
    """Whatever a headline, a status or a feed says."""
    for case in ALL_ATTACKS[::20]:
        view = View()
        view.take(firing(headline=case.text[:200] or "x"))
        view.take(part("agent", "breaker/a", state="open", words=case.text[:300]))
        view.take(feed(case.text[:74] or "x", state="stale"))
        summary = view.summary(NOW_MS)
        assert summary.sentence.isprintable()
        assert all(f.words.isprintable() for f in summary.findings)


def test_an_analysis_is_no_finding() -> None:
    """The market's troubles are not the pipeline's."""
    view = well()
    view.take(analysis(1, severity="critical"))
    assert whats(view) == []
