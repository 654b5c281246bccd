"""How an asset is in coarse words: each word at its edges, what a gap and a revision do to it, and of whom it is."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from msgspec.structs import replace

from agents.decide.context import AssetContext
from agents.decide.fingerprint import (
    LATE_MS,
    RULES,
    SWITCH_RATIO,
    TONE_POSTS_MIN,
    UNKNOWN,
    Fingerprint,
    differs,
)
from agents.settings import GateSettings
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
from topics import Aggregate, Score

SETTINGS = GateSettings()
WORDS = {
    "direction": {"up", "down", "flat"},
    "volume": {"high", "usual", "low"},
    "volatility": {"high"},
    "regime": {"rising", "falling", "sideways"},
    "posts": {"high"},
    "tone": {"positive", "negative"},
    "development": {"low"},
    "data": {"gaps"},
}


class Seen:
    """A fingerprint with the context it is of."""

    def __init__(self, asset: str = "BTC") -> None:
        self.context, self.state = AssetContext(asset), Fingerprint()

    def all(self, aggregates: Iterable[Aggregate]) -> dict[str, str]:
        """Fold windows one by one, and return the words after the last."""
        for aggregate in aggregates:
            self.context.take(aggregate)
            self.state.take(aggregate, self.context, SETTINGS)
        return dict(self.state.labels)


def words(*aggregates: Aggregate) -> dict[str, str]:
    """Return the words after these windows."""
    return Seen().all(aggregates)


def volatile(z: float | None, number: int = 0, **changes: object) -> Aggregate:
    """Return five minutes whose volatility has a score."""
    made = market(number=number, window_ms=FIVE_MS, **changes)  # type: ignore[arg-type]
    scores = {} if z is None else {"realised_volatility": Score(z=z, median=0.001)}
    return replace(made, scores=scores, values=replace(made.values, realised_volatility=0.01))


@pytest.mark.parametrize(
    ("before", "last", "after"),
    [
        (None, 100.19, "flat"),
        (None, 100.21, "up"),
        (101.0, 100.11, "up"),
        (101.0, 100.09, "flat"),
        (101.0, 99.85, "flat"),
        (101.0, 99.79, "down"),
        (100.0, 100.19, "flat"),
        (99.0, 99.89, "down"),
        (99.0, 99.91, "flat"),
    ],
)
def test_a_direction_is_left_only_well_inside_the_next(
    before: float | None, last: float, after: str
) -> None:
    """Half of the way back to where it began; the other way it is found at the full edge."""
    first = [] if before is None else [market(last=before)]
    assert words(*first, market(number=1, last=last))["direction"] == after


@pytest.mark.parametrize(
    ("before", "volume", "after"),
    [
        (10.0, 20.0, "high"),
        (10.0, 19.9, "usual"),
        (20.0, 14.1, "high"),
        (20.0, 13.9, "usual"),
        (10.0, 5.0, "low"),
        (10.0, 5.1, "usual"),
        (5.0, 7.1, "low"),
        (5.0, 7.2, "usual"),
        (5.0, 20.0, "high"),
    ],
)
def test_a_volume_is_left_only_well_inside_the_next(
    before: float, volume: float, after: str
) -> None:
    """Against the median of the windows before, three tenths of the way back."""
    log = [*calm(9), market(number=9, volume=before), market(number=10, volume=volume)]
    assert words(*log)["volume"] == after


@pytest.mark.parametrize(("count", "known"), [(5, False), (6, True)])
def test_without_enough_windows_nothing_is_said_of_the_volume(count: int, known: bool) -> None:
    """It has no word, and that it comes to have one is no change."""
    assert ("volume" in words(*calm(count))) is known
    assert not differs((), (("volume", "usual"),))
    assert differs((), (("volume", "high"),))


@pytest.mark.parametrize("was", [("high", 20.0), ("usual", 10.0), ("low", 5.0)])
@pytest.mark.parametrize("state", [holed(), silent("binance")])
def test_a_gap_keeps_a_word_but_for_what_is_proven(was: tuple[str, float], state: object) -> None:
    """Less volume, fewer posts and a standstill may be missing data; more of them is not."""
    word, volume = was
    log = [*calm(9), market(number=9, volume=volume)]
    gap = market(number=10, volume=0.1, completeness=state)  # type: ignore[arg-type]
    assert words(*log, gap)["volume"] == word
    much = market(number=10, volume=21.0, completeness=state)  # type: ignore[arg-type]
    assert words(*log, much)["volume"] == "high"
    many = [social(posts=4), social(number=1, posts=50)]
    few = social(number=2, posts=0, completeness=state)  # type: ignore[arg-type]
    assert words(*many, few)["posts"] == "high"
    hours = [development(number=n) for n in range(3)]
    quiet = development(number=3, events=0, completeness=state)  # type: ignore[arg-type]
    assert "development" not in words(*hours, quiet)
    swings = volatile(0.0, 1, completeness=state)
    assert words(volatile(3.0), market(number=4), swings, market(number=9))["volatility"] == "high"


@pytest.mark.parametrize(
    ("before", "z", "after"),
    [(0.0, 2.9, "usual"), (0.0, 3.0, "high"), (3.0, 2.5, "high"), (3.0, 2.3, "usual")],
)
def test_a_volatility_is_told_by_its_score(before: float, z: float, after: str) -> None:
    """Of five minutes; without a score there is no word."""
    first = (volatile(before), market(number=4))
    found = words(*first, volatile(z, 1), market(number=9))
    assert found.get("volatility", "usual") == after
    assert "volatility" not in words(*first, volatile(None, 1), market(number=9))


@pytest.mark.parametrize(
    ("lasts", "after"),
    [
        ((100.49,), "sideways"),
        ((100.51,), "rising"),
        ((99.49,), "falling"),
        ((100.6, 100.3), "rising"),
        ((100.6, 100.2), "sideways"),
        ((99.4, 99.7), "falling"),
    ],
)
def test_a_regime_is_an_hours_move(lasts: tuple[float, ...], after: str) -> None:
    """A minute does not change it."""
    log = [
        one
        for n, last in enumerate(lasts)
        for one in (
            market(number=60 * n + 58),
            market(number=n, window_ms=HOUR_MS, last=last),
            market(number=60 * n + 59, last=97.5),
        )
    ]
    assert words(*log)["regime"] == after


@pytest.mark.parametrize(
    ("usual", "posts", "after"),
    [(4, 19, "usual"), (4, 20, "high"), (30, 59, "usual"), (30, 60, "high")],
)
def test_posts_are_many_at_a_multiple_and_a_least(usual: int, posts: int, after: str) -> None:
    """Twice the usual and at least twenty; they are let go at seven tenths of it."""
    first = [social(number=n, posts=usual) for n in range(3)]
    log = [*first, social(number=3, posts=posts)]
    assert words(*log).get("posts", "usual") == after
    if after == "high":
        assert words(*log, social(number=4, posts=int(0.7 * posts) + 1))["posts"] == "high"
        assert "posts" not in words(*log, social(number=4, posts=int(0.7 * posts) - 1))


@pytest.mark.parametrize(
    ("tones", "after"),
    [
        ((0.31,), "positive"),
        ((0.29,), "neutral"),
        ((-0.31,), "negative"),
        ((0.4, 0.22), "positive"),
        ((0.4, 0.2), "neutral"),
        ((0.4, -0.25), "neutral"),
    ],
)
def test_a_tone_is_told_of_enough_posts(tones: tuple[float, ...], after: str) -> None:
    """Of fewer it is chance."""
    log = [social(number=n, tone=tone, posts=TONE_POSTS_MIN) for n, tone in enumerate(tones)]
    assert words(*log).get("tone", "neutral") == after
    few = social(number=len(log), tone=0.9, posts=TONE_POSTS_MIN - 1)
    assert "tone" not in words(*log, few)


def test_development_is_low_at_a_quarter_of_the_usual() -> None:
    """Where there is as a rule enough to tell."""
    hours = [development(number=n) for n in range(3)]
    assert words(*hours, development(number=3, events=10))["development"] == "low"
    assert "development" not in words(*hours, development(number=3, events=11))
    quiet = [development(number=n, events=9) for n in range(4)]
    assert "development" not in words(*quiet)


def test_a_gap_is_told_as_long_as_five_minutes_have_it() -> None:
    """Its own minute has it at once."""
    gap = market(number=4, completeness=holed())
    five = market(window_ms=FIVE_MS, completeness=holed())
    assert words(*calm(4), gap)["data"] == "gaps"
    assert words(*calm(4), five, gap, market(number=5))["data"] == "gaps"
    whole = market(number=1, window_ms=FIVE_MS)
    assert "data" not in words(*calm(4), five, gap, market(number=5), whole, market(number=9))


def test_a_revision_is_looked_at_with_what_was_before_its_window() -> None:
    """Not with the word it gave itself: a rise that was none is none, whatever held it up."""
    rise, flat = market(number=1, last=101.0), market(number=1, last=100.15, revision=1)
    assert words(market(), rise)["direction"] == "up"
    assert words(market(), rise, flat)["direction"] == "flat"
    assert words(market(last=101.0), rise, flat)["direction"] == "up"
    five = [volatile(3.0, 0), market(number=5), volatile(0.0, 0, revision=1)]
    assert "volatility" not in words(*five, market(number=6))


def test_an_older_window_changes_no_word() -> None:
    """What comes behind younger ones is not how things are."""
    seen = Seen()
    before = seen.all([*calm(9), social(number=1, posts=30)])
    assert seen.all([market(number=3, last=110.0), social(posts=3, tone=-0.9)]) == before


def test_what_ended_too_long_ago_has_no_word() -> None:
    """A feed that fell silent says nothing of now, and its silence is no change of a state at rest."""
    log = [social(posts=4), social(number=1, posts=50)]
    last = (log[1].window_end_ms + FIVE_MS + LATE_MS - log[0].window_start_ms) // MINUTE_MS
    assert words(*log, market(number=last - 1))["posts"] == "high"
    assert "posts" not in words(*log, market(number=last))


def test_the_main_instrument_is_the_one_that_trades_most() -> None:
    """Another takes its place when it usually trades twice as much, and two alike take no turns."""
    seen = Seen()
    seen.all([market("BTC/EUR"), market(volume=SWITCH_RATIO * 10.0)])
    assert seen.state.main == "BTC/USDT"
    alike = [
        w
        for n in range(1, 20)
        for w in (market("BTC/EUR", n, volume=15.0), market(number=n, volume=12.0))
    ]
    seen.all(alike)
    assert seen.state.main == "BTC/USDT"
    seen.all([market("BTC/EUR", n, volume=90.0) for n in range(20, 50)])
    assert seen.state.main == "BTC/EUR"


def test_a_silent_main_instrument_makes_room() -> None:
    """For whichever still trades."""
    seen = Seen()
    seen.all([*calm(3), *(market("BTC/EUR", n, volume=1.0) for n in range(16))])
    assert seen.state.main == "BTC/EUR"
    assert Seen().all([social(tone=0.5)]) == {"tone": "positive"}


@given(histories())
def test_whatever_comes_the_words_are_of_their_sets(log: list[Aggregate]) -> None:
    """Few words, none of them a name or a number, in one order, and never of what is unknown."""
    seen = {asset: Seen(asset) for asset in ("BTC", "ETH")}
    order = [rule.name for rule in RULES]
    assert set(order) == WORDS.keys()
    for aggregate in log:
        found = seen[aggregate.asset].all([aggregate])
        assert all(word in WORDS[name] for name, word in found.items())
        assert UNKNOWN not in found.values()
        assert [name for name in order if name in found] == list(found)


@given(histories(max_size=40))
def test_the_words_do_not_depend_on_what_an_asset_is_called(log: list[Aggregate]) -> None:
    """Nor on the level of its prices: another name, the same words."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    other = [replace(one, asset="DOGE", subject=one.subject.replace("BTC", "DOGE")) for one in own]
    assert Seen("BTC").all(own) == Seen("DOGE").all(other)
