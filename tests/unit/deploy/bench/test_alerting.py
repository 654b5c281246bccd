"""What rules cost the fold: the same windows come out with them and without."""

from deploy.alerting.reading import rules_in_force
from deploy.bench.alerting import Run, alerting_summary, is_right, measured
from deploy.bench.tape import Work
from streams.alerts.settings import AlertsSettings


def test_rules_add_alerts_and_state_and_take_nothing_from_the_windows() -> None:
    """A fold each, of the same records."""
    work = Work(events=5_000, minutes=3, assets=8, partitions=1)
    found = measured(work, rules_in_force(AlertsSettings()), 1)
    (without, with_rules) = found["runs"][0]
    assert with_rules["outputs"] - with_rules["alerts"] == without["outputs"] > 0
    assert without["alerts"] == 0
    assert with_rules["entries"] > without["entries"]
    assert found["right"]
    assert len(alerting_summary(found)) == 3
    assert alerting_summary(found | {"right": False})[3].startswith("WRONG")


def test_rules_that_change_anything_else_are_not_right() -> None:
    """A window more or less, an alert without rules, or alerts that differ from run to run."""

    def run(outputs: int, alerts: int) -> Run:
        return Run(cpu_us_per_event=1.0, outputs=outputs, alerts=alerts, entries=0, entry_bytes=0)

    assert is_right([(run(9, 0), run(11, 2)), (run(9, 0), run(11, 2))])
    assert not is_right([(run(9, 0), run(10, 2))])
    assert not is_right([(run(11, 2), run(11, 2))])
    assert not is_right([(run(9, 0), run(11, 2)), (run(9, 0), run(12, 3))])
