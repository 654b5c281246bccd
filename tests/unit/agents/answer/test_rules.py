"""The rules analyst: situations word by word, and what holds of every text."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.anomalies import TOLD_MAX, anomalies_of
from agents.answer.headline import headline_parts
from agents.answer.reading import direction_of, told_of
from agents.answer.rules import VERSION, analyse, template_of
from agents.answer.slots import SLOT, rendered
from agents.answer.verdict import check
from agents.answer.words import BASIS_MAX, HEADLINE_MAX, OUTLOOK_MS, TEXT_MAX
from agents.decide.candidate import Candidate
from agents.decide.context import Baseline, Noted
from agents.decide.facts import earlier_facts, slots_of
from agents.decide.worth import unusual
from tests.strategies.aggregates import (
    BASE_MS,
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    histories,
    holed,
    market,
    social,
    volume,
)
from tests.unit.agents.candidates import candidate, candidate_of
from topics import Aggregate, Fact
from topics.analysis import Direction

from .moments import AFTER, events, larger, minutes, moment, posts
from .situations import SITUATIONS

GOLDEN = json.loads(Path("tests/data/rules/situations.json").read_text(encoding="utf-8"))
REASONS = (
    "price_drop",
    "price_jump",
    "volume_spike",
    "volume_without_move",
    "social_spike",
    "development_drop",
    "state_first",
    "state_changed",
    "something_new",
)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_told_as_it_was_written_down(name: str) -> None:
    """To the letter: a change of the rules changes `VERSION`, and is meant."""
    said = analyse(SITUATIONS[name])
    assert said.outlook is not None
    told = {
        "headline": said.headline,
        "text": said.text,
        "confidence": said.confidence,
        "basis": said.confidence_basis,
        "outlook": said.outlook.direction,
    }
    assert told == GOLDEN[name]
    assert VERSION == "rules-4"


@pytest.mark.parametrize(
    "made",
    [
        moment(*minutes(104.0, 30.0), reasons=("price_jump",)),
        moment(*minutes(100.0, 20.0, high=107.0), reasons=("price_jump",)),
        moment(*minutes(100.5, 4.9)),
        moment(*minutes(100.0, 10.0), *larger(90.0, 90.0), reasons=("price_drop",)),
    ],
)
def test_nothing_is_called_usual_that_nobody_compared(made: Candidate) -> None:
    """A jump, a wick, a rise on thin volume, a fall of five minutes: "nothing stands out" would be false."""
    assert "Nothing stands out" not in analyse(made).text
    calm_one = moment(*minutes(100.0, 10.0))
    assert "Nothing stands out" in analyse(calm_one).text


def test_a_price_that_came_back_did_not_hold() -> None:
    """It was elsewhere meanwhile."""
    assert (
        "BTC/USDT came back over 1m to 100 USDT"
        in analyse(moment(*minutes(100.0, 10.0, low=93.0))).text
    )
    assert "BTC/USDT held over 1m at 100 USDT" in analyse(moment(*minutes(100.0, 10.0))).text


def test_reported_volume_alone_is_something_that_is_known() -> None:
    """Nor is an asset of which only development is seen one of no numbers."""
    said = analyse(moment(volume(number=11), reasons=("state_first",)))
    assert said.headline == "BTC had a reported volume of 5 BTC in 5m"
    assert said.text.startswith("Reported volume over 5m: 5 BTC.")
    assert analyse(moment(*events(38), reasons=("alert_x",))).headline.startswith("BTC had 38 dev")


def test_every_situation_is_written_down() -> None:
    """And no other; twelve at least."""
    assert list(GOLDEN) == list(SITUATIONS)
    assert len(GOLDEN) >= 12


def test_a_headline_keeps_whole_parts_within_its_bound() -> None:
    """However long the names: what does not fit is left out, and no number is cut."""
    name = "A" * 24
    made = moment(*minutes(94.5, 75.0, subject=f"{name}/{name}:{name}"), reasons=("price_drop",))
    said = analyse(made)
    assert said.headline == f"{name}/{name}:{name} fell 5.50% in 1m on 7.5x usual volume"
    reasons = ("price_drop", "social_spike", "development_drop")
    many = candidate(reasons=(*reasons, *(f"reason_{word}" for word in "abcdefghijklmnop")))
    assert len(analyse(many).headline) <= HEADLINE_MAX


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


def test_what_is_said_is_of_the_instrument_it_is_about() -> None:
    """Not of whichever is first by name, nor of another's five minutes where its own are missing."""
    made = candidate_of([market("BTC/EUR", last=110.0), market("BTC/USDT", last=90.0)])
    assert direction_of(made.facts) == "down"
    assert analyse(made).headline.startswith("BTC/USDT fell 10.00% in 1m")
    other = candidate_of([market("BTC/EUR", last=110.0, window_ms=FIVE_MS), market(last=90.0)])
    assert direction_of(other.facts) == "down"
    assert "5m" not in analyse(other).text


def fact(metric: str, value: float, **fields: object) -> Fact:
    """Return a fact of the last minute."""
    made = Fact(
        metric=metric,
        value=value,
        unit="BTC",
        window_ms=MINUTE_MS,
        subject="BTC/USDT",
        aggregate_id="x",
        revision=0,
    )
    return msgspec.structs.replace(made, **fields)


@pytest.mark.parametrize(
    ("told", "size"),
    [
        (fact("volume", 5.0, z=-7.5, baseline=1.0), 7.5),
        (fact("volume", 40.0, baseline=10.0, sample_size=2), 3.0),
        (fact("volume", 2.5, baseline=10.0, sample_size=2), 3.0),
        (fact("volume", 80.0, baseline=10.0, sample_size=2), 4.5),
        (fact("volume", 0.0, baseline=10.0, sample_size=2), 9.0),
        (fact("volume", 40.0, baseline=10.0, sample_size=1), 0.0),
        (fact("volume", 40.0, baseline=0.0, sample_size=9), 0.0),
        (fact("volume", 40.0), 0.0),
        (fact("posts", 19.0, baseline=1.0, sample_size=9), 0.0),
        (fact("posts", 20.0, baseline=5.0, sample_size=9), 3.0),
        (fact("close", 20.0, baseline=5.0, sample_size=9), 0.0),
        (fact("return", -9.0, unit="%"), 0.0),
    ],
)
def test_how_unusual_a_fact_is(told: Fact, size: float) -> None:
    """Its score; else three for four times or a quarter; nothing where there is too little to say it by."""
    assert unusual(told) == pytest.approx(size)


def test_the_most_unusual_comes_first_and_a_metric_once() -> None:
    """In the window in which it is most unusual; at most four."""
    facts = [
        fact("volume", 5.0, z=4.0, baseline=1.0),
        fact("volume", 5.0, z=-9.0, baseline=1.0, window_ms=HOUR_MS),
        *(
            fact(metric, 1.0, z=3.0 + number, baseline=1.0)
            for number, metric in enumerate(["flow", "return", "volatility", "taker_buy_ratio"])
        ),
    ]
    found = anomalies_of(told_of(facts))
    assert [a.metric for a in found] == ["volume", "taker_buy_ratio", "volatility", "return"]
    assert found[0].window_ms == HOUR_MS
    assert len(found) == TOLD_MAX
    assert not anomalies_of(told_of([fact("volume", 5.0, z=2.99, baseline=1.0)]))


@pytest.mark.parametrize(
    ("windows", "outlook"),
    [
        ([*minutes(97.0, 30.0), *larger(97.0, 96.0)], "down"),
        ([*minutes(103.0, 30.0), *larger(103.0, 104.0)], "up"),
        ([*minutes(97.0, 14.0), *larger(97.0, 96.0)], "unclear"),  # volume does not bear it out
        ([*minutes(97.0, 30.0), *larger(97.0, 101.0)], "unclear"),  # the hour is against it
        ([*minutes(97.0, 30.0)], "unclear"),  # alone
        ([*minutes(97.0, 30.0)[-8:], *larger(97.0, 96.0)], "unclear"),  # too short a history
        ([*minutes(97.0, 30.0, venue_spread=0.01), *larger(97.0, 96.0)], "unclear"),
    ],
)
def test_an_outlook_only_where_the_evidence_agrees(windows: list[Aggregate], outlook: str) -> None:
    """Else it is unclear, at even odds."""
    said = analyse(moment(*windows)).outlook
    assert said is not None
    assert (said.direction, said.horizon_ms) == (outlook, OUTLOOK_MS)
    assert said.probability == (0.5 if outlook == "unclear" else 0.55)


def test_posts_alone_never_set_the_direction() -> None:
    """However many and glad."""
    glad = analyse(
        moment(*minutes(100.0, 30.0), *(social(number=n, posts=500, tone=1.0) for n in range(12)))
    )
    assert glad.outlook is not None
    assert glad.outlook.direction == "unclear"


def has_own_digit(template: str, made: Candidate) -> bool:
    """Return whether a text with its slots open holds a digit that is not of a name or a window's length."""
    bare = SLOT.sub(" ", template)
    for name in sorted({f.subject for f in made.facts}, key=len, reverse=True):
        bare = bare.replace(name, " ")
    return re.search(r"\d", re.sub(r"\b(1h|5m|1m|90s|24 hours)\b", "", bare)) is not None


def holds_of_every_text(made: Candidate) -> None:
    """Check what every reader may rely on."""
    said, slots = analyse(made), slots_of(made.facts)
    assert said == analyse(made)
    assert said.confidence in ("low", "medium")
    assert 1 <= len(said.headline) <= HEADLINE_MAX
    assert 1 <= len(said.text) <= TEXT_MAX
    assert 1 <= len(said.confidence_basis) <= BASIS_MAX
    told = told_of(made.facts)
    parts = headline_parts(told, made.asset, made.reasons)
    for text in (template_of(told), "".join(parts)):
        assert check(text, slots, made.asset) is None, text
        assert not has_own_digit(text, made)
    assert said.text.startswith(rendered(template_of(told), slots))
    poor = made.quality.short_history or made.quality.completeness == "holed"
    assert said.confidence == "low" or not poor


@given(histories(), st.lists(st.sampled_from(REASONS), min_size=1, max_size=4))
def test_every_text_keeps_the_models_rules(log: list[Aggregate], reasons: list[str]) -> None:
    """No digit that no slot shows, nothing sure, within bounds, the same every time, accepted by the verdict."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if own:
        holds_of_every_text(candidate_of(own, reasons=tuple(reasons)))


METRICS = {
    "return": "%",
    "close": "USDT",
    "range": "%",
    "volume": "BTC",
    "volume_ratio": "x",
    "taker_buy_ratio": "%",
    "volatility": "%",
    "venue_spread": "bps",
    "venue_share": "%",
    "posts": "count",
    "posts_ratio": "x",
    "tone": "tone",
    "events": "count",
    "commits": "count",
    "flow": "BTC",
    "level": "BTC",
}
_extreme = st.one_of(
    st.sampled_from([0.0, 1e-12, 0.004, 0.5, 1.0, 5.0, 1e9, 1e30]), st.floats(0, 1e12)
)


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """Return some fact, as large, small and contradictory as may be."""
    metric = draw(st.sampled_from(sorted(METRICS)))
    signed = metric in ("return", "tone") and draw(st.booleans())
    of_market = METRICS[metric] not in ("count", "tone") and metric not in (
        "flow",
        "level",
        "posts_ratio",
    )
    return fact(
        metric,
        -draw(_extreme) if signed else draw(_extreme),
        unit=METRICS[metric],
        quote="USDT" if of_market else None,
        subject="BTC/USDT" if of_market else "BTC",
        window_ms=draw(st.sampled_from([MINUTE_MS, FIVE_MS, HOUR_MS, 90_000])),
        baseline=draw(st.one_of(st.none(), _extreme)),
        z=draw(st.one_of(st.none(), st.floats(-1e300, 1e300))),
        sample_size=draw(st.sampled_from([0, 1, 5, 30, 288, 2**40])),
        window_end_ms=draw(st.sampled_from([None, None, BASE_MS])),
    )


@given(st.lists(facts(), max_size=25), st.lists(st.sampled_from(REASONS), min_size=1, max_size=3))
def test_any_facts_give_valid_words(told: list[Fact], reasons: list[str]) -> None:
    """Extreme, missing or contradictory."""
    holds_of_every_text(candidate(facts=tuple(told), reasons=tuple(reasons)))


CRASH = Noted(market(number=AFTER - 3, low=88.0, last=90.0, volume=80.0), {})
CALM_NOW = moment(*minutes(100.0, 10.0), *larger(100.0, 100.0), *posts(10))


def shown(made: Candidate, *windows: Noted, **changes: object) -> Candidate:
    """Return a candidate that shows windows which are not the latest."""
    return msgspec.structs.replace(made, facts=(*earlier_facts(windows), *made.facts), **changes)


def test_an_earlier_window_is_told_as_that_and_changes_nothing_of_now() -> None:
    """The reason's number with its time; direction, regime, confidence and outlook are those of the latest windows."""
    said = analyse(shown(CALM_NOW, CRASH, reasons=("price_drop",)))
    assert said.headline == "BTC/USDT fell 10.00% (1m to 08:58 UTC)"
    assert (
        "Before that, of BTC/USDT: a price change of -10.00% (1m to 08:58 UTC),"
        " high above low 13.6% (1m to 08:58 UTC)." in said.text
    )
    assert said.text.startswith("BTC/USDT held over 1m at 100 USDT")
    assert "Nothing stands out" in analyse(CALM_NOW).text
    assert "Nothing stands out" not in said.text
    plain = analyse(CALM_NOW)
    assert (said.confidence, said.confidence_basis) == (plain.confidence, plain.confidence_basis)
    assert said.outlook == plain.outlook
    assert direction_of(shown(CALM_NOW, CRASH).facts) == direction_of(CALM_NOW.facts) == "flat"


def test_a_headline_is_of_the_window_that_shows_the_reason() -> None:
    """The latest, where it shows more of it; of posts and development as well."""
    worse = moment(*minutes(80.0, 30.0), reasons=("price_drop",))
    assert analyse(shown(worse, CRASH)).headline.startswith("BTC/USDT fell 20.00% in 1m")
    surge = Noted(social(number=8, posts=900), {})
    said = analyse(shown(CALM_NOW, surge, reasons=("social_spike",)))
    assert said.headline == "BTC posts at 900 (5m to 08:45 UTC)"
    silence = Noted(events(0)[0], {})
    low = shown(moment(*events(40)), silence, reasons=("development_drop",))
    assert analyse(low).headline.startswith("BTC had 40 development events in 1h")
    volume_then = Noted(CRASH.latest, {"volume": Baseline(10.0, 9)})
    said = analyse(shown(CALM_NOW, volume_then, reasons=("volume_spike",)))
    assert said.headline == "BTC/USDT volume against usual at 8.0x (1m to 08:58 UTC)"


def test_missing_data_make_the_confidence_low() -> None:
    """However much else agrees, and the basis begins with what is missing."""
    whole = [*minutes(97.0, 30.0), *larger(97.0, 96.0)]
    gap = msgspec.structs.replace(whole[20], completeness=holed("okx"))
    assert analyse(moment(*whole)).confidence == "medium"
    said = analyse(moment(*whole[:20], gap, *whole[21:]))
    assert said.confidence == "low"
    assert said.confidence_basis.startswith("data are missing from okx; evidence agrees: down by")
