"""The numbers an analysis may use, their names, and how they are printed."""

import re
from math import log

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decide.context import SERIES_MAX
from agents.decide.facts import FACTS_MAX, facts_of, find, slots_of
from agents.decide.printing import label_of, printed
from agents.decide.quality import NAMES_MAX, SHORT_HISTORY, SPARSE_TRADES, WORDS_MAX, quality_of
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    calm,
    development,
    histories,
    holed,
    market,
    market_values,
    silent,
    social,
    volume,
    window,
)
from tests.unit.agents.candidates import context_of
from topics import Aggregate, Completeness, Fact
from topics.aggregate import Score

SLOT = re.compile(r"[a-z][a-z0-9_]{0,63}")


def fact(value: float, unit: str, metric: str = "close") -> Fact:
    """Return a fact that only its printing matters of."""
    return Fact(
        metric=metric,
        value=value,
        unit=unit,
        window_ms=MINUTE_MS,
        subject="BTC/USDT",
        aggregate_id="x",
        revision=0,
    )


@pytest.mark.parametrize(
    ("value", "unit", "metric", "text"),
    [
        (1.234, "%", "return", "+1.23%"),
        (-0.5, "%", "return", "-0.50%"),
        (0.2, "%", "range", "0.2%"),
        (6.04, "x", "volume_ratio", "6.0x"),
        (12345.0, "count", "posts", "12,345"),
        (-0.256, "tone", "tone", "-0.26"),
        (64250.123, "USDT", "close", "64,250.1 USDT"),
        (100.0, "USDT", "close", "100 USDT"),
        (0.5, "BTC", "volume", "0.5 BTC"),
        (1.0, "BTC", "volume", "1 BTC"),
        (0.0, "BTC", "volume", "0 BTC"),
        (0.000123456789, "BTC", "close", "0.000123457 BTC"),
        (0.0001, "BTC", "close", "0.0001 BTC"),
        (0.00009, "BTC", "close", "9.00000e-05 BTC"),
        (999_999.7, "USDT", "volume", "1,000,000 USDT"),
        (6.04, "bps", "venue_spread", "6.0 bps"),
        (0.126, "%", "volatility", "0.13%"),
        (1e6, "x", "volume_ratio", "1.00e+06x"),
        (1e40, "%", "return", "+1.00e+40%"),
        (-1e6, "%", "return", "-1.00e+06%"),
        (999_999.0, "%", "range", "999999.0%"),
        (123_456_789.0, "USDT", "volume", "123,456,789 USDT"),
        (1e9, "USDT", "volume", "1.00000e+09 USDT"),
    ],
)
def test_numbers_are_printed_by_their_unit(value: float, unit: str, metric: str, text: str) -> None:
    """Six significant digits, thousands grouped, an exponent only where a plain number would be long."""
    assert printed(fact(value, unit, metric)) == text


@given(st.floats(1e-4, 9e8))
def test_a_printed_number_is_the_number_to_six_digits(value: float) -> None:
    """Nothing is lost in print beyond the sixth digit."""
    text = printed(fact(value, "USDT")).removesuffix(" USDT")
    assert float(text.replace(",", "")) == pytest.approx(value, rel=5.1e-6)


def test_facts_come_by_kind_and_the_smallest_windows_first() -> None:
    """Hopping windows are left out; the leading instrument stands before the others."""
    context = context_of(
        [
            market("BTC/USD", window_ms=HOUR_MS),
            market("BTC/USDT"),
            market("BTC/USD"),
            market(window_ms=FIVE_MS, step_ms=MINUTE_MS),
            social(),
            volume(),
            development(),
        ]
    )
    order = list(dict.fromkeys((f.metric, f.window_ms, f.subject) for f in facts_of(context)))
    places = {
        (f.subject, f.window_ms): None for f in facts_of(context, "BTC/USDT") if "USD" in f.subject
    }
    assert [metric for metric, *_ in order[:2]] == ["events", "commits"]
    assert order[-2][0] == "flow"
    assert list(places) == [
        ("BTC/USDT", MINUTE_MS),
        ("BTC/USD", MINUTE_MS),
        ("BTC/USD", HOUR_MS),
    ]


def test_what_an_instrument_is_is_found_by_the_lead() -> None:
    """A text about one instrument never shows another's numbers as its own."""
    context = context_of([market("BTC/USD", last=101.0), market("BTC/USDT", last=90.0)])
    led = find(facts_of(context, "BTC/USDT"), "return", MINUTE_MS)
    assert led is not None
    assert led.subject == "BTC/USDT"
    assert find(facts_of(context), "tone", FIVE_MS) is None


def test_facts_carry_what_is_usual_and_what_it_rests_on() -> None:
    """The baseline of the value itself, and the ratio to it where it is above 0."""
    context = context_of([*calm(3), market(number=3, volume=25.0)])
    slots = slots_of(facts_of(context))
    told = slots["volume_1m_usdt"]
    assert (told.value, told.baseline, told.sample_size) == (25.0, 10.0, 3)
    assert slots["volume_ratio_1m_usdt"].value == 2.5
    assert slots["return_1m_usdt"].baseline is None
    quiet = context_of([*calm(3, volume=0.0), market(number=3)])
    assert "volume_ratio_1m_usdt" not in slots_of(facts_of(quiet))
    posts = context_of([social(posts=4), social(number=1, posts=10)])
    assert slots_of(facts_of(posts))["posts_ratio_5m"].value == 2.5


def test_a_score_comes_with_its_own_baseline() -> None:
    """Of the window's own 288, in the fact's unit; the ratio is to the same baseline, and z is carried."""
    told = window(
        msgspec.structs.replace(
            market_values(last=99.0, volume=30.0), realised_volatility=0.02, taker_buy_ratio=0.25
        ),
        "BTC/USDT",
        kind="market",
        number=3,
    )
    scores = {
        "log_return": Score(z=-9.0, median=log(1.001)),
        "volume": Score(z=4.5, median=12.0),
        "realised_volatility": Score(z=6.0, median=0.001),
        "taker_buy_ratio": Score(z=-3.0, median=0.5),
    }
    made = msgspec.structs.replace(told, scores=scores, history_n=288)
    slots = slots_of(facts_of(context_of([*calm(3), made])))
    found = {
        name: (
            slots[f"{name}_1m_usdt"].z,
            slots[f"{name}_1m_usdt"].baseline,
            slots[f"{name}_1m_usdt"].sample_size,
        )
        for name in ("return", "volume", "volatility", "taker_buy_ratio")
    }
    assert found == {
        "return": (-9.0, pytest.approx(0.1), 288),
        "volume": (4.5, 12.0, 288),
        "volatility": (6.0, pytest.approx(0.1), 288),
        "taker_buy_ratio": (-3.0, 50.0, 288),
    }
    assert slots["volume_ratio_1m_usdt"].value == 2.5
    assert slots["volatility_1m_usdt"].value == pytest.approx(2.0)
    quiet = msgspec.structs.replace(
        social(number=1), scores={"posts": Score(z=0.5, median=8.0)}, history_n=40
    )
    posts = slots_of(facts_of(context_of([social(), quiet])))
    assert (posts["posts_5m"].z, posts["posts_5m"].baseline, posts["posts_5m"].sample_size) == (
        0.5,
        8.0,
        40,
    )
    assert posts["posts_ratio_5m"].value == 1.25
    assert posts["tone_5m"].z is None


def test_venues_are_compared_where_there_are_several() -> None:
    """Their spread in basis points, and the largest share of one; with one venue neither."""
    values = msgspec.structs.replace(
        market_values(), venue_spread=0.0025, venue_share={"okx": 0.3, "binance": 0.7}
    )
    slots = slots_of(facts_of(context_of([window(values, "BTC/USDT", kind="market")])))
    assert printed(slots["venue_spread_1m_usdt"]) == "25.0 bps"
    assert printed(slots["venue_share_1m_usdt"]) == "70.0%"
    alone = msgspec.structs.replace(market_values(), venue_share={"okx": 1.0})
    lone = slots_of(facts_of(context_of([window(alone, "BTC/USDT", kind="market")])))
    assert not {"venue_spread_1m_usdt", "venue_share_1m_usdt"} & set(lone)


def test_at_the_bound_what_is_worth_less_is_left_out() -> None:
    """Many instruments push neither the posts of the last minutes out, nor the lead's own numbers, small or large."""
    many = [f"BTC/Q{number:02}" for number in range(14)]
    windows = [market(subject, window_ms=size) for size in (MINUTE_MS, HOUR_MS) for subject in many]
    told = facts_of(context_of([*windows, social(window_ms=MINUTE_MS)]), "BTC/Q13")
    assert len(told) == FACTS_MAX
    assert find(told, "posts", MINUTE_MS) is not None
    assert {f.window_ms for f in told if f.subject == "BTC/Q13"} == {MINUTE_MS, HOUR_MS}
    assert next(f for f in told if "/" in f.subject).subject == "BTC/Q13"
    few = facts_of(context_of([market(q, window_ms=HOUR_MS) for q in many] + [social()]))
    assert find(few, "posts", FIVE_MS) is not None
    assert len(few) == FACTS_MAX


def test_instruments_that_share_a_quote_do_not_share_a_slot() -> None:
    """Spot and perpetual are told apart; a quote no slot can spell is spelt another way."""
    context = context_of([market("BTC/USDT"), market("BTC/USDT:USDT"), market("BTC/USDC.E")])
    slots = slots_of(facts_of(context, "BTC/USDT"))
    assert slots["close_1m_usdt"].subject == "BTC/USDT"
    assert slots["close_1m_usdt_2"].subject == "BTC/USDT:USDT"
    assert slots["close_1m_usdc_e"].subject == "BTC/USDC.E"
    assert len(slots) == len(facts_of(context))


@given(
    st.lists(
        st.from_regex(r"BTC/[A-Z0-9][A-Z0-9._-]{0,4}(:[A-Z0-9]{1,3})?", fullmatch=True),
        max_size=8,
        unique=True,
    ),
    st.sampled_from([MINUTE_MS, FIVE_MS, HOUR_MS, 10_000, 90_000, 1_500]),
)
def test_every_fact_has_a_slot_of_its_own(subjects: list[str], window_ms: int) -> None:
    """As many slots as facts, each one that a text can name, whatever the instruments and sizes."""
    windows = [market(s, window_ms=size) for s in subjects for size in (window_ms, MINUTE_MS)]
    told = facts_of(context_of(windows))
    slots = slots_of(told)
    assert list(slots.values()) == list(told)
    assert all(SLOT.fullmatch(slot) for slot in slots)


def test_spans_that_are_no_whole_minutes_keep_their_length() -> None:
    """90 s is not one minute, and 10 s not no hours."""
    spans = [90_000, 10_000, 1_500, MINUTE_MS, HOUR_MS, 24 * HOUR_MS]
    context = context_of([market(window_ms=size) for size in spans])
    closes = {f.window_ms: slot for slot, f in slots_of(facts_of(context)).items()}
    told = [closes[size].split("_")[-2] for size in spans]
    assert told == ["90s", "10s", "1500ms", "1m", "1h", "24h"]
    assert label_of(facts_of(context)[0]) == "price change over 1500ms (BTC/USDT)"


def test_quality_says_the_worst_of_the_data() -> None:
    """Holed before unverifiable before complete; silent sources by name; short history until it is long."""
    assert quality_of(context_of(calm(SHORT_HISTORY + 1))).words == ""
    assert not quality_of(context_of(calm(SHORT_HISTORY + 1))).short_history
    short = quality_of(context_of(calm(SHORT_HISTORY)))
    assert short.short_history
    assert short.words == f"only {SHORT_HISTORY - 1} earlier windows to compare with"
    bad = quality_of(
        context_of(
            [market(completeness=silent("kraken")), market("BTC/USD", completeness=holed("okx"))]
        )
    )
    assert bad.completeness == "holed"
    assert bad.stale_feeds == ["kraken"]
    assert bad.words.startswith("data are missing from okx; no word from kraken; no earlier")
    lone = quality_of(context_of([market(completeness=silent("kraken"))]))
    assert lone.completeness == "unverifiable"


@pytest.mark.parametrize(
    ("doubtful", "words"),
    [
        (
            market(number=5, completeness=Completeness(state="unverifiable")),
            "a venue's numbers cannot prove that nothing is missing",
        ),
        (
            market(
                number=5, completeness=Completeness(state="complete", unverified_duplicates=True)
            ),
            "trades may be counted more than once",
        ),
        (market(number=5, revision=1), "late data have corrected what was published"),
        (
            window(
                msgspec.structs.replace(market_values(), trades=SPARSE_TRADES - 1),
                "BTC/USDT",
                kind="market",
                number=5,
            ),
            "few trades in the smallest window",
        ),
        (social(number=4), "trades are not up to date"),
    ],
)
def test_each_doubt_has_its_words(doubtful: Aggregate, words: str) -> None:
    """Unproven, doubled, late, sparse, stale: what a reader must know, beside the short history."""
    told = quality_of(context_of([*calm(5), doubtful]))
    assert told.words.split("; ")[1:] == [words]
    assert told.stale_feeds == (["market"] if words.startswith("trades are") else [])


def test_a_kind_that_ends_a_little_later_is_not_stale() -> None:
    """Posts come minutes after trades, and development an hour; three of its own windows behind is stale."""
    latest = [market(number=14), social(number=0)]
    assert quality_of(context_of(latest)).stale_feeds == []
    latest = [market(number=19), social(number=0)]
    assert quality_of(context_of(latest)).stale_feeds == ["social"]


def test_what_is_said_of_the_data_has_a_bound() -> None:
    """Beyond five names their number is said, and no name makes the words longer than the contract allows."""
    venues = [f"venue-{number}" for number in range(NAMES_MAX + 2)]
    few, many = venues[:NAMES_MAX], venues
    said = quality_of(context_of([market(completeness=holed(*few))])).words
    assert said.startswith(f"data are missing from {', '.join(few)};")
    said = quality_of(context_of([market(completeness=holed(*many))])).words
    assert said.startswith(f"data are missing from {', '.join(few)} and 2 more;")
    long = quality_of(context_of([market(completeness=holed("v" * 1_000))])).words
    assert len(long) == WORDS_MAX


def test_the_most_an_asset_can_have_is_still_told() -> None:
    """As many families as a context holds give a bounded list of facts."""
    context = context_of([market(f"BTC/Q{number}") for number in range(SERIES_MAX)])
    assert len(facts_of(context)) == FACTS_MAX


@given(histories())
def test_facts_are_those_of_the_latest_windows(log: list[Aggregate]) -> None:
    """Every fact names a window that is the latest of its family, and its own value."""
    context = context_of([aggregate for aggregate in log if aggregate.asset == "BTC"])
    latest = {series.latest.aggregate_id for series in context.series.values()}
    for told in facts_of(context):
        assert told.aggregate_id in latest
        assert told.aggregate_id.split("/")[-1] == str(told.revision)


@pytest.mark.parametrize(("minutes_later", "told"), [(14, True), (15, False)])
def test_a_larger_window_that_smaller_ones_have_left_behind_is_not_told(
    minutes_later: int, told: bool
) -> None:
    """Five minutes of before a silence are not those the market just had; three of them behind is too far."""
    five, minute = market(window_ms=FIVE_MS, last=90.0), market(number=4 + minutes_later)
    slots = slots_of(facts_of(context_of([five, minute, market("BTC/USD", 0)]), "BTC/USDT"))
    assert ("return_5m_usdt" in slots) is told
    assert {"return_1m_usdt", "return_1m_usd"} <= set(slots)
