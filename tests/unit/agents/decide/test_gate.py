"""What deserves an analysis: each reason at its threshold, what a hole can fake, and how often."""

import random
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.decide.context import AssetContext, Context
from agents.decide.facts import earlier_facts
from agents.decide.fingerprint import LATE_MS
from agents.decide.gate import Gate, Verdict
from agents.decide.memory import FOUND_MAX, OWED_MAX
from agents.settings import AgentSettings, GateSettings
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    calm,
    development,
    histories,
    holed,
    market,
    silent,
    social,
)
from topics import Aggregate, Completeness, Fact, Score

SETTINGS = GateSettings()
WHOLE = Completeness(state="complete")
ALWAYS = GateSettings(cool_down_s=0)


class Asked:
    """A gate with the context it is asked about: every window is folded, then put to it."""

    def __init__(self, settings: GateSettings = SETTINGS) -> None:
        self.gate, self.context = Gate(settings), Context(int(settings.baseline_s * 1000))

    def put(self, aggregate: Aggregate) -> Verdict | None:
        """Fold a window, and put it to the gate as what it is: new in its family, or late."""
        context = self.context.of(aggregate.asset)
        assert isinstance(context, AssetContext)
        if context.take(aggregate):
            return self.gate.consider(aggregate, context)
        return self.gate.consider_late(aggregate, context)

    def all(self, aggregates: Iterable[Aggregate]) -> list[Verdict | None]:
        """Return the verdict on each window."""
        return [self.put(aggregate) for aggregate in aggregates]


def last_of(aggregates: Sequence[Aggregate], settings: GateSettings = SETTINGS) -> tuple[str, ...]:
    """Return the reasons of a deep dive that the last window makes; none where it makes none."""
    verdict = Asked(settings).all(aggregates)[-1]
    return verdict.reasons if verdict is not None and verdict.product == "deep_dive" else ()


@pytest.mark.parametrize(
    ("low", "high", "reasons", "severity"),
    [
        (97.01, 100.0, (), "info"),
        (97.0, 100.0, ("price_drop",), "warning"),
        (94.01, 100.0, ("price_drop",), "warning"),
        (94.0, 100.0, ("price_drop",), "critical"),
        (100.0, 102.99, (), "info"),
        (100.0, 103.0, ("price_jump",), "warning"),
        (100.0, 106.0, ("price_jump",), "critical"),
        (94.0, 103.0, ("price_drop", "price_jump"), "critical"),
    ],
)
def test_a_move_fires_at_its_threshold_and_twice_of_it_is_critical(
    low: float, high: float, reasons: tuple[str, ...], severity: str
) -> None:
    """A fall or rise from the open; no history is needed for it, and a hole cannot fake it."""
    for completeness in (WHOLE, holed(), silent("binance")):
        verdict = Asked().put(market(completeness=completeness, low=low, high=high))
        assert verdict is not None  # at least the first state
        assert (verdict.reasons if reasons else ()) == reasons
        assert verdict.severity == severity


@pytest.mark.parametrize(
    ("before", "volume", "fires"),
    [(5, 60.0, True), (5, 59.99, False), (4, 600.0, False)],
)
def test_a_volume_spike_fires_at_its_ratio_after_enough_windows(
    before: int, volume: float, fires: bool
) -> None:
    """Six times the median of at least five windows before; seen trades prove it, holed or not."""
    for completeness in (WHOLE, holed()):
        spike = market(number=before, volume=volume, high=101.0, completeness=completeness)
        assert last_of([*calm(before), spike]) == (("volume_spike",) if fires else ())


def test_a_gap_in_the_history_makes_no_spike() -> None:
    """Windows that lost their trades are not what is usual."""
    gap = [market(number=n, volume=0.5, completeness=holed()) for n in range(5, 12)]
    assert last_of([*calm(5), *gap, market(number=12, volume=20.0, high=101.0)]) == ()


@pytest.mark.parametrize(
    ("high", "volume", "completeness", "fires"),
    [
        (100.1, 40.0, WHOLE, True),
        (100.1, 39.99, WHOLE, False),
        (100.11, 40.0, WHOLE, False),
        (100.1, 40.0, holed(), False),
        (100.1, 40.0, silent("kraken"), False),
        (100.1, 40.0, Completeness(state="unverifiable"), True),
    ],
)
def test_volume_without_a_move_fires_only_where_no_trade_is_missing(
    high: float, volume: float, completeness: Completeness, fires: bool
) -> None:
    """Four times the usual while the price stands still; that it stands still, a hole can fake."""
    wash = market(number=5, high=high, volume=volume, completeness=completeness)
    assert last_of([*calm(5), wash]) == (("volume_without_move",) if fires else ())


@pytest.mark.parametrize(
    ("usual", "posts", "fires"),
    [(4, 20, True), (4, 19, False), (10, 50, True), (10, 49, False), (0, 20, True)],
)
def test_a_burst_of_posts_fires_at_its_ratio_and_its_least(
    usual: int, posts: int, fires: bool
) -> None:
    """Five times the usual and at least twenty; more than was seen cannot be less."""
    for completeness in (WHOLE, holed()):
        burst = social(number=1, posts=posts, completeness=completeness)
        assert last_of([social(posts=usual), burst]) == (("social_spike",) if fires else ())
    assert last_of([social(posts=500)]) == ()  # nothing to compare with


@pytest.mark.parametrize(
    ("before", "usual", "events", "completeness", "fires"),
    [
        (3, 40, 10, WHOLE, True),
        (3, 40, 11, WHOLE, False),
        (2, 40, 0, WHOLE, False),
        (3, 10, 2, WHOLE, True),
        (3, 9, 0, WHOLE, False),
        (3, 40, 0, holed(), False),
        (3, 40, 0, silent("github"), False),
    ],
)
def test_a_silence_of_development_fires_only_where_it_is_proven(
    before: int, usual: int, events: int, completeness: Completeness, fires: bool
) -> None:
    """A quarter of the usual, where that is at least ten; a gap or a silent source can fake it."""
    hours = [development(number=n, events=usual) for n in range(before)]
    quiet = development(number=before, events=events, completeness=completeness)
    assert last_of([*hours, quiet]) == (("development_drop",) if fires else ())


@pytest.mark.parametrize(("minutes", "again"), [(4, False), (5, True)])
def test_within_the_cool_down_nothing_as_bad_asks_again(minutes: int, again: bool) -> None:
    """Three hundred seconds of event time, to the minute."""
    falls = [market(number=n, low=97.0) for n in (0, minutes)]
    verdicts = Asked().all(falls)
    first = verdicts[0]
    assert first is not None
    assert (first.product, first.severity, first.reasons) == (
        "deep_dive",
        "warning",
        ("price_drop",),
    )
    assert (_plain(verdicts[1]) == _plain(first)) is again


def test_within_the_cool_down_something_worse_asks_at_once() -> None:
    """The next minute may say critical after warning, and not warning after critical."""
    worse = Asked().all([market(low=97.0), market(number=1, low=94.0), market(number=2, low=97.0)])
    assert [v.severity for v in worse if v and v.product == "deep_dive"] == ["warning", "critical"]


def test_a_crash_behind_a_jump_asks_at_once() -> None:
    """Both are critical, and one is no repetition of the other; a third of either is, until all has rested."""
    highs = [107.0, 100.0, 107.0, 100.0, 100.0, 100.0, 100.0]
    lows = [100.0, 90.0, 100.0, 90.0, 100.0, 100.0, 90.0]
    moves = [market(number=n, high=highs[n], low=lows[n]) for n in range(7)]
    verdicts = Asked().all(moves)
    dives = [(n, v.reasons) for n, v in enumerate(verdicts) if v and v.product == "deep_dive"]
    assert dives == [(0, ("price_jump",)), (1, ("price_drop",)), (6, ("price_drop",))]
    same = Asked().all([market(high=107.0), market("BTC/USD", low=90.0), market(number=1)])
    assert [v and v.reasons for v in same] == [("price_jump",), None, ("price_drop",)]


def test_what_is_owed_is_told_of_its_own_instrument() -> None:
    """A calm instrument's window asks for it, and is not what it is about."""
    asked = Asked()
    log = [market(low=97.0), market("BTC/USD", low=90.0), market(number=1, low=97.0)]
    verdict = asked.all(log)[-1]
    assert verdict is not None
    assert (verdict.severity, verdict.lead) == ("critical", "BTC/USD")
    state = Asked().put(market())
    assert state is not None
    assert state.lead == "BTC/USDT"
    posts = Asked().all([social(posts=4), social(number=1, posts=20)])[-1]
    assert posts is not None
    assert posts.lead == "BTC"


def test_an_asset_is_dived_into_once_in_a_market_minute() -> None:
    """Its second instrument does not ask again, however bad; the next minute may."""
    asked = Asked(ALWAYS)
    verdicts = asked.all(
        [market(low=97.0), market("BTC/USD", low=90.0), market("BTC/USD", 1, low=90.0)]
    )
    assert [v and v.severity for v in verdicts] == ["warning", None, "critical"]
    assert asked.put(market("ETH/USDT", low=97.0)) is not None


def test_the_first_state_is_said_then_only_changes_and_expiries() -> None:
    """One word at first; silence while nothing changes; a word when it does, and after 900 s."""
    verdicts = Asked().all([*calm(3), market(number=3, last=101.0), *calm(30)[4:]])
    said = {at: v.reasons[0] for at, v in enumerate(verdicts) if v is not None}
    assert said == {
        0: "state_first",
        3: "state_changed",
        4: "state_changed",
        19: "state_expired",
    }
    assert all(v.product == "state" and v.severity == "info" for v in verdicts if v is not None)


def test_a_deep_dive_is_a_word_on_the_state_too() -> None:
    """After it the state is said again only when it is another, or expired."""
    fall = market(number=1, last=96.0)
    verdicts = Asked().all([market(), fall, market(number=2, last=98.0), market(number=3)])
    assert [v and (v.product, v.reasons[0]) for v in verdicts] == [
        ("state", "state_first"),
        ("deep_dive", "price_drop"),
        None,
        ("state", "state_changed"),
    ]


def test_instruments_of_one_asset_do_not_flap_against_each_other() -> None:
    """One rises, one stands and one moves within its bucket, minute after minute: each is what it was."""
    rising = [market("BTC/USD", n, last=100.5) for n in range(10)]
    uneasy = [market("BTC/EUR", n, last=100.15 if n % 2 else 100.0) for n in range(10)]
    log = [w for three in zip(rising, calm(10), uneasy, strict=True) for w in three]
    assert [v.reasons[0] for v in Asked().all(log) if v] == ["state_first"]


def test_a_change_in_a_minute_that_was_spoken_of_is_said_in_the_next() -> None:
    """No change is lost because posts spoke first of the same minute."""
    log = [social(posts=4), *calm(9), social(number=1, posts=20), market(number=9, last=101.0)]
    verdicts = Asked().all([*log, market(number=10, last=101.0)])
    said = [verdict.reasons[0] for verdict in verdicts if verdict is not None]
    assert said == ["state_first", "social_spike", "state_changed"]
    assert verdicts[-1] is not None


def test_a_move_of_an_instrument_that_is_not_the_main_one_is_no_change() -> None:
    """The asset is as the instrument is that trades most; that it rises elsewhere may be a finding, and is no state."""
    log = [w for n in range(10) for w in (market(number=n), market("BTC/EUR", n, volume=1.0))]
    verdicts = Asked().all([*log, market("BTC/EUR", 10, volume=1.0, last=101.0)])
    assert [v.reasons for v in verdicts if v] == [("state_first",)]


def test_a_verdict_has_the_state_and_the_instrument_it_is_of() -> None:
    """A state's and a deep dive's alike; the facts of a state begin with its instrument."""
    first = Asked().put(market())
    assert first is not None
    assert (first.main, first.lead) == ("BTC/USDT", "BTC/USDT")
    assert first.labels == (("direction", "flat"),)
    dive = Asked().put(market(last=90.0))
    assert dive is not None
    assert (dive.product, dict(dive.labels)["direction"]) == ("deep_dive", "down")


def test_a_late_social_window_does_not_turn_the_state_back() -> None:
    """What was said of a later minute stays said: its id is not given twice."""
    asked = Asked()
    posts = [social(number=0), social(number=1, posts=500)]
    asked.put(posts[0])
    minutes = [market(number=n) for n in range(12)]
    asked.all(minutes)  # the state was said of minute 0, and expires in minute 15
    asked.put(market("BTC/USD"))
    asked.put(market(number=15))
    verdict = asked.put(posts[1])
    assert verdict is not None
    assert verdict.reasons == ("social_spike",)
    assert asked.put(market("BTC/USD", 15, last=101.0)) is None


@given(histories(), st.integers(0, 60))
def test_a_gate_that_folded_the_same_windows_says_the_same(log: list[Aggregate], at: int) -> None:
    """Whatever the split, one that only folded the first part decides the second alike."""
    through, resumed = Asked(), Asked()
    whole = through.all(log)
    resumed.all(log[:at])  # its verdicts are nobody's
    assert resumed.all(log[at:]) == whole[at:]


@given(histories())
def test_no_asset_is_asked_about_twice_for_one_minute(log: list[Aggregate]) -> None:
    """No product has two verdicts with one as-of time, and no verdict is without a reason."""
    asked, seen = Asked(ALWAYS), set()
    for aggregate in log:
        verdict = asked.put(aggregate)
        if verdict is not None:
            key = (verdict.product, aggregate.asset, aggregate.window_end_ms)
            assert key not in seen
            assert verdict.reasons
            seen.add(key)
            if aggregate.kind == "market":
                assert aggregate.window_ms in (MINUTE_MS, FIVE_MS)


@given(histories(max_size=30), st.sampled_from([holed(), silent("binance")]))
def test_a_gap_never_adds_a_reason(log: list[Aggregate], gap: Completeness) -> None:
    """Of a window with a gap fires at most what fires of the same window without, and nothing a gap can fake."""
    if not log:
        return
    last = {"whole": WHOLE, "gap": gap}
    found = {
        name: set(last_of([*log[:-1], msgspec.structs.replace(log[-1], completeness=state)]))
        for name, state in last.items()
    }
    assert found["gap"] <= found["whole"] - {"volume_without_move", "development_drop"}


EDGES = [(97.0, 97.2, 97.7), (94.0, 94.4, 95.3)]


@pytest.mark.parametrize(("fires", "holds", "lets_go"), EDGES)
def test_a_finding_at_its_threshold_does_not_flap(
    fires: float, holds: float, lets_go: float
) -> None:
    """It is let go below eight tenths of the threshold it fired at, and then fires at all of it again."""
    lows = [fires, holds, fires, holds, lets_go, holds]
    verdicts = Asked(ALWAYS).all([market(number=n, low=low) for n, low in enumerate(lows)])
    severities = [v.severity for v in verdicts if v is not None and v.product == "deep_dive"]
    worst = "critical" if fires < 97 else "warning"
    below = [] if worst == "warning" else ["warning", "warning"]
    assert severities == [worst] * 4 + below


@pytest.mark.parametrize(
    ("volumes", "high", "reason"),
    [
        ((60.0, 48.1, 47.9), 101.0, "volume_spike"),
        ((40.0, 32.1, 31.9), 100.1, "volume_without_move"),
    ],
)
def test_a_volume_at_its_threshold_does_not_flap(
    volumes: tuple[float, ...], high: float, reason: str
) -> None:
    """Nor what rests on two thresholds; a gap between neither finds it nor forgets it."""
    edge = [market(number=5 + n, high=high, volume=v) for n, v in enumerate(volumes)]
    found = Asked(ALWAYS).all([*calm(5), *edge])[5:]
    assert [v is not None and reason in v.reasons for v in found] == [True, True, False]
    gap = market(number=6, high=high, volume=0.5, completeness=holed())
    after = market(number=7, high=high, volume=volumes[1])
    found = Asked(ALWAYS).all([*calm(5), edge[0], gap, after])[5:]
    assert [v is not None and reason in v.reasons for v in found] == [True, False, True]


def test_something_worse_in_a_minute_that_was_asked_about_is_owed_to_the_next() -> None:
    """A second instrument's crash is not lost because the first one fell; the next window of any kind asks."""
    asked = Asked()
    verdicts = asked.all(
        [market(low=97.0), market("BTC/USD", low=90.0), market("BTC/USD", 1), market(number=2)]
    )
    assert [v and (v.product, v.severity, v.reasons) for v in verdicts] == [
        ("deep_dive", "warning", ("price_drop",)),
        None,
        ("deep_dive", "critical", ("price_drop",)),
        None,
    ]


def test_a_quiet_larger_window_never_hides_a_crash() -> None:
    """Of five minutes or an hour, before it, after it, or both: the minute's finding is the same."""
    crash = market(number=12, low=90.0)
    alone = Asked().all([*calm(12), crash])[-1]
    assert alone is not None
    assert (alone.severity, alone.reasons) == ("critical", ("price_drop",))
    for size_ms in (FIVE_MS, 60 * MINUTE_MS):
        quiet = market(window_ms=size_ms)
        asked = Asked()
        asked.all(calm(12))
        context = asked.context.of("BTC")
        assert context is not None
        context.take(quiet)
        found = asked.put(crash)
        assert found is not None
        assert msgspec.structs.replace(found, labels=alone.labels) == alone


SHORT = GateSettings(memory_s=600, baseline_s=600, cool_down_s=180, state_valid_s=300)


@st.composite
def long_logs(draw: st.DrawFn) -> list[Aggregate]:
    """Return an hour and more of two instruments and posts, a little out of order, with values at the edges."""
    log: list[tuple[int, Aggregate]] = []
    lows = draw(st.lists(st.sampled_from([90.0, 94.4, 97.0, 97.5, 99.9]), min_size=8, max_size=8))
    volumes = draw(st.lists(st.sampled_from([1.0, 10.0, 50.0, 70.0]), min_size=7, max_size=7))
    delays = draw(st.lists(st.integers(0, 150_000), min_size=5, max_size=5))
    gaps = draw(st.sets(st.integers(0, 79), max_size=20))
    for n in range(80):
        if n not in gaps:
            one = market(number=n, low=lows[n % 8], volume=volumes[n * 3 % 7])
            log.append((one.window_end_ms + delays[n % 5], one))
        other = market("BTC/USD", n, low=lows[n * 5 % 8], last=100.0 + n % 3 / 5)
        log.append((other.window_end_ms + delays[n * 2 % 5], other))
        if n % 5 == 0:
            posts = social(number=n // 5, posts=20 * (n % 3))
            log.append((posts.window_end_ms + delays[n % 4], posts))
    for back, number in draw(
        st.lists(st.tuples(st.integers(0, 6), st.integers(0, 79)), max_size=8)
    ):
        one = market(number=number, low=lows[back], revision=1)
        log.append((one.window_end_ms + back * MINUTE_MS, one))
    return [window for _, window in sorted(log, key=lambda told: told[0])]


@settings(max_examples=30)
@given(long_logs(), st.integers(0, 180))
def test_a_gate_that_began_a_horizon_ago_says_the_same_as_one_that_read_all(
    log: list[Aggregate], at: int
) -> None:
    """Cool-downs, states, held findings and baselines of a bounded past: the horizon, and what may come late.

    A state rests on windows that ended a while ago when the memory began, and on what was usual before these.
    """
    horizon_ms = int((SHORT.memory_s + SHORT.baseline_s) * 1000) + 2 * FIVE_MS + 2 * LATE_MS
    at = min(at, len(log) - 1)
    begin = next(
        n for n, w in enumerate(log) if w.window_end_ms >= log[at].window_end_ms - horizon_ms
    )
    through = Asked(SHORT).all(log)
    short = [_told(verdict) for verdict in Asked(SHORT).all(log[begin:])[at - begin :]]
    assert short == [_told(verdict) for verdict in through[at:]]


def day_part(seed: int) -> list[Aggregate]:
    """Return six hours of all that a state rests on: values at the edges, gaps, a silent hour, corrections."""
    rng, log = random.Random(seed), []
    silent_hour = rng.randrange(6)
    for n in range(360):
        end_ms = (n + 1) * MINUTE_MS
        state = holed() if rng.random() < 0.05 else WHOLE
        last, volume = (
            rng.choice((99.7, 99.85, 100.0, 100.15, 100.3)),
            rng.choice((4.0, 10.0, 21.0)),
        )
        made = [market(number=n, last=last, low=99.0, volume=volume, completeness=state)]
        if rng.random() < 0.1:
            made.append(market(number=n, last=100.0, low=99.0, revision=1))
        made.append(market("BTC/USD", n, volume=rng.choice((1.0, 9.0, 60.0))))
        if n % 60 == 59:
            made.insert(
                0, market(number=n // 60, window_ms=HOUR_MS, last=rng.choice((99.4, 99.7, 100.6)))
            )
            if n // 60 != silent_hour:
                made.append(development(number=n // 60, events=rng.choice((5, 12, 40))))
        if n % 5 == 4:
            five = market(number=n // 5, window_ms=FIVE_MS)
            values = msgspec.structs.replace(five.values, realised_volatility=0.01)
            score = Score(z=rng.choice((0.0, 2.5, 3.1)), median=0.01)
            scores = {"realised_volatility": score}
            made.insert(0, msgspec.structs.replace(five, values=values, scores=scores))
            if n // 60 != silent_hour:
                posts = rng.choice((5, 12, 30))
                made.append(social(number=n // 5, posts=posts, tone=rng.choice((-0.4, 0.25, 0.4))))
        late_ms = {"development": 600_000, "social": 20_000}
        log += [(end_ms + late_ms.get(one.kind, 0) * rng.random(), one) for one in made]
    return [one for _, one in sorted(log, key=lambda told: told[0])]


@settings(max_examples=4)
@given(st.integers(0, 2**32), st.integers(0, 10**6))
def test_a_state_is_the_same_for_a_gate_that_began_a_horizon_ago(seed: int, where: int) -> None:
    """Words of an hour reach back two of them, and development's to what was usual before these."""
    log = day_part(seed)
    at = len(log) - 1 - where % (len(log) // 2)
    hours_ms = 2 * HOUR_MS + 2 * LATE_MS
    horizon_ms = int((SHORT.memory_s + SHORT.baseline_s) * 1000) + hours_ms
    since_ms = log[at].window_end_ms - horizon_ms
    begin = next(n for n, one in enumerate(log) if one.window_end_ms >= since_ms)
    through = Asked(SHORT).all(log)
    short = Asked(SHORT).all(log[begin:])
    assert [_plain(verdict) for verdict in short[at - begin :]] == [
        _plain(verdict) for verdict in through[at:]
    ]


def test_the_horizon_that_a_start_folds_covers_what_a_state_rests_on() -> None:
    """By the defaults: the memory, two hours and their lateness, what was usual before, and something that comes late."""
    ours = AgentSettings()
    needed_s = ours.gate.memory_s + ours.gate.baseline_s + (2 * HOUR_MS + LATE_MS) / 1000
    assert ours.warm_up_s >= needed_s + 1_800


def dives(verdicts: Iterable[Verdict | None]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the deep dives: which window of the log asked, how severe, and why."""
    return [
        (n, verdict.severity, verdict.reasons)
        for n, verdict in enumerate(verdicts)
        if verdict is not None and verdict.product == "deep_dive"
    ]


def test_a_window_that_comes_behind_younger_ones_asks() -> None:
    """Of a minute that was empty when it closed, and of which the trades were fetched later."""
    log = [*calm(6), *calm(12)[9:], market(number=7, low=90.0), market(number=12)]
    asked = Asked()
    verdicts = asked.all(log)
    assert dives(verdicts) == [(9, "critical", ("price_drop",))]
    assert verdicts[9] is not None
    assert [one.latest for one in verdicts[9].shown] == [log[9]]


def test_what_a_late_window_shows_is_compared_with_the_windows_before_it() -> None:
    """Not with those after it, which have come before."""
    busy = [market(number=n, volume=55.0, high=101.0) for n in range(7, 15)]
    late = market(number=6, volume=60.0, high=101.0)
    assert dives(Asked().all([*calm(6), *busy, late])[-1:]) == [(0, "warning", ("volume_spike",))]


@pytest.mark.parametrize(("behind", "asks"), [(14, True), (15, False)])
def test_a_late_window_asks_while_its_analysis_would_be_valid(behind: int, asks: bool) -> None:
    """Fifteen minutes of event time, to the minute; a revision is owed for as long."""
    younger = market(number=12 + behind)
    late = market(number=12, low=90.0)
    assert bool(dives(Asked().all([*calm(12), younger, late]))) is asks
    corrected = market(number=12, low=90.0, revision=1)
    following = market(number=13 + behind)
    log = [*calm(13), younger, corrected, following]
    assert bool(dives(Asked().all(log))) is asks


def test_what_a_revision_shows_first_is_asked_with_the_next_window() -> None:
    """And once: neither another revision asks again, nor the same minute's other instrument."""
    log = [*calm(13), *(market(number=12, low=90.0, revision=n) for n in (1, 2))]
    verdicts = Asked().all([*log, market("BTC/USD", 12), market(number=13), market(number=14)])
    assert dives(verdicts) == [(15, "critical", ("price_drop",))]
    assert verdicts[15] is not None
    assert verdicts[15].lead == "BTC/USDT"


def test_what_was_asked_of_a_window_its_revisions_do_not_ask() -> None:
    """They supersede what was said; another reason of the same window is news."""
    fell = market(number=12, low=97.0)
    worse = market(number=12, low=90.0, revision=1)
    verdicts = Asked().all([*calm(12), fell, worse, market(number=13)])
    assert dives(verdicts) == [(12, "warning", ("price_drop",))]
    rose = market(number=12, low=97.0, high=110.0, revision=1)
    verdicts = Asked().all([*calm(12), fell, rose, market(number=13)])
    assert dives(verdicts)[1:] == [(14, "critical", ("price_jump",))]


@pytest.mark.parametrize("low", [90.0, 97.0])
def test_what_a_revision_shows_no_more_is_news_when_another_shows_it_again(low: float) -> None:
    """What was said of it is withdrawn, and stays so: the next window asks, within the cool-down too."""
    fell, rose, fell_again = (
        market(number=12, low=at, revision=n) for n, at in enumerate((low, 100.0, low))
    )
    log = [*calm(12), fell, rose, fell_again, market(number=13), market(number=14)]
    found = dives(Asked().all(log))
    assert [(at, reasons) for at, _, reasons in found] == [
        (12, ("price_drop",)),
        (15, ("price_drop",)),
    ]
    log = [*calm(12), fell, fell_again, market(number=13), rose, market(number=14)]
    assert [at for at, *_ in dives(Asked().all(log))] == [12]


def test_a_reason_that_is_gone_of_one_window_holds_of_another() -> None:
    """The crash that was told last is no news in its cool-down, though an older one was none."""
    older, last, next_one = (market(number=n, low=90.0) for n in (12, 17, 18))
    never = market(number=12, revision=1)
    between = [market(number=n) for n in (13, 14, 15, 16)]
    found = dives(Asked().all([*calm(12), older, *between, last, never, next_one]))
    assert [at for at, *_ in found] == [12, 17]


def test_a_crash_behind_one_that_a_revision_made_milder_asks_at_once() -> None:
    """What was said is superseded as a warning, and a crash is worse than that; one behind a crash is not."""
    crash, next_one = market(number=12, low=90.0), market(number=13, low=90.0)
    milder, as_bad = (market(number=12, low=low, revision=1) for low in (96.0, 89.0))
    assert len(dives(Asked().all([*calm(12), crash, milder, next_one]))) == 2
    assert len(dives(Asked().all([*calm(12), crash, as_bad, next_one]))) == 1


@pytest.mark.parametrize("crash_holds", [True, False])
def test_a_deep_dive_is_as_severe_as_what_is_left_of_it(crash_holds: bool) -> None:
    """Whichever of its windows is revised: within the cool-down only what is worse than that asks."""
    usual = [market("BTC/USD", n) for n in range(12)]
    owed = [market(number=12, low=97.0), market("BTC/USD", 12, low=90.0)]
    never = market(number=13, revision=1) if crash_holds else market("BTC/USD", 12, revision=1)
    dive = market(number=13, low=97.0 if crash_holds else None)
    surge = market(number=14, volume=60.0, high=101.0)
    log = [w for two in zip(calm(12), usual, strict=True) for w in two]
    verdicts = Asked().all([*log, *owed, dive, never, surge])
    assert [reasons for *_, reasons in dives(verdicts)] == [
        ("price_drop",),
        ("price_drop",),
        *([] if crash_holds else [("volume_spike",)]),
    ]


def test_what_was_found_and_rested_is_no_news_of_a_revision() -> None:
    """A change of a number asks nothing; within the cool-down only what is worse does."""
    falls = [market(number=n, low=97.0) for n in (12, 13)]
    again = market(number=13, low=96.9, revision=1)
    assert len(dives(Asked().all([*calm(12), *falls, again, market(number=14)]))) == 1
    another = market("BTC/USD", 13, low=97.0, revision=1)
    log = [*calm(12), falls[0], market("BTC/USD", 13), another, market(number=14)]
    assert len(dives(Asked().all(log))) == 1
    crash = market("BTC/USD", 13, low=90.0, revision=1)
    log = [*calm(12), falls[0], market("BTC/USD", 13), crash, market(number=14)]
    assert dives(Asked().all(log))[1:] == [(15, "critical", ("price_drop",))]


def test_what_a_window_has_shown_is_remembered_when_the_memory_begins_anew() -> None:
    """Whichever minute that is in: a revision that shows the same asks nothing."""
    for number in range(60):
        log = [market(number=number, low=97.0), market(number=number + 1)]
        again = market(number=number, low=96.9, revision=1)
        after = [market(number=number + n) for n in (2, 3)]
        verdicts = Asked().all([*log, again, *after])
        assert dives(verdicts) == [(0, "warning", ("price_drop",))]


def test_a_late_window_of_a_minute_that_was_asked_about_is_owed() -> None:
    """Or of one before: no id is given twice."""
    log = [*calm(12), market(number=13, low=97.0), market(number=12, low=90.0), market(number=14)]
    assert dives(Asked().all(log)) == [
        (12, "warning", ("price_drop",)),
        (14, "critical", ("price_drop",)),
    ]


def test_what_is_owed_is_looked_at_again_when_its_window_is_revised() -> None:
    """What it does not show any more is not asked; what it shows otherwise is asked as that."""
    crash = [market(low=97.0), market("BTC/USD", low=90.0)]
    never = market("BTC/USD", revision=1)
    assert dives(Asked().all([*crash, never, market(number=1)])) == [
        (0, "warning", ("price_drop",))
    ]
    milder = market("BTC/USD", low=93.0, revision=1)
    verdict = Asked().all([*crash, milder, market(number=1)])[-1]
    assert verdict is not None
    assert [ground.noted.latest for ground in verdict.grounds] == [milder]


def test_a_late_window_below_a_warning_asks_nothing_and_is_no_state() -> None:
    """A development that drops is a notice: it is told when its hour is new, or not at all."""
    hours = [development(number=n) for n in (0, 1, 2, 4)]
    assert Asked().all([*hours, development(number=3, events=0)])[-1] is None
    assert Asked().all([*calm(3), market(number=20), market(number=19, last=101.0)])[-1] is None


def test_at_their_bounds_findings_are_let_go_and_counted() -> None:
    """The oldest of what is owed, and of what windows have shown."""
    many = [market(f"BTC/Q{n}") for n in range(OWED_MAX + 2)]
    falls = [market(f"BTC/Q{n}", low=97.0, revision=1) for n in range(OWED_MAX + 1)]
    asked = Asked()
    asked.all([*many, *falls[:-1]])
    assert asked.gate.forgotten == 0
    asked.put(falls[-1])
    assert asked.gate.forgotten == 1
    verdict = asked.put(market("BTC/Q0", 1))
    assert verdict is not None
    assert len(verdict.grounds) == OWED_MAX
    asked = Asked()
    asked.all([market(f"BTC/Q{n}", low=97.0) for n in range(250)])
    asked.all([market("BTC/Q0", n, low=97.0) for n in range(1, 7)])
    assert asked.gate.forgotten == 0
    asked.put(market("BTC/Q0", 7, low=97.0))
    assert (asked.gate.forgotten, FOUND_MAX) == (1, 256)


def _told(verdict: Verdict | None) -> tuple[Verdict | None, tuple[Fact, ...]]:
    """Return a verdict with the facts of the windows it stands on: of how many windows a median is, they say too."""
    return _plain(verdict), () if verdict is None else earlier_facts(verdict.shown)


def _plain(verdict: Verdict | None) -> Verdict | None:
    return None if verdict is None else msgspec.structs.replace(verdict, grounds=())


@pytest.mark.parametrize(("minutes", "kept"), [(240, 1), (241, 0)])
def test_a_baseline_reaches_no_further_back_than_is_said(minutes: int, kept: int) -> None:
    """To the minute: a fold that begins later has the same."""
    asked = Asked()
    asked.all([market(), market(number=minutes)])
    context = asked.context.of("BTC")
    assert context is not None
    (series,) = context.series.values()
    assert len(series.before) == kept


def test_what_is_owed_of_an_asset_that_fell_silent_is_the_same_for_one_that_began_later() -> None:
    """It is kept over one beginning of the memory; a fold that began behind what was found knows nothing of it."""
    owed = [market(low=97.0), market("BTC/USD", low=90.0)]
    soon, late = Asked().all([*owed, market(number=60)]), Asked().all([*owed, market(number=420)])
    assert dives(soon)[1:] == [(2, "critical", ("price_drop",))]
    assert late[-1] == Asked().put(market(number=420))


def test_what_ended_before_the_memory_began_is_asked_with_the_next_window() -> None:
    """It may have been asked about in the memory before: its id is not given twice, and it is not lost."""
    asked = Asked(ALWAYS)
    asked.all([social(), market(), market(number=70)])  # the era of minute 0 is over
    assert asked.put(social(number=1, posts=500)) is None
    verdict = asked.put(market(number=71))
    assert verdict is not None
    assert verdict.reasons == ("social_spike",)
