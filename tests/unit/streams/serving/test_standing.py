"""How assets stand, what models cost, and how an analysis came to be."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving import money
from streams.serving.ids import wanted
from streams.serving.raw_range import Sieve, time_of
from streams.serving.shown import Place
from streams.serving.standing import RANKS
from streams.serving.view import View
from tests.strategies import aggregates
from tests.strategies.contracts import any_event
from topics import Control, Decision, Heartbeat, Trade, encode

from .test_summary import CAP, budget, firing
from .test_view import NOW_MS, analysis, golden

HOUR_MS = 3_600_000


def standing(view: View, now_ms: int = NOW_MS) -> list[tuple[str, str, str]]:
    """Return asset, severity and headline of each, the worst first."""
    return [(s.asset, s.severity, s.headline) for s in view.standing(now_ms)]


def test_assets_stand_by_alerts_then_analyses_then_data() -> None:
    """Each with the headline of the worst that holds."""
    view = View()
    for asset in ("A", "B", "C", "D", "E"):
        holes = aggregates.holed() if asset == "D" else None
        view.take(aggregates.market(f"{asset}/USDT", completeness=holes))
    view.take(analysis(1, analysis_id="b", asset="B", severity="critical", headline="b fell"))
    view.take(analysis(2, analysis_id="c", asset="C", severity="notice", headline="c moves"))
    view.take(firing(asset="A", alert_id="r/A/1", severity="warning", headline="a alert"))
    assert standing(view) == [
        ("A", "warning", "a alert"),
        ("B", "critical", "b fell"),
        ("C", "notice", "c moves"),
        ("D", "info", "no analysis holds"),
        ("E", "info", "no analysis holds"),
    ]
    view.take(golden(Control, act="acknowledge", subject="alert/r/A/1"))
    assert [asset for asset, _, _ in standing(view)][:2] == ["B", "C"]
    a = next(s for s in view.standing(NOW_MS) if s.asset == "A")
    assert (a.unacknowledged, len(a.alerts), a.headline) == (0, 1, "no analysis holds")


def test_a_headline_says_whose_words_it_is_in() -> None:
    """A rule's, a model's, or the rules analyst's."""
    view = View()
    view.take(analysis(1, analysis_id="m", asset="M", origin="model", simulated=True))
    view.take(analysis(1, analysis_id="r", asset="R", origin="rules", simulated=False))
    view.take(firing(asset="X"))
    told = {s.asset: (s.words, s.simulated) for s in view.standing(NOW_MS)}
    assert told == {"M": ("model", True), "R": ("rules", False), "X": ("code", False)}


def test_an_analysis_that_was_taken_back_or_is_over_does_not_stand() -> None:
    """The one before it does, if it still holds."""
    view = View()
    for n in (1, 2):
        view.take(analysis(n))
    view.take(analysis(3, supersedes="state/BTC/2/0", status="withdrawn"))
    (found,) = view.standing(NOW_MS)
    assert found.analysis_id == "state/BTC/1/0"
    shown = {a.analysis.analysis_id: (a.standing, a.replaced_by) for a in view.analyses_of("BTC")}
    assert shown == {
        "state/BTC/1/0": ("current", None),
        "state/BTC/2/0": ("withdrawn", "state/BTC/3/0"),
        "state/BTC/3/0": ("withdrawn", None),
    }
    assert view.standing(NOW_MS + 900_000) == []


def test_data_say_how_old_and_how_whole_they_are() -> None:
    """The worst of an asset's newest windows, in words; stale after five minutes of the market's time."""
    view = View()
    view.take(aggregates.market(completeness=aggregates.holed()))
    view.take(aggregates.social("BTC", completeness=aggregates.silent("jetstream")))
    (found,) = view.standing(NOW_MS + 300_000, NOW_MS + 360_000)
    assert (found.quality, found.quality_words) == ("holed", "holed 50%; source missing: jetstream")
    assert (found.data_age_ms, found.stale) == (60_000, False)
    for event_now_ms, age_ms, stale in (
        (NOW_MS + 600_000, 300_000, False),
        (NOW_MS + 600_001, 300_001, True),
        (NOW_MS + 299_000, 0, False),
    ):
        (later,) = view.standing(event_now_ms)
        assert (later.data_age_ms, later.stale) == (age_ms, stale)


@given(st.lists(any_event(), max_size=6), st.integers(0, 2 * NOW_MS))
def test_any_events_give_standings_in_order(events: list[object], now_ms: int) -> None:
    """Those that ask first, each group by severity; each asset once, each with a headline."""
    view = View()
    for event in events:
        view.take(event)
    found = view.standing(now_ms)
    assert len({s.asset for s in found}) == len(found)
    assert all(s.headline for s in found)
    ranks = [(not s.unacknowledged, RANKS.index(s.severity)) for s in found]
    assert all(a <= b for a, b in pairwise(ranks))


def costing(n: int, cost: int, at_ms: int, **changes: Any) -> tuple[Any, Place, int]:
    """Return an analysis that cost something, as a view takes it."""
    return analysis(n, cost_nano_usd=cost, **changes), Place("analyses", 0, n), at_ms


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["A", "B", "C"])), max_size=20))
def test_every_way_to_part_the_cost_gives_the_same_sum(told: list[tuple[int, str]]) -> None:
    """Of all analyses that are kept, also where some had to go."""
    view = View()
    for n, (cost, asset) in enumerate(told):
        view.take(*costing(n, cost, NOW_MS + n * 20_000_000, asset=asset, model=f"m{n % 2}"))
    kept = [k.item for k in view.analyst.analyses]
    found = view.money(NOW_MS)
    assert found.spent_nano_usd == sum(a.cost_nano_usd for a in kept)
    for rows in found.by.values():
        assert sum(row.cost_nano_usd for row in rows) == found.spent_nano_usd
        assert sum(row.analyses for row in rows) == len(kept)
        assert [r.cost_nano_usd for r in rows] == sorted(
            (r.cost_nano_usd for r in rows), reverse=True
        )


def test_of_many_names_the_cheapest_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out of the sum."""
    monkeypatch.setattr(money, "NAMES_MAX", 2)
    view = View()
    for n in range(5):
        view.take(*costing(n, n, NOW_MS, asset=f"A{n}"))
    rows = view.money(NOW_MS).by["asset"]
    assert [(row.name, row.cost_nano_usd, row.analyses) for row in rows] == [
        ("A4", 4, 1),
        ("A3", 3, 1),
        ("others", 3, 3),
    ]


def test_the_time_to_the_cap_is_that_of_the_last_hours_burn() -> None:
    """None where the window ends first, or nothing is spent; at least ten minutes are looked at."""
    view = View()
    view.take(budget(settled=CAP // 2))
    (told,) = view.money(NOW_MS).budgets
    assert (told.to_cap_ms, told.cap_nano_usd, told.spent_nano_usd) == (None, CAP, CAP // 2)
    view.take(*costing(1, CAP // 12, NOW_MS - 60_000))
    found = view.money(NOW_MS)
    assert found.burn_nano_usd_per_h == CAP // 12 * 6
    (told,) = found.budgets
    assert told.to_cap_ms == pytest.approx(HOUR_MS, rel=1e-6)
    (told,) = view.money(NOW_MS + 2 * HOUR_MS).budgets
    assert told.to_cap_ms is None
    assert told.stale
    view.take(budget("spent", settled=CAP))
    (told,) = view.money(NOW_MS).budgets
    assert told.to_cap_ms == 0


DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = (NOW_MS // DAY_MS + 1) * DAY_MS


def ledger(hour: int, at_ms: int = NOW_MS, read_ms: int | None = None, **more: Any) -> Any:
    """Return a budget of which a tenth is spent, with what its ledger booked in this hour."""
    told = budget(settled=CAP // 10, at_ms=at_ms, expires_ms=at_ms + 30_000, **more)
    read = {"hour_nano_usd": float(hour), "read_ms": float(at_ms if read_ms is None else read_ms)}
    return replace(told, measures=told.measures | read)


def test_the_time_to_the_cap_is_the_ledgers() -> None:
    """With calls of which no analysis tells; at the turn of an hour the last one's analyses carry it over."""
    view = View()
    at_ms = NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS // 2
    view.take(ledger(CAP * 9 // 40, at_ms))
    found = view.money(at_ms + 5_000)
    (told,) = found.budgets
    assert (told.to_cap_ms, told.is_nearly_spent) == (2 * HOUR_MS, False)
    assert found.burn_nano_usd_per_h == CAP * 9 // 20
    early_ms = at_ms - HOUR_MS // 2 + 60_000
    view.take(ledger(CAP // 60, early_ms))
    assert view.money(early_ms).burn_nano_usd_per_h == CAP // 60 * 6
    view.take(*costing(1, CAP * 9 // 20, at_ms - HOUR_MS // 4))
    view.take(ledger(0, at_ms + HOUR_MS // 2))
    (told,) = view.money(at_ms + HOUR_MS // 2).budgets
    assert told.to_cap_ms == HOUR_MS * 3 // 2
    assert told.told_ms + told.to_cap_ms <= MIDNIGHT_MS
    view.take(replace(ledger(0, at_ms + HOUR_MS // 2), part="budget/other"))
    assert [b.to_cap_ms for b in view.money(at_ms + HOUR_MS // 2).budgets] == [None, None]


@pytest.mark.parametrize(("beyond", "nearly"), [(0, True), (1_000, False)])
def test_a_cap_within_the_hour_is_near(beyond: int, nearly: bool) -> None:
    """However little of it is spent; what was spent an hour ago is not of this pace."""
    view = View()
    at_ms = NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS // 2
    view.take(*costing(1, CAP, at_ms - HOUR_MS))
    view.take(ledger((CAP - CAP // 10) // 2 - beyond, at_ms))
    (told,) = view.money(at_ms).budgets
    assert told.is_nearly_spent is nearly


def test_a_ledger_that_is_away_tells_nothing_of_the_hour_or_day_that_began_since() -> None:
    """Its owner still says that it is closed, which is found."""
    view = View()
    view.take(ledger(CAP, MIDNIGHT_MS + 1, MIDNIGHT_MS - 1, state="closed"))
    (told,) = view.money(MIDNIGHT_MS + 2).budgets
    assert (told.spent_nano_usd, told.reserved_nano_usd, told.cap_nano_usd) == (None, None, CAP)
    assert (told.to_cap_ms, told.is_nearly_spent, told.stale) == (None, False, False)
    assert told.window_end_ms == MIDNIGHT_MS + DAY_MS
    assert "budget/default" in [f.what for f in view.summary(MIDNIGHT_MS + 2).findings]
    hour_ms = MIDNIGHT_MS - HOUR_MS
    view = View()
    view.take(ledger(CAP, hour_ms, hour_ms - 1))
    assert view.money(hour_ms).budgets[0].to_cap_ms is None


def test_what_was_spent_yesterday_says_nothing_of_today() -> None:
    """Until it is told anew: by then a spent budget has opened by itself."""
    view = View()
    at_ms = MIDNIGHT_MS - 5_000
    view.take(budget("spent", CAP, at_ms=at_ms, expires_ms=at_ms + 30_000))
    (before,) = view.money(MIDNIGHT_MS - 1).budgets
    assert (before.to_cap_ms, before.stale, before.window_end_ms) == (0, False, MIDNIGHT_MS)
    (after,) = view.money(MIDNIGHT_MS).budgets
    assert (after.to_cap_ms, after.stale, after.is_nearly_spent) == (None, True, False)
    assert after.window_end_ms == MIDNIGHT_MS
    assert "budget/default" not in [f.what for f in view.summary(MIDNIGHT_MS).findings]


@pytest.mark.parametrize("absurd", [1e308, -1.0, 1e16])
def test_an_amount_no_ledger_can_hold_is_not_believed(absurd: float) -> None:
    """It is as if it were not told."""
    view = View()
    told = budget()
    view.take(replace(told, measures=dict.fromkeys((*told.measures, "hour_nano_usd"), absurd)))
    (found,) = view.money(NOW_MS).budgets
    assert (found.spent_nano_usd, found.cap_nano_usd, found.to_cap_ms) == (None, None, None)
    assert view.money(NOW_MS).burn_nano_usd_per_h == 0


def decided(**changes: Any) -> Decision:
    """Return a decision on the first analysis."""
    fields: dict[str, Any] = {
        "decision_id": "state/BTC/1/0",
        "analysis_id": "state/BTC/1/0",
        "outcome": "called",
        "reason": "deep_dive",
        "survivor_id": None,
        "alert_id": None,
        "alert_ids": [],
        "attempt_ids": ["k/1"],
        "item_key": "0" * 64,
    }
    return golden(Decision, **fields | changes)  # type: ignore[no-any-return]


def test_a_path_tells_each_station() -> None:
    """With the places of the windows the view has, and what it took over."""
    view = View()
    window = aggregates.market()
    view.take(window, Place("aggregates", 0, 7))
    view.take(
        analysis(
            1, origin="model", model="haiku", input_tokens=10, output_tokens=2, cost_nano_usd=5_000
        )
    )
    view.take(
        decided(
            aggregate_ids=[window.aggregate_id, "gone"], reasons=["alert"], alert_ids=["r/BTC/1"]
        )
    )
    view.take(
        decided(
            decision_id="old", analysis_id=None, outcome="coalesced", survivor_id="state/BTC/1/0"
        )
    )
    path = view.path("state/BTC/1/0")
    assert path is not None
    assert path.aggregates == ((window.aggregate_id, Place("aggregates", 0, 7)), ("gone", None))
    assert [d.decision.decision_id for d in path.coalesced_from] == ["old"]
    assert (path.outcome, path.item_key, path.attempt_ids[0]) == ("called", "0" * 64, "k/1")
    assert path.alerts[0] == "r/BTC/1"
    told = {step.station: (step.words, step.done) for step in path.steps}
    assert list(told) == ["aggregates", "gate", "inbox", "cache", "call", "verdict", "published"]
    assert told["inbox"] == ("took over 1 older candidate", True)
    assert told["cache"] == ("nothing to say again", False)
    assert told["call"][1]
    assert "10 tokens in, 2 out, $0.000005" in told["verdict"][0]
    merged = view.path("old")
    assert merged is not None
    assert merged.coalesced_into == "state/BTC/1/0"
    assert [s.done for s in merged.steps][2:] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("outcome", "origin", "cache", "call"),
    [
        ("called", "model", False, True),
        ("cached", "cache", True, False),
        ("rules", "rules", False, False),
    ],
)
def test_a_path_says_whether_a_model_was_asked(
    outcome: str, origin: str, cache: bool, call: bool
) -> None:
    """By the decision, or without it by what the analysis says of itself."""
    attempts = ["k/1"] if outcome == "called" else []
    for told in (True, False):
        view = View()
        view.take(analysis(1, origin=origin, attempt_ids=attempts))
        if told:
            view.take(decided(outcome=outcome, attempt_ids=attempts))
        path = view.path("state/BTC/1/0")
        assert path is not None
        done = {step.station: step.done for step in path.steps}
        assert (done["cache"], done["call"]) == (cache, call)
        assert done["published"]


def test_of_what_nobody_knows_there_is_no_path() -> None:
    """The log may know it: see the lookup."""
    assert View().path("state/BTC/1/0") is None


@given(st.lists(any_event(), max_size=4))
def test_any_analysis_and_decision_has_a_path(events: list[object]) -> None:
    """Of words on one line."""
    view = View()
    for event in events:
        view.take(event)
    ids = [a.analysis_id for a in view.analyses]
    ids += [d.decision.decision_id for d in view.decisions()]
    for one in ids:
        path = view.path(one)
        assert path is not None
        assert all(step.words.isprintable() and step.words for step in path.steps)


def test_ids_say_where_their_records_can_be() -> None:
    """Its asset, and a time before which it was not written; any other text says nothing."""
    window = aggregates.market("BTC/USDT")
    found = wanted("aggregates", window.aggregate_id)
    assert found is not None
    assert (found.asset, found.since_ms) == ("BTC", window.window_end_ms)
    found = wanted("analyses", "deep_dive/ETH/1700000000000/1")
    assert found is not None
    assert (found.asset, found.since_ms) == ("ETH", 1_700_000_000_000)
    assert wanted("analyses", "../../etc") is None
    assert wanted("aggregates", "market/BTC/x") is None


@given(st.text(max_size=200))
def test_any_text_is_an_id_or_none(text: str) -> None:
    """It is asked by strangers."""
    for name in ("aggregates", "analyses", "decisions"):
        wanted(name, text)
    View().point(text)
    View().path(text)


class Raw(msgspec.Struct):
    """A record of a raw topic."""

    value: bytes | None
    offset: int
    timestamp: int = NOW_MS
    partition: int = 0


def test_a_range_holds_what_is_of_the_subject_and_the_span() -> None:
    """What cannot be read is passed over; the heartbeat behind the span ends it."""
    trades = [golden(Trade, subject="BTC/USDT", event_ms=ms) for ms in (9, 10, 19, 20)]
    other = golden(Trade, subject="ETH/USDT", event_ms=15)
    values = [b"{broken", None, *(encode(t) for t in (*trades, other))]
    sieve = Sieve("market", "BTC/USDT", 10, 20)
    for offset, value in enumerate(values):
        assert sieve.take(Raw(value, offset))
    assert sieve.take(Raw(encode(golden(Heartbeat, through_ms=20 + sieve.slack_ms)), 8))
    assert not sieve.take(Raw(encode(golden(Heartbeat, through_ms=21 + sieve.slack_ms)), 9))
    found = sieve.result()
    assert [record.time_ms for record in found.records] == [10, 19]
    assert (found.cut, found.next_offset, found.read) == ("", None, 9)


@pytest.mark.parametrize(
    ("bound", "cut"), [("SHOWN_MAX", "count"), ("SCAN_MAX", "scan"), ("BYTES_MAX", "bytes")]
)
def test_a_range_is_cut_at_each_bound(
    bound: str, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says where to go on."""
    monkeypatch.setattr(f"streams.serving.raw_range.{bound}", 2)
    sieve = Sieve("market", "BTC/USDT", 0, 20)
    value = encode(golden(Trade, subject="BTC/USDT", event_ms=1))
    offset = 0
    while sieve.take(Raw(value, offset)):
        offset += 1
    found = sieve.result()
    assert (found.cut, found.next_offset) == (cut, offset)
    assert found.words


@given(any_event() | st.binary(max_size=40))
def test_any_raw_record_has_a_time_or_none(told: msgspec.Struct | bytes) -> None:
    """Of an event its own, of a heartbeat the time it promises."""
    value = told if isinstance(told, bytes) else encode(told)
    found = time_of(value)
    if isinstance(told, Trade):
        assert found == told.event_ms
    elif isinstance(told, Heartbeat):
        assert found == told.through_ms


def test_an_asset_whose_windows_ended_long_ago_is_gone() -> None:
    """Who starts now would not know it: a day behind the newest window of its kind."""
    view = View()
    view.take(aggregates.market("OLD/USDT", 0))
    view.take(aggregates.market("BTC/USDT", 1_440))
    assert [s.asset for s in view.standing(NOW_MS)] == ["BTC", "OLD"]
    assert view.assets() == ["BTC", "OLD"]
    view.take(aggregates.market("BTC/USDT", 1_441))
    assert [s.asset for s in view.standing(NOW_MS)] == ["BTC"]
    assert (view.assets(), view.subjects("OLD"), view.rows("OLD")) == (["BTC"], [], [])
    assert (view.latest_of("OLD"), len(view.windows("market", 60_000))) == ([], 1)
