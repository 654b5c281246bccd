"""What a trial of rules says, and what it says of a range that is less than was asked for."""

from deploy.alerting import report
from deploy.alerting.report import Trial
from streams.alerts.machine import Counts
from topics import Alert

HOUR_MS = 3_600_000
FROM_MS = 1_800_000_000_000


def alert(state: str, at_ms: int, transition: int = 1, **told: object) -> Alert:
    given: dict[str, object] = {
        "alert_id": "r/BTC/USDT/1",
        "rule": "r",
        "asset": "BTC",
        "subject": "BTC/USDT",
        "state": state,
        "severity": "info",
        "since_ms": at_ms,
        "as_of_ms": at_ms,
        "headline": "words",
        "transition": transition,
    }
    return Alert(**given | told)  # type: ignore[arg-type]


def test_what_warmed_up_is_not_shown_but_what_stood_is() -> None:
    """By event time; each transition on a line, the counts behind them."""
    tested = Trial(FROM_MS)
    tested.read(5, FROM_MS - HOUR_MS, FROM_MS + HOUR_MS)
    gap = alert(
        "firing", FROM_MS + 2, kind="data_gap", reason="holed", alert_id="r/BTC/USDT/2/data_gap"
    )
    tested.add([alert("firing", FROM_MS - 1), gap, alert("cleared", FROM_MS + 1, 2)])
    tested.counted(Counts(judged=7))
    tested.counted(Counts(judged=2))
    lines = list(tested.lines())
    assert lines[0].startswith("standing since")
    assert [line.split()[1] for line in lines[1:3]] == ["cleared", "data_gap"]
    assert lines[2].endswith("words  [holed]")
    assert lines[3] == "r: 1 cleared, 1 data_gap"
    assert lines[4] == "5 records read, log time to 2027-01-15T09:00:00.000Z; 9 judgements"
    assert len(tested.as_json()["transitions"]) == 2


def test_a_range_that_is_less_than_asked_for_says_so() -> None:
    """Cut by retention, begun later, unreadable, beyond a bound, or empty."""
    assert list(Trial(None).warnings()) == ["the range is empty: nothing was read"]
    tested = Trial(FROM_MS)
    tested.read(1, FROM_MS + HOUR_MS, FROM_MS + HOUR_MS)
    tested.cut = [f"raw.market/{number}" for number in range(6)]
    tested.unreadable = 3
    tested.counted(Counts(refused=4))
    said = "\n".join(tested.warnings())
    assert "cut: raw.market/0, raw.market/1, raw.market/2, raw.market/3 and others begin" in said
    assert "begins at 2027-01-15T09:00:00.000Z, later than --from" in said
    assert "3 aggregates were unreadable" in said
    assert "4 windows were of subjects beyond" in said


def test_transitions_are_kept_to_a_bound() -> None:
    """The rest is counted, and said."""
    tested = Trial(None)
    tested.read(1, FROM_MS, FROM_MS)
    one = alert("firing", FROM_MS)
    tested.add(one for _ in range(report.ALERTS_MAX + 2))
    assert (len(tested.alerts), tested.beyond) == (report.ALERTS_MAX, 2)
    assert "2 more transitions are counted and not kept" in tested.warnings()
