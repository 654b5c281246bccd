"""Which candidates are worth the question about posts."""

import pytest
from msgspec.structs import replace

from agents.ask.excerpts.occasion import REASON, concerns_posts
from agents.decide.findings import findings
from agents.settings import GateSettings
from tests.strategies.aggregates import social
from tests.unit.agents.candidates import candidate, context_of
from topics import Fact

FACT = candidate().facts[0]


def posts(value: float, **changes: object) -> Fact:
    """Return a fact of so many posts where ten are usual."""
    fields = {"metric": "posts", "unit": "count", "value": value, "baseline": 10.0, "z": None}
    return replace(FACT, **fields | {"sample_size": 12} | changes)


def test_its_reason_is_the_gate_s() -> None:
    """Else no dive would be made by posts."""
    windows = [social(number=number, posts=2) for number in range(3)]
    context = context_of(windows)
    many = social(number=3, posts=400)
    series = next(iter(context.series.values()))
    found = dict(findings(many, series, GateSettings(), {}))
    assert REASON in found


@pytest.mark.parametrize(
    ("facts", "concerns"),
    [
        ((), False),
        ((posts(39.0),), False),
        ((posts(40.0),), True),
        ((posts(40.0, sample_size=1),), False),
        ((posts(11.0, z=3.0),), True),
        ((posts(400.0, z=2.9),), False),
        ((posts(19.0, baseline=1.0),), False),
        ((posts(0.9, metric="tone", unit="tone", z=9.0, baseline=0.0),), False),
        ((posts(40.0, metric="volume"),), False),
    ],
)
def test_many_posts_are_what_the_dive_itself_calls_unusual(
    facts: tuple[Fact, ...], *, concerns: bool
) -> None:
    """Three deviations, or four times the usual of twenty and more; other facts are no cause, and tone is none."""
    assert concerns_posts(candidate(facts=facts)) is concerns


def test_a_dive_that_posts_made_is_one_whatever_its_facts_are() -> None:
    """They may be those of a later window; a line on an asset's state is none."""
    assert not concerns_posts(candidate())
    assert concerns_posts(candidate(reasons=("price_drop", REASON)))
    assert not concerns_posts(candidate(reasons=(REASON,), product="state"))
