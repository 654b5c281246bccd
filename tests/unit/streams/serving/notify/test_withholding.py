"""A receiver that is told only of what an analysis bears out: nothing is lost, and nobody waits for ever."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.notify import withholding as module
from streams.serving.notify.notice import Entry, Place, entry_of, of_alert, of_analysis
from streams.serving.notify.withholding import FRESH_MS, Ruled, Withholding
from topics.units import Severity

from .alerts import NOW_MS, alert, analysis

WAIT_MS = 30_000


def withholding(*left_out: str) -> Withholding:
    return Withholding("warning", WAIT_MS, left_out=frozenset(left_out))


def step(*, logged_ms: int = NOW_MS, **fields: Any) -> Entry:
    return entry_of(of_alert(alert(**fields), logged_ms=logged_ms), "phone")


def found(finds: Severity, *, status: str = "current", **fields: Any) -> Entry:
    """Return the analysis of an alert."""
    of = alert(**fields)
    said = analysis(of.alert_id, severity=finds, status=status)
    place = Place("analyses", 0, 0)
    return entry_of(of_analysis(of, said, logged_ms=NOW_MS, place=place, value=b""), "phone")


def steps(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.notice.step for entry in entries]


OVER: dict[str, Any] = {"state": "cleared", "transition": 2}


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_what_its_analysis_finds_severe_is_told_with_all_that_came_meanwhile(
    severity: Severity,
) -> None:
    """In its order, and from then on at once."""
    made = withholding()
    assert made.take(step(), NOW_MS) == Ruled()
    assert made.take(step(**OVER), NOW_MS) == Ruled()
    assert (len(made), made.withholds(alert().alert_id)) == (1, True)
    ruled = made.take(found(severity), NOW_MS)
    assert (steps(ruled.told), ruled.left_out) == (["firing", "cleared", "analysis"], ())
    assert [entry.withheld for entry in ruled.told] == [True, True, False]
    assert (len(made), made.withholds(alert().alert_id)) == (0, False)
    assert steps(made.take(step(transition=3), NOW_MS).told) == ["firing"]


def test_what_its_analysis_finds_less_severe_is_left_out_to_its_end() -> None:
    """Until a later analysis finds it severe: that is told."""
    made = withholding()
    made.take(step(), NOW_MS)
    ruled = made.take(found("notice"), NOW_MS)
    assert (ruled.told, steps(ruled.left_out)) == ((), ["firing", "analysis"])
    assert made.withholds(alert().alert_id)
    assert steps(made.take(step(**OVER), NOW_MS).left_out) == ["cleared"]
    assert steps(made.take(found("info"), NOW_MS).left_out) == ["analysis"]
    assert steps(made.take(found("critical"), NOW_MS).told) == ["analysis"]
    assert steps(made.take(step(state="retracted", transition=3), NOW_MS).told) == ["retracted"]


def test_what_nobody_has_analysed_in_time_is_told_and_stays_told() -> None:
    """To the millisecond; a late analysis that finds it less severe follows."""
    made = withholding()
    made.take(step(), NOW_MS)
    assert made.due(NOW_MS + WAIT_MS - 1) == Ruled()
    assert steps(made.due(NOW_MS + WAIT_MS).told) == ["firing"]
    assert steps(made.take(found("info"), NOW_MS).told) == ["analysis"]
    assert steps(made.take(step(**OVER), NOW_MS).told) == ["cleared"]


def test_what_was_logged_long_ago_waits_a_moment_for_what_is_read_meanwhile() -> None:
    """After a start: its analysis may stand in the log already."""
    made = withholding()
    made.take(step(logged_ms=NOW_MS - WAIT_MS), NOW_MS)
    assert made.due(NOW_MS + FRESH_MS - 1) == Ruled()
    assert steps(made.take(found("info"), NOW_MS).left_out) == ["firing", "analysis"]


@pytest.mark.parametrize("fields", [{"severity": "critical"}, {"kind": "data_gap"}])
def test_what_is_critical_or_a_data_gap_waits_for_nobody(fields: dict[str, Any]) -> None:
    """Whatever an analysis finds of it afterwards, it is told."""
    made = withholding()
    assert steps(made.take(step(**fields), NOW_MS).told) == ["firing"]
    assert steps(made.take(found("info", **fields), NOW_MS).told) == ["analysis"]


@pytest.mark.parametrize("status", ["superseded", "withdrawn"])
def test_an_analysis_that_was_taken_back_decides_nothing(status: str) -> None:
    """It waits with the alert, is left out with it, or told with it."""
    made = withholding()
    made.take(step(), NOW_MS)
    assert made.take(found("critical", status=status), NOW_MS) == Ruled()
    assert steps(made.take(found("notice"), NOW_MS).left_out) == ["firing", "analysis", "analysis"]
    assert steps(made.take(found("critical", status=status), NOW_MS).left_out) == ["analysis"]


def test_what_was_left_out_before_a_start_is_left_out_after_it() -> None:
    """Nobody hears that something is over which they were never told of; of what is not known every step is told."""
    made = withholding(alert().alert_id)
    assert steps(made.take(step(**OVER), NOW_MS).left_out) == ["cleared"]
    other: dict[str, Any] = {"subject": "ETH/USD"}
    assert steps(made.take(step(**other, **OVER), NOW_MS).told) == ["cleared"]
    assert steps(made.take(found("info", subject="XRP/USD"), NOW_MS).told) == ["analysis"]


def test_at_the_bounds_the_oldest_is_told_and_the_oldest_finding_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And counted."""
    monkeypatch.setattr(module, "WAITING_MAX", 1)
    monkeypatch.setattr(module, "FOUND_MAX", 1)
    made = withholding()
    assert made.take(step(subject="A/USD"), NOW_MS) == Ruled()
    (told,) = made.take(step(subject="B/USD"), NOW_MS).told
    assert told.notice.alert.subject == "A/USD"
    assert (len(made), made.overflown) == (1, 1)
    made.take(found("info", subject="B/USD"), NOW_MS)
    assert made.withholds(alert(subject="B/USD").alert_id)
    made.take(step(subject="C/USD", severity="critical"), NOW_MS)
    assert not made.withholds(alert(subject="B/USD").alert_id)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["firing", "cleared", "retracted", "info", "warning", "withdrawn", "look"]),
        st.sampled_from(["A/USD", "B/USD", "C/USD"]),
        st.integers(0, 20_000),
    ),
    max_size=40,
)


@given(ACTS)
def test_each_step_leaves_once_in_its_order_and_in_time(acts: list[tuple[str, str, int]]) -> None:
    """Told or left out, and none of an alert behind a later one."""
    made, now_ms = withholding(), NOW_MS
    came: list[Entry] = []
    left: list[tuple[Entry, int]] = []
    since_ms: dict[str, int] = {}
    for number, (act, subject, later_ms) in enumerate(acts):
        now_ms += later_ms
        if act == "look":
            ruled = made.due(now_ms)
        else:
            if act in ("firing", "cleared", "retracted"):
                one = step(subject=subject, state=act, transition=number + 1, logged_ms=now_ms)
            elif act == "withdrawn":
                one = found("critical", status=act, subject=subject)
            else:
                one = found(act, subject=subject)  # type: ignore[arg-type]
            one = one._replace(key=str(number))
            since_ms[one.key] = now_ms
            came.append(one)
            ruled = made.take(one, now_ms)
        left += [(entry, now_ms) for entry in (*ruled.told, *ruled.left_out)]
        assert not (ruled.told and ruled.left_out)
    left += [(entry, now_ms) for entry in made.due(now_ms + WAIT_MS).told]
    assert len(made) == 0
    assert sorted(int(entry.key) for entry, _ in left) == sorted(int(one.key) for one in came)
    for subject in ("A/USD", "B/USD", "C/USD"):
        keys = [int(e.key) for e, _ in left if e.notice.alert.subject == subject]
        assert keys == sorted(keys)
