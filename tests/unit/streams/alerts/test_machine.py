"""What a rule makes of the windows of a subject, case by case."""

import pytest

from tests.strategies.aggregates import BASE_MS, holed, market, silent, social
from topics import Aggregate

from .ruling import SOCIAL, condition, fed, machine, rule, states

MINUTE_MS = 60_000
BAND = condition(above=50, clear_below=20)


def volumes(*of: float, first: int = 0) -> list[Aggregate]:
    return [market(number=first + n, volume=volume) for n, volume in enumerate(of)]


def test_it_fires_where_it_begins_to_hold_and_clears_where_it_ends() -> None:
    """Once each, however long it holds."""
    found = fed(machine(rule()), *volumes(10, 60, 70, 80, 50, 10))
    assert states(found) == ["firing", "cleared"]
    fired, cleared = found
    assert fired.alert_id == cleared.alert_id == f"r/BTC/USDT/{BASE_MS + 2 * MINUTE_MS}"
    assert (fired.since_ms, fired.as_of_ms) == (BASE_MS + 2 * MINUTE_MS,) * 2
    assert cleared.as_of_ms == BASE_MS + 5 * MINUTE_MS
    assert (fired.transition, cleared.transition) == (1, 2)
    assert fired.headline == cleared.headline == "BTC/USDT: 60 BTC"
    assert fired.values == {"market.volume.1m": 60.0}
    assert fired.aggregate_ids == [f"market/BTC/USDT/60000/60000/{BASE_MS + MINUTE_MS}/0"]


def test_between_the_thresholds_it_goes_on_as_it_was() -> None:
    """The band neither fires nor clears."""
    assert states(fed(machine(rule(BAND)), *volumes(30, 49, 50, 20))) == []
    assert states(fed(machine(rule(BAND)), *volumes(60, 30, 20, 19))) == ["firing", "cleared"]


def test_at_the_threshold_it_does_not_hold() -> None:
    """Above is above, and without hysteresis it ends where it begins."""
    assert states(fed(machine(rule()), *volumes(50, 51, 50))) == ["firing", "cleared"]


def test_it_must_hold_for_its_time() -> None:
    """Counted from the first window that proves it to the last."""
    alerts = machine(rule(for_s=120))
    assert fed(alerts, *volumes(60, 60)) == []
    (fired,) = fed(alerts, *volumes(60, first=2))
    assert fired.since_ms == BASE_MS + 3 * MINUTE_MS
    assert fed(machine(rule(for_s=120)), *volumes(60, 60, 10, 60, 60)) == []


def test_absent_windows_do_not_count_towards_its_time() -> None:
    """Two windows an hour apart prove two minutes."""
    alerts = machine(rule(for_s=120))
    assert fed(alerts, market(number=0, volume=60), market(number=3, volume=60)) == []
    assert states(fed(alerts, market(number=4, volume=60))) == ["firing"]


def test_after_it_cleared_it_cools_down() -> None:
    """What still holds when it is over fires then."""
    alerts = machine(rule(cool_down_s=180))
    found = fed(alerts, *volumes(60, 10, 60, 60, 60, 60))
    assert states(found) == ["firing", "cleared", "firing"]
    assert found[2].as_of_ms == BASE_MS + 5 * MINUTE_MS


def test_a_hole_fakes_no_fall() -> None:
    """A low volume seen through a hole neither fires nor clears; a high one is proven, and marked."""
    low = rule(condition(below=20))
    assert fed(machine(low), market(volume=5, completeness=holed())) == []
    alerts = machine(rule())
    found = fed(
        alerts,
        market(number=0, volume=60, completeness=holed("kraken")),
        market(number=1, volume=5, completeness=holed()),
        market(number=2, volume=5, completeness=silent("binance")),
        market(number=3, volume=5),
    )
    assert states(found) == ["firing", "cleared"]
    assert (found[0].degraded, found[0].missing) == (True, ["kraken"])
    assert found[1].as_of_ms == BASE_MS + 4 * MINUTE_MS


def test_a_hole_proves_that_a_volume_is_not_below() -> None:
    """What was seen is enough: the rule is judged, and clears."""
    alerts = machine(rule(condition(below=20)))
    found = fed(alerts, market(volume=5), market(number=1, volume=60, completeness=holed()))
    assert states(found) == ["firing", "cleared"]


def test_a_return_seen_through_a_hole_is_a_return() -> None:
    """An extreme was seen; that nothing happened was not."""
    fall = rule(condition(metric="log_return", below=-0.03, clear_above=-0.01))
    alerts = machine(fall)
    found = fed(
        alerts,
        market(number=0, last=100.0, completeness=holed()),
        market(number=1, last=95.0, completeness=holed()),
        market(number=2, last=100.0, completeness=holed()),
    )
    assert states(found) == ["firing"]


def test_data_that_stay_holed_raise_a_gap_and_whole_ones_end_it() -> None:
    """Ten minutes by default; the alert that stands stands on."""
    alerts = machine(rule())
    lacking = [market(number=n, volume=5, completeness=holed("kraken")) for n in range(1, 13)]
    found = fed(alerts, market(volume=60), *lacking)
    assert states(found) == ["firing", "gap firing"]
    gap = found[1]
    assert (gap.reason, gap.missing, gap.severity) == ("holed", ["kraken"], "warning")
    assert gap.since_ms == BASE_MS + 2 * MINUTE_MS
    assert gap.as_of_ms == BASE_MS + 13 * MINUTE_MS
    assert gap.alert_id == f"r/BTC/USDT/{gap.since_ms}/data_gap"
    ended = fed(alerts, market(number=13, volume=70))
    assert states(ended) == ["gap cleared"]
    assert (ended[0].reason, ended[0].transition) == ("data_whole", 2)


def test_a_subject_without_windows_is_silent_not_calm() -> None:
    """Found by the windows of the others, and never cleared by it."""
    alerts = machine(rule())
    others = [market("ETH/USDT", number, volume=5) for number in range(20)]
    found = fed(alerts, market(volume=60), *others)
    assert states(found) == ["firing", "gap firing"]
    assert (found[1].reason, found[1].subject) == ("silent", "BTC/USDT")
    assert found[1].since_ms == BASE_MS + MINUTE_MS
    assert states(fed(alerts, market(number=20, volume=70))) == ["gap cleared"]


def test_a_kind_that_falls_silent_is_found_by_the_other_kinds() -> None:
    """An hour behind them."""
    alerts = machine(rule())
    posts = [social("ETH", number) for number in range(20)]
    found = fed(alerts, market(volume=60), *posts)
    assert states(found) == ["firing", "gap firing"]


def test_a_kind_that_is_caught_up_with_is_judged_by_its_own_time() -> None:
    """What is read hours behind the other kinds fires and clears as it did then."""
    alerts = machine(rule())
    posts = [social("ETH", number) for number in range(100)]
    assert fed(alerts, *posts) == []
    found = fed(alerts, *volumes(10, 60, 60, 10))
    assert states(found) == ["firing", "cleared"]
    assert found[0].since_ms == BASE_MS + 2 * MINUTE_MS


def test_a_revision_that_undoes_the_firing_window_retracts() -> None:
    """Also once later windows have come, and once it has cleared."""
    alerts = machine(rule())
    fed(alerts, *volumes(60, 10))
    (taken,) = fed(alerts, market(number=0, volume=40, revision=1))
    assert (taken.state, taken.reason, taken.transition) == ("retracted", "revised", 3)
    assert taken.aggregate_ids[0].endswith("/1")
    assert fed(alerts, market(number=0, volume=40, revision=2)) == []


def test_what_holds_by_its_latest_window_fires_anew_after_a_retraction() -> None:
    """Under the id of that window, without a cool-down."""
    alerts = machine(rule(cool_down_s=3_600))
    fed(alerts, *volumes(60, 70))
    found = fed(alerts, market(number=0, volume=40, revision=1))
    assert states(found) == ["retracted", "firing"]
    assert found[1].since_ms == BASE_MS + 2 * MINUTE_MS


def test_a_window_revised_to_and_fro_is_one_alert() -> None:
    """The same id, the next transitions."""
    alerts = machine(rule())
    window = [60, 40, 60, 40]
    found = fed(alerts, *(market(volume=v, revision=n) for n, v in enumerate(window)))
    assert states(found) == ["firing", "retracted", "firing", "retracted"]
    assert [alert.transition for alert in found] == [1, 2, 3, 4]
    assert len({alert.alert_id for alert in found}) == 1


def test_a_revision_in_the_band_undoes_what_only_began_there() -> None:
    """A revision is judged from what held before its window."""
    alerts = machine(rule(BAND))
    assert states(fed(alerts, market(volume=60), market(volume=30, revision=1))) == [
        "firing",
        "retracted",
    ]


def test_a_correction_pages_nobody_about_what_is_over() -> None:
    """A past window that would have fired, and one that nobody had seen."""
    alerts = machine(rule())
    assert fed(alerts, *volumes(10, 10, 10)) == []
    assert fed(alerts, market(number=0, volume=60, revision=1)) == []
    assert alerts.counts.past == 1
    assert states(fed(alerts, market(number=2, volume=60, revision=1))) == ["firing"]


def test_all_of_several_kinds_each_by_its_latest_window() -> None:
    """An asset's posts with each of its instruments."""
    both = rule(condition(), condition(**SOCIAL, above=100), headline="{subject} {value2}")
    alerts = machine(both)
    assert fed(alerts, social(posts=500)) == []
    assert fed(alerts, market(number=4, volume=60)) == []
    found = fed(alerts, social(number=1, posts=500), market(number=10, volume=60))
    assert states(found) == ["firing"]
    assert found[0].headline == "BTC/USDT 500"
    assert [i.partition("/")[0] for i in found[0].aggregate_ids] == ["market", "social"]
    assert states(fed(alerts, social(number=2, posts=5))) == ["cleared"]


def test_a_window_of_another_kind_that_lies_too_far_behind_is_missing() -> None:
    """Nothing fires on it, and what is not known is said."""
    both = rule(condition(), condition(**SOCIAL, above=100))
    alerts = machine(both)
    fed(alerts, market(volume=10), social(posts=500))
    found = fed(alerts, *volumes(*[60.0] * 60, first=40))
    assert states(found) == ["gap firing"]
    assert found[0].reason == "silent"


def test_any_of_several_holds_by_one() -> None:
    """What is not known of the other does not matter then."""
    either = rule(condition(), condition(**SOCIAL, above=100), match="any")
    alerts = machine(either)
    assert states(fed(alerts, market(volume=60))) == ["firing"]
    assert fed(alerts, market(number=1, volume=5)) == []
    assert states(fed(alerts, social(posts=5))) == ["cleared"]


def test_a_change_is_against_the_window_just_before() -> None:
    """A missing one is not calm, a small one is no base."""
    tenfold = rule(condition(window="5m", of="change", above=4, base_above=2), headline="{change}")

    def five(number: int, volume: float) -> Aggregate:
        return market(number=number, volume=volume, window_ms=300_000)

    alerts = machine(tenfold)
    assert fed(alerts, five(0, 1), five(1, 10)) == []
    (fired,) = fed(alerts, five(2, 60))
    assert (fired.headline, fired.values["market.volume.5m.change"]) == ("500 %", 5.0)
    alerts = machine(tenfold)
    assert fed(alerts, five(0, 10), five(2, 600)) == []


def test_rules_are_for_whom_they_name() -> None:
    """Assets or instruments, either."""
    named = rule(assets=["ETH"], subjects=["BTC/USDT"])
    found = fed(machine(named), *(market(s, volume=60) for s in ("BTC/USDT", "BTC/USD", "ETH/USD")))
    assert [alert.subject for alert in found] == ["BTC/USDT", "ETH/USD"]


def test_subjects_beyond_the_bound_are_counted_and_not_judged() -> None:
    """Those that were there first stay."""
    alerts = machine(rule(), instances_max=2)
    names = ("A/USD", "B/USD", "C/USD", "A/USD")
    found = fed(alerts, *(market(s, n, volume=60) for n, s in enumerate(names)))
    assert [alert.subject for alert in found] == ["A/USD", "B/USD"]
    assert (alerts.counts.refused, len(alerts.instances)) == (1, 2)


def test_a_subject_without_windows_for_two_days_is_forgotten() -> None:
    """What stands of it is cleared, and its place is free."""
    alerts = machine(rule(), instances_max=2)
    fed(alerts, market(volume=60))
    found = fed(alerts, *(market("ETH/USDT", n * 60, volume=5) for n in range(50)))
    assert states(found) == ["gap firing", "cleared", "gap cleared"]
    assert {alert.reason for alert in found[1:]} == {"forgotten"}
    assert [subject for _, subject in alerts.instances] == ["ETH/USDT"]


@pytest.mark.parametrize("severity", ["info", "critical"])
def test_a_gap_is_at_most_a_warning(severity: str) -> None:
    """Nobody is woken up for what is not known."""
    alerts = machine(rule(severity=severity))
    lacking = [market(number=n, volume=5, completeness=holed()) for n in range(13)]
    (gap,) = fed(alerts, *lacking)
    assert gap.severity == ("info" if severity == "info" else "warning")
