"""The rules analyst: five situations word by word, and what holds of every text."""

import re

import pytest
from hypothesis import given

from agents.answer.rules import analyse, direction_of
from agents.answer.words import HEADLINE_MAX
from agents.decide.candidate import Candidate
from agents.decide.printing import printed
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    calm,
    development,
    histories,
    holed,
    market,
    silent,
    social,
)
from tests.unit.agents.candidates import candidate, candidate_of
from topics import Aggregate
from topics.analysis import Direction

CRASH = candidate_of(
    [
        market(window_ms=FIVE_MS, last=97.5),
        market(window_ms=HOUR_MS, last=101.0),
        *calm(12),
        market(number=12, last=94.5, low=94.0, volume=75.0),
    ],
    reasons=("price_drop", "volume_spike"),
    severity="critical",
)
QUIET_RISE = candidate_of(
    [*calm(12), market(number=12, last=100.5, volume=3.0)],
    product="state",
    reasons=("state_changed",),
)
WASH = candidate_of(
    [*calm(12), market(number=12, last=100.05, volume=62.5)], reasons=("volume_without_move",)
)
HYPE = candidate_of(
    [*calm(12), social(), social(number=1), social(number=2, posts=80, tone=0.6)],
    reasons=("social_spike",),
)
HOLED = candidate_of(
    [
        *calm(3, "BTC/USD"),
        market("BTC/USDT", completeness=silent("kraken")),
        *[development(number=n) for n in range(3)],
        development(number=3, events=4, completeness=holed("github")),
    ],
    reasons=("development_drop", "a_new_reason"),
)


@pytest.mark.parametrize(
    ("made", "headline", "text", "confidence"),
    [
        (
            CRASH,
            "BTC/USDT -5.50% in 1m: sharp fall within a minute; unusual volume",
            (
                "BTC/USDT fell -5.50% in a minute to 94.5 USDT (-2.50% over 5m, +1.00% over 1h). Volume 75"
                " BTC, 7.5x the median of the 12 windows before; takers bought 50.0% of it."
            ),
            "medium",
        ),
        (
            QUIET_RISE,
            "BTC/USDT +0.50% in 1m: state changed",
            (
                "BTC/USDT rose +0.50% in a minute to 100.5 USDT. Volume 3 BTC, 0.3x the median of the 12"
                " windows before; takers bought 50.0% of it. Against it: the price rises on falling volume."
            ),
            "medium",
        ),
        (
            WASH,
            "BTC/USDT +0.05% in 1m: much volume without a move, as wash trading shows",
            (
                "BTC/USDT held +0.05% in a minute to 100.05 USDT. Volume 62.5 BTC, 6.2x the median of the 12"
                " windows before; takers bought 50.0% of it. Against it: much is traded, but the price does"
                " not move."
            ),
            "medium",
        ),
        (
            HYPE,
            "BTC/USDT +0.00% in 1m: burst of posts",
            (
                "BTC/USDT held +0.00% in a minute to 100 USDT. Volume 10 BTC, 1.0x the median of the 11"
                " windows before; takers bought 50.0% of it. 80 posts in 5m, 8.0x usual, tone +0.60."
                " Against it: posts surge while volume does not."
            ),
            "medium",
        ),
        (
            HOLED,
            "BTC/USD +0.00% in 1m: development fell silent; a new reason",
            (
                "BTC/USD held +0.00% in a minute to 100 USD. Volume 10 BTC, 1.0x the median of the 2 windows"
                " before; takers bought 50.0% of it. 4 development events in 1h, usually 40. Mind the data:"
                " data are missing from github; no word from kraken; only 3 earlier windows to compare with."
            ),
            "low",
        ),
    ],
    ids=["crash", "quiet rise", "wash", "hype", "holed"],
)
def test_five_situations(made: Candidate, headline: str, text: str, confidence: str) -> None:
    """What the rules say of each, to the letter."""
    said = analyse(made)
    assert said.headline == headline
    assert said.text == text
    assert said.confidence == confidence
    assert said.confidence_basis == (
        made.quality.words or "enough earlier windows to compare with, no known gap"
    )
    assert said.outlook is None


def test_of_nothing_it_says_so() -> None:
    """An asset without facts has a headline and a text all the same."""
    said = analyse(candidate(facts=(), reasons=("state_first",)))
    assert said.headline == "BTC: first reading"
    assert said.text == "Nothing is known of this asset yet."


def test_a_long_headline_is_cut_at_the_bound() -> None:
    """However many reasons there are."""
    said = analyse(candidate(reasons=tuple(f"reason_{word}" for word in "abcdefghijklmnop")))
    assert len(said.headline) == HEADLINE_MAX


@pytest.mark.parametrize(
    ("minute", "five", "direction"),
    [
        (100.3, 100.3, "up"),
        (99.7, 99.7, "down"),
        (100.3, 99.7, "mixed"),
        (99.7, 100.3, "mixed"),
        (100.3, 100.0, "up"),
        (100.0, 99.7, "down"),
        (100.19, 99.81, "flat"),
        (100.3, None, "up"),
        (None, 99.7, "down"),
        (None, None, "flat"),
    ],
)
def test_the_direction_is_what_both_spans_say(
    minute: float | None, five: float | None, direction: Direction
) -> None:
    """Over one and five minutes; two that disagree are mixed, and a fifth of a percent is flat."""
    windows = [social()]
    if minute is not None:
        windows.append(market(last=minute))
    if five is not None:
        windows.append(market(window_ms=FIVE_MS, last=five))
    assert direction_of(candidate_of(windows).facts) == direction


def test_the_direction_is_that_of_the_instrument_it_is_about() -> None:
    """Not of whichever is first by name."""
    made = candidate_of([market("BTC/EUR", last=110.0), market("BTC/USDT", last=90.0)])
    assert direction_of(made.facts) == "down"
    assert analyse(made).headline.startswith("BTC/USDT -10.00% in 1m")


SPANS = re.compile(r"\b(1h|5m|1m)\b")


def left_over(text: str, made: Candidate) -> str:
    """Return a text without what may hold a digit: printed facts, counts of windows, names, spans."""
    allowed = {made.quality.words, *(fact.subject for fact in made.facts)}
    for fact in made.facts:
        allowed |= {printed(fact), f"median of the {fact.sample_size} windows"}
        if fact.baseline is not None:
            allowed.add(f"usually {fact.baseline:,.0f}")
    for part in sorted(allowed, key=len, reverse=True):
        text = text.replace(part, "") if part else text
    return SPANS.sub("", text)


@given(histories())
def test_every_number_is_a_fact_and_nothing_is_sure(log: list[Aggregate]) -> None:
    """No digit that is not printed from a fact; never high; the same words every time; within the bounds."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if not own:
        return
    made = candidate_of(own)
    said = analyse(made)
    assert said == analyse(made)
    assert said.confidence in ("low", "medium")
    assert not re.search(r"\d", left_over(f"{said.headline} {said.text}", made))
    assert 1 <= len(said.headline) <= HEADLINE_MAX
    assert 1 <= len(said.text) <= 4_000
    poor = made.quality.short_history or made.quality.completeness == "holed"
    assert said.confidence == "low" or not poor
