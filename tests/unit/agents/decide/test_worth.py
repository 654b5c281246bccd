"""Which facts go first where not all can be told: reasons, what is named, what is unusual, one of each kind, the rest."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.decide.facts import FACTS_MAX, facts_of
from agents.decide.worth import UNUSUAL, by_worth, unusual
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    development,
    histories,
    market,
    social,
)
from tests.unit.agents.candidates import context_of
from topics import Fact

LEAD = "BTC/USDT"


def fact(metric: str, subject: str = LEAD, *, window_ms: int = MINUTE_MS, **more: object) -> Fact:
    """Return a fact of the latest window of a subject."""
    kind = "market" if "/" in subject else {"posts": "social", "events": "development"}[metric]
    made = Fact(
        metric=metric,
        value=1.0,
        unit="x",
        window_ms=window_ms,
        subject=subject,
        aggregate_id=f"{kind}/{subject}/{window_ms}/{window_ms}/0/0",
        revision=0,
    )
    return replace(made, **more)


def test_the_ranks_follow_one_another() -> None:
    """Reasons' windows, what is named, the unusual by size, one of each kind, the lead's other windows, the rest."""
    facts = [
        fact("close", "BTC/EUR", window_ms=HOUR_MS),  # the rest
        fact("close", window_ms=HOUR_MS),  # the lead's
        fact("close", window_ms=FIVE_MS),  # the first of the market that is the lead's is another
        fact("events", "BTC", window_ms=HOUR_MS),  # the only one of its kind
        fact("volume", "BTC/EUR", z=UNUSUAL),
        fact("volume", "BTC/USD", z=-9.0),
        fact("close", "BTC/USD"),  # named
        fact("range"),  # the reason's window
    ]
    order = by_worth(facts, lead=LEAD, reasons=["price_drop"], named={6})
    assert order == [7, 6, 5, 4, 1, 3, 2, 0]


def test_a_reason_stands_on_the_windows_of_its_kind() -> None:
    """Posts go first where posts are why, and every kind where the reason is an alert's or none is asked for."""
    facts = [
        fact("return"),
        fact("posts", "BTC", window_ms=FIVE_MS),
        fact("events", "BTC", window_ms=HOUR_MS),
        fact("return", "BTC/EUR"),
    ]
    firsts = {
        reason: by_worth(facts, lead=LEAD, reasons=[reason])[0]
        for reason in ("price_jump", "social_spike", "development_drop", "alert_price_drop")
    }
    assert firsts == {
        "price_jump": 0,
        "social_spike": 1,
        "development_drop": 2,
        "alert_price_drop": 0,
    }
    assert by_worth(facts, lead=LEAD)[-1] == 3


def test_a_window_that_is_shown_for_a_reason_goes_first() -> None:
    """It is not the latest, so nothing but a reason has brought it there."""
    facts = [fact("return", z=40.0), fact("return", "BTC/EUR", window_end_ms=1)]
    assert by_worth(facts, lead="BTC/JPY", reasons=["social_spike"]) == [1, 0]


def test_a_ratio_is_as_unusual_as_what_it_is_of() -> None:
    """Of twice the same number neither half is left behind."""
    facts = [
        fact("close", "BTC/EUR"),
        fact("volume_ratio", "BTC/EUR"),
        fact("volume", "BTC/EUR", z=8.0),
    ]
    assert by_worth(facts, lead=LEAD, reasons=[]) == [1, 2, 0]


def test_what_no_score_knows_is_compared_by_its_size() -> None:
    """A price change without a score has no past to stand out from; a count below the least means nothing."""
    assert unusual(fact("return", value=50.0)) == 0
    assert unusual(fact("volume", value=4.0, baseline=1.0, sample_size=2)) == UNUSUAL
    assert unusual(fact("volume", value=4.0, baseline=1.0, sample_size=1)) == 0
    few = fact("posts", "BTC", window_ms=FIVE_MS, value=19.0, baseline=1.0, sample_size=9)
    assert unusual(few) == 0
    assert unusual(replace(few, value=20.0)) > UNUSUAL


@given(histories(max_size=40), st.sets(st.integers(0, 30)))
def test_every_fact_has_one_place(log: list, named: set[int]) -> None:  # type: ignore[type-arg]
    """Nothing is lost or doubled by the order, and the same facts have the same."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if own:
        facts = facts_of(context_of(own))
        order = by_worth(facts, lead=LEAD, named=named)
        assert sorted(order) == list(range(len(facts)))
        assert order == by_worth(facts, lead=LEAD, named=named)


def test_what_is_unusual_in_a_large_window_outlives_what_is_usual_in_small_ones() -> None:
    """At the bound of an analysis: the one number that stands out is among those that are kept, wherever it is."""
    crowd = [market(f"BTC/Q{number:02}", window_ms=MINUTE_MS) for number in range(14)]
    loud = [market("BTC/Z", number, window_ms=HOUR_MS) for number in range(6)]
    loud[-1] = market("BTC/Z", 5, window_ms=HOUR_MS, volume=500.0)
    facts = facts_of(context_of([*crowd, social(), development(), *loud]), "BTC/Q03")
    assert len(facts) == FACTS_MAX
    assert any(f.metric == "volume" and f.subject == "BTC/Z" for f in facts)
    assert {f.aggregate_id.partition("/")[0] for f in facts} == {"market", "social", "development"}
    assert next(f for f in facts if "/" in f.subject).subject == "BTC/Q03"
