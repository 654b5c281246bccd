"""What rules cost the fold: the same windows come out with them and without."""

from deploy.alerting.reading import rules_in_force
from deploy.bench.alerting import alerting_summary, measured
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
    assert len(alerting_summary(found)) == 3
