"""An asset's context: the latest window of each family, and what was usual before it."""

from statistics import median

from hypothesis import given
from msgspec.structs import replace

from agents.decide.context import (
    ASSETS_MAX,
    HISTORY_MAX,
    NOTED_MAX,
    SERIES_MAX,
    AssetContext,
    Baseline,
    Context,
    Noted,
    Series,
    measures,
)
from tests.strategies.aggregates import (
    FIVE_MS,
    corrected,
    development,
    histories,
    holed,
    market,
    social,
    volume,
)
from topics import Aggregate


def folded(*aggregates: Aggregate) -> Series:
    """Return the series of windows of one family."""
    series = Series(aggregates[0])
    for aggregate in aggregates[1:]:
        series.take(aggregate)
    return series


def test_the_newest_window_wins_and_an_older_one_changes_nothing() -> None:
    """A window is new only if it starts after all before it."""
    series = Series(market(number=5))
    assert not series.take(market(number=4, volume=99.0))
    assert series.latest.window_start_ms == market(number=5).window_start_ms
    assert series.take(market(number=6))
    assert series.latest == market(number=6)
    assert series.baseline("volume") == Baseline(10.0, 1)


def test_a_revision_replaces_the_latest_window_but_is_not_new() -> None:
    """A later revision of the latest window counts; an equal or earlier one does not."""
    first = market(number=3)
    series = Series(first)
    assert not series.take(corrected(first, 2, volume=77.0))
    assert not series.take(corrected(first, 1, volume=1.0))
    assert series.latest == corrected(first, 2, volume=77.0)
    series.take(market(number=4))
    assert series.baseline("volume") == Baseline(77.0, 1)


def test_a_window_folded_anew_replaces_the_latest_and_is_not_new() -> None:
    """A later epoch counts, whatever its revision; an older window of it changes nothing."""
    series = Series(corrected(market(number=3), 2, volume=5.0))
    anew = replace(market(number=3, volume=6.0), epoch=1)
    assert not series.take(anew)
    assert not series.take(corrected(market(number=3), 9, volume=7.0))
    assert not series.take(replace(market(number=2, volume=8.0), epoch=1))
    assert series.latest == anew


def test_a_baseline_rests_on_the_windows_before_only() -> None:
    """The latest window is no part of what it is compared with; without any before there is none."""
    assert Series(market(volume=500.0)).baseline("volume") is None
    series = folded(*[market(number=n, volume=v) for n, v in enumerate([3.0, 1.0, 2.0, 500.0])])
    assert series.baseline("volume") == Baseline(2.0, 3)
    assert series.baseline("no such measure") is None


def test_a_baseline_forgets_all_but_the_last_windows() -> None:
    """Exactly `HISTORY_MAX` windows are remembered."""
    series = folded(*[market(number=n, volume=float(n)) for n in range(HISTORY_MAX + 3)])
    assert len(series.before) == HISTORY_MAX
    last = [float(n) for n in range(2, HISTORY_MAX + 2)]
    assert series.baseline("volume") == Baseline(median(last), HISTORY_MAX)


def test_a_holed_window_is_no_part_of_what_is_usual() -> None:
    """Else a gap would make the next whole window look like a surge."""
    gap = market(number=1, volume=0.1, completeness=holed())
    series = folded(market(number=0), gap, market(number=2))
    assert series.latest == market(number=2)
    assert series.baseline("volume") == Baseline(10.0, 1)


def test_families_are_kept_apart() -> None:
    """Kind, subject, size and step each make a family of their own."""
    context = AssetContext("BTC")
    distinct = [
        market(),
        market("BTC/USD"),
        market(window_ms=FIVE_MS),
        market(window_ms=FIVE_MS, step_ms=60_000),
        social(),
        volume(),
        development(),
    ]
    assert [context.take(aggregate) for aggregate in distinct] == [True] * len(distinct)
    assert [context.take(aggregate) for aggregate in distinct] == [False] * len(distinct)
    assert sorted(context.latest_ids()) == sorted(a.aggregate_id for a in distinct)


def test_a_family_beyond_the_bound_is_not_kept() -> None:
    """The bound holds at its edge, and families that are kept go on."""
    context = AssetContext("BTC")
    subjects = [f"BTC/Q{number}" for number in range(SERIES_MAX + 1)]
    assert [context.take(market(subject)) for subject in subjects] == [True] * SERIES_MAX + [False]
    assert context.take(market(subjects[0], 1))
    assert not context.take(market(subjects[-1], 1))
    assert len(context.latest_ids()) == SERIES_MAX
    assert context.refused == 2


def test_the_windows_that_were_noted_last_are_kept() -> None:
    """At the bound the one that was noted longest ago goes, and one that is noted again is not it."""
    context = AssetContext("BTC")
    windows = [Noted(market(number=number), {}) for number in range(NOTED_MAX + 1)]
    context.note(windows[:NOTED_MAX])
    context.note([windows[0]])
    context.note([windows[NOTED_MAX]])
    kept = [windows[number].latest.aggregate_id for number in (*range(2, NOTED_MAX), 0, NOTED_MAX)]
    assert list(context.noted) == kept


def test_what_was_noted_is_forgotten_after_an_hour() -> None:
    """Of its own family's event time; within it all is kept, however late it came and whoever is hours ahead."""
    context = AssetContext("BTC")
    noted = [Noted(market(number=n), {}) for n in (3, 1, 40)]
    context.take(market(number=40))
    context.note(noted)
    context.take(market(number=62))
    context.take(development(number=9))
    assert len(context.noted) == 3
    context.take(market(number=63))
    context.take(market(number=64))
    assert list(context.noted) == [noted[2].latest.aggregate_id]


def test_the_states_that_were_told_last_are_kept() -> None:
    """By the candidate they are of, at most as many as windows."""
    context = AssetContext("BTC")
    for number in range(NOTED_MAX + 1):
        context.label(f"c{number}", (("direction", "up"),))
    assert list(context.labels) == [f"c{number}" for number in range(1, NOTED_MAX + 1)]


def test_an_asset_beyond_the_bound_is_not_kept() -> None:
    """The bound holds at its edge, and assets that are kept are found again."""
    context = Context()
    kept = [context.of(f"A{number}") for number in range(ASSETS_MAX)]
    assert None not in kept
    assert context.refused == 0
    assert context.of("ONE-TOO-MANY") is None
    assert context.refused == 1
    assert context.of("A0") is kept[0]


def test_every_kind_has_measures_and_a_level_only_where_there_is_one() -> None:
    """What is compared with the past, by kind."""
    assert measures(market(volume=3.0, last=90.0))["volume"] == 3.0
    assert measures(market(last=90.0))["return"] > 0.1
    assert measures(social(posts=7, tone=-0.5)) == {"posts": 7.0, "tone": -0.5}
    assert measures(development(events=3)) == {"events": 3.0}
    assert measures(volume(flow=2.0, level=None)) == {"flow": 2.0}
    assert measures(volume(flow=2.0, level=5.0)) == {"flow": 2.0, "level": 5.0}


@given(histories())
def test_the_context_is_the_same_whoever_else_is_in_the_log(log: list[Aggregate]) -> None:
    """An asset's context depends on its own windows alone, in their order."""
    together, alone = Context(), Context()
    for aggregate in log:
        of_all = together.of(aggregate.asset)
        assert of_all is not None
        of_all.take(aggregate)
        if aggregate.asset == "BTC":
            of_one = alone.of("BTC")
            assert of_one is not None
            of_one.take(aggregate)
    for asset, kept in alone.assets.items():
        assert kept.latest_ids() == together.assets[asset].latest_ids()
        for family, series in kept.series.items():
            assert list(series.before) == list(together.assets[asset].series[family].before)
