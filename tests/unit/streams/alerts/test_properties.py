"""What holds of rules whatever the windows: restarts, batches, bands, holes, and a plain evaluator that agrees."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.instance import verdicts_of
from streams.alerts.judging import combined
from streams.alerts.machine import Alerts
from streams.alerts.rules import Rule
from streams.alerts.state import restore, take_entries
from tests.strategies.aggregates import histories, holed, market
from topics import Aggregate, Alert

from .ruling import SOCIAL, condition, machine, rule, states, told

RULES = (
    rule(name="plain"),
    rule(condition(above=15, clear_below=5), name="band", for_s=120, cool_down_s=300),
    rule(condition(below=6), name="falls", data_gap_s=60),
    rule(condition(metric="log_return", below=-0.02), name="drop", data_gap_s=120),
    rule(condition(), condition(**SOCIAL, above=15), name="both", data_gap_s=60),
    rule(condition(above=15), condition(**SOCIAL, above=15), name="either", match="any"),
    rule(condition(window="5m", of="change", above=1), name="doubles"),
    rule(
        condition(kind="development", window="1h", metric="events", below=6),
        name="quiet",
        assets=["ETH"],
    ),
)
DATA = st.data()


def restored(rules: Sequence[Rule], entries: dict[bytes, bytes]) -> Alerts:
    alerts = machine(*rules, instances_max=20)
    restore(alerts, entries, 3)
    return alerts


def commit(alerts: Alerts, entries: dict[bytes, bytes]) -> list[Alert]:
    """Write the state and what came of it, as one transaction does."""
    for key, value in take_entries(alerts, 3, 0):
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
    made, alerts.outputs = alerts.outputs, []
    return made


@given(histories(), DATA)
def test_kills_and_restores_change_nothing(log: list[Aggregate], data: st.DataObject) -> None:
    """Whatever was not committed is done again: the same transitions, the same state in the end."""
    straight = machine(*RULES, instances_max=20)
    wanted, left = told(straight, log), dict[bytes, bytes]()
    commit(straight, left)
    entries: dict[bytes, bytes] = {}
    found: list[Alert] = []
    alerts, committed, at = restored(RULES, entries), 0, 0
    kills = 0
    while committed < len(log):
        at = min(len(log), at + data.draw(st.integers(1, 9)))
        for aggregate in log[committed:at]:
            alerts.feed(aggregate)
        if kills < 8 and data.draw(st.booleans()):
            kills += 1
            alerts, at = restored(RULES, entries), committed
            continue
        found += commit(alerts, entries)
        committed = at
        if data.draw(st.booleans()):
            alerts = restored(RULES, entries)
    assert found == wanted
    assert entries == left


@given(histories(), DATA)
def test_batches_change_nothing(log: list[Aggregate], data: st.DataObject) -> None:
    """The state is written here and there: what comes out is one sequence."""
    straight, split = (machine(*RULES, instances_max=20) for _ in range(2))
    found: list[Alert] = []
    for aggregate in log:
        split.feed(aggregate)
        if data.draw(st.booleans()):
            found += commit(split, {})
    found += commit(split, {})
    assert found == told(straight, log)
    assert split.counts == straight.counts


def interleaved(log: Sequence[Aggregate], data: st.DataObject) -> list[Aggregate]:
    """Return the same windows, each kind's in its order, the kinds shuffled anew."""
    left = {kind: [a for a in log if a.kind == kind] for kind in {a.kind for a in log}}
    found = []
    while left := {kind: rest for kind, rest in left.items() if rest}:
        kind = data.draw(st.sampled_from(sorted(left)))
        count = data.draw(st.integers(1, len(left[kind])))
        found += left[kind][:count]
        left[kind] = left[kind][count:]
    return found


def reach_s(log: Sequence[Aggregate]) -> int:
    """Return how far apart the kinds can be at most, in whatever order they are read: all of the log."""
    starts = [a.window_start_ms for a in log]
    return (max(starts, default=0) - min(starts, default=0)) // 1_000 + 3_600


ONE_KIND = [made for made in RULES if len(made.kinds) == 1]
MANY_KINDS = [made for made in RULES if len(made.kinds) > 1]


@given(histories(), DATA)
def test_how_kinds_interleave_changes_nothing_for_rules_on_one_kind(
    log: list[Aggregate], data: st.DataObject
) -> None:
    """As long as no other kind is further ahead than `kinds_apart_s`: data gaps and the time in `for_s` as well."""
    apart_s = reach_s(log)
    first = told(machine(*RULES, apart_s=apart_s), log)
    second = told(machine(*RULES, apart_s=apart_s), interleaved(log, data))
    for one in ONE_KIND:
        assert [a for a in second if a.rule == one.name] == [a for a in first if a.rule == one.name]


@given(histories(), DATA)
def test_in_the_end_a_rule_over_kinds_stands_alike_where_both_can_judge_it(
    log: list[Aggregate], data: st.DataObject
) -> None:
    """Without a band, `for_s` or a cool-down. When, how often and under which id it fired on the way is another matter."""
    apart_s, ends = reach_s(log), []
    for order in (log, interleaved(log, data)):
        alerts = machine(*MANY_KINDS, apart_s=apart_s)
        told(alerts, order)
        ends.append(alerts)
    for key in ends[0].instances.keys() & ends[1].instances.keys():
        made = ends[0].rules[key[0]]
        verdicts = [
            combined(verdicts_of(made, end.instances[key], end.now_ms(made.kinds)), made.match)
            for end in ends
        ]
        if "unknown" not in verdicts:
            assert verdicts[0] == verdicts[1]
            assert [end.instances[key].fires for end in ends] == [verdicts[0] == "holds"] * 2


@given(histories())
def test_every_alert_goes_its_way(log: list[Aggregate]) -> None:
    """It fires first; it never clears or fires twice; its transitions count up; one alert a rule and subject stands."""
    standing: dict[tuple[str, str, str], str] = {}
    last: dict[str, tuple[int, str]] = {}
    for alert in told(machine(*RULES), log):
        place = (alert.rule, alert.subject, alert.kind)
        number, state = last.get(alert.alert_id, (0, "none"))
        assert alert.transition == number + 1
        allowed = {"none": {"firing"}, "firing": {"cleared", "retracted"}}
        allowed |= {"cleared": {"retracted", "firing"}, "retracted": {"firing"}}
        assert alert.state in allowed[state]
        last[alert.alert_id] = (alert.transition, alert.state)
        if alert.state == "firing":
            assert place not in standing
            standing[place] = alert.alert_id
        elif standing.get(place) == alert.alert_id:
            del standing[place]
        msgspec.json.decode(msgspec.json.encode(alert), type=Alert)


@given(st.lists(st.floats(20, 50), max_size=30), st.booleans())
def test_within_the_band_nothing_changes(inside: list[float], holds: bool) -> None:
    """Whatever values between the thresholds follow each other."""
    alerts = machine(rule(condition(above=50, clear_below=20)))
    first = told(alerts, [market(volume=51 if holds else 19)])
    assert states(first) == (["firing"] if holds else [])
    assert told(alerts, [market(number=n, volume=v) for n, v in enumerate(inside, 1)]) == []


FAKED: dict[str, Any] = {
    "low volume": rule(condition(below=50)),
    "few posts": rule(condition(**SOCIAL, below=50)),
    "ratio up": rule(condition(metric="taker_buy_ratio", above=0.4)),
    "ratio down": rule(condition(metric="taker_buy_ratio", below=0.6)),
    "calm": rule(condition(metric="realised_volatility", below=0.1)),
    "change": rule(condition(metric="trades", of="change", window="5m", below=0.5)),
}


@given(st.sampled_from(sorted(FAKED)), histories())
def test_what_a_hole_can_fake_neither_fires_nor_clears_on_holes(
    name: str, log: list[Aggregate]
) -> None:
    """With every window holed nothing but data gaps comes; a standing alert stays, but where what was seen disproves it."""
    faked: Rule = FAKED[name]
    holes = [msgspec.structs.replace(a, completeness=holed()) for a in log]
    found = told(machine(faked), holes)
    assert {alert.kind for alert in found} <= {"data_gap"}
    alerts = machine(faked)
    told(alerts, log)
    stood = {key for key, one in alerts.instances.items() if one.fires}
    later = [
        msgspec.structs.replace(a, window_start_ms=a.window_start_ms + 86_400_000) for a in holes
    ]
    found = [alert for alert in told(alerts, later) if alert.kind != "data_gap"]
    disproved = [alert for alert in found if _is_disproved(alert, later)]
    assert all(a.reason == "forgotten" for a in found if a not in disproved)
    still = {key for key, one in alerts.instances.items() if one.fires}
    assert len(stood - still) == len(found)


def _is_disproved(alert: Alert, holed_windows: list[Aggregate]) -> bool:
    """Return whether it cleared as a window has as much already as it is said not to have: more can only be missing."""
    ended = [a for a in holed_windows if a.window_end_ms == alert.as_of_ms]
    amounts = [getattr(a.values, name, 0.0) for a in ended for name in ("volume", "posts")]
    return (alert.state, alert.reason) == ("cleared", "no_longer_holds") and max(amounts) >= 50


VOLUMES = st.lists(st.sampled_from([0.0, 10.0, 20.0, 30.0, 50.0, 60.0, 90.0]), max_size=60)


@given(VOLUMES, st.integers(0, 4), st.integers(0, 6), st.sampled_from([None, 20.0, 30.0]))
def test_a_plain_evaluator_says_the_same(
    values: list[float], held: int, cool: int, clear: float | None
) -> None:
    """Of whole windows, one a minute: by looking back over the list anew each time."""
    made = rule(condition(above=50, clear_below=clear), for_s=held * 60, cool_down_s=cool * 60)
    windows = [market(number=n, volume=value) for n, value in enumerate(values)]
    found = [
        (a.state, a.as_of_ms // 60_000 - windows[0].window_start_ms // 60_000 - 1)
        for a in told(machine(made), windows)
    ]
    assert found == naive(
        values, held, cool, 50 if clear is None else clear, band=clear is not None
    )


def naive(
    values: list[float], held: int, cool: int, clear: float, *, band: bool
) -> list[tuple[str, int]]:
    """The same rule by its words, looking back over all values at each one."""
    said: list[tuple[str, int]] = []
    for now in range(len(values)):
        holding = [holds_at(values, at, clear, band=band) for at in range(now + 1)]
        fires = bool(said) and said[-1][0] == "firing"
        if fires and not holding[now]:
            said.append(("cleared", now))
        elif not fires and now >= held and all(holding[now - held : now + 1]):
            cooled = not said or now - said[-1][1] >= cool
            if cooled:
                said.append(("firing", now))
    return said


def holds_at(values: list[float], at: int, clear: float, *, band: bool) -> bool:
    """Whether a value was above 50 with none below the clear threshold since."""
    for earlier in range(at, -1, -1):
        if values[earlier] > 50:
            return True
        if values[earlier] < clear or not band:
            return False
    return False
