"""What is said of a number that stands exactly on a threshold, and of a window exactly so old."""

import pytest

from tests.strategies.aggregates import market

from .ruling import SOCIAL, condition, fed, machine, rule, states


@pytest.mark.parametrize(
    ("band", "volumes"),
    [
        ({"above": 50, "clear_below": 20}, (50, 51, 20, 19)),
        ({"below": 20, "clear_above": 50}, (20, 19, 50, 51)),
    ],
)
def test_on_a_threshold_it_goes_on_as_before(
    band: dict[str, int], volumes: tuple[int, ...]
) -> None:
    """It begins beyond the one, and ends beyond the other."""
    alerts = machine(rule(condition(**band)))
    found = [states(fed(alerts, market(number=n, volume=v))) for n, v in enumerate(volumes)]
    assert found == [[], ["firing"], [], ["cleared"]]


@pytest.mark.parametrize(("base", "said"), [(10, []), (11, ["firing"])])
def test_of_a_change_from_no_more_than_the_least_nothing_holds(base: int, said: list[str]) -> None:
    """Twice of next to nothing is next to nothing."""
    alerts = machine(rule(condition(of="change", above=1, base_above=10)))
    assert states(fed(alerts, market(volume=base), market(number=1, volume=40))) == said


def test_a_window_counts_for_three_steps_and_the_lateness_of_its_kind() -> None:
    """As docs/alerts.md says."""
    ages_ms = [one.age_ms for one in rule(condition(), condition(**SOCIAL)).conditions]
    assert ages_ms == [4 * 60_000, 4 * 300_000]
