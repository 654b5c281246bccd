"""State, and other rules after a restart: what goes on, what is cleared, and why."""

from streams.alerts.machine import Alerts
from streams.alerts.rules import Rule
from streams.alerts.state import restore, take_entries
from tests.strategies.aggregates import holed, market
from topics import Alert

from .ruling import condition, fed, machine, rule, states


def written(alerts: Alerts, entries: dict[bytes, bytes]) -> dict[bytes, bytes]:
    for key, value in take_entries(alerts, 0, 0):
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
    return entries


def restarted(entries: dict[bytes, bytes], *rules: Rule) -> tuple[Alerts, list[Alert]]:
    alerts = machine(*rules)
    restore(alerts, entries, 0)
    made, alerts.outputs = alerts.outputs, []
    return alerts, made


def standing(*rules: Rule) -> dict[bytes, bytes]:
    """State in which every rule's alert stands, and a data gap besides for those that read through holes."""
    alerts = machine(*rules)
    fed(alerts, market(volume=60))
    return written(alerts, {})


def test_an_unchanged_rule_goes_on() -> None:
    """Beside one that is new, in other words and severity: those hold from its next alert on."""
    entries = standing(rule())
    again = rule(headline="other words", severity="critical")
    alerts, made = restarted(entries, again, rule(name="new"))
    assert made == []
    found = fed(alerts, market(number=1, volume=10), market(number=2, volume=60))
    mine = [alert for alert in found if alert.rule == "r"]
    assert states(mine) == ["cleared", "firing"]
    assert [alert.severity for alert in mine] == ["warning", "critical"]
    assert [alert.headline for alert in mine] == ["BTC/USDT: 60 BTC", "other words"]


def test_a_rule_that_judges_by_something_else_begins_anew() -> None:
    """What stood is cleared, once; its entry is gone with the same transaction."""
    entries = standing(rule())
    alerts, (cleared,) = restarted(entries, rule(condition(above=55)))
    assert (cleared.state, cleared.reason, cleared.transition) == ("cleared", "rule_changed", 2)
    assert alerts.changed
    written(alerts, entries)
    again, made = restarted(entries, rule(condition(above=55)))
    assert (made, again.instances, again.changed) == ([], {}, False)


def test_what_was_not_committed_is_cleared_again() -> None:
    """A kill between the change and its checkpoint loses nothing."""
    entries = standing(rule())
    _, first = restarted(entries, rule(condition(above=55)))
    _, second = restarted(entries, rule(condition(above=55)))
    assert first == second != []


def test_a_rule_that_is_gone_clears_what_stood() -> None:
    """Alert and data gap; without rules nothing of alerts is left."""
    alerts = machine(rule())
    fed(alerts, market(volume=60))
    fed(alerts, *(market(number=n, volume=5, completeness=holed()) for n in range(1, 14)))
    entries = written(alerts, {})
    bare, made = restarted(entries)
    assert states(made) == ["cleared", "gap cleared"]
    assert {alert.reason for alert in made} == {"rule_removed"}
    assert written(bare, entries) == {}


def test_a_subject_that_is_not_meant_any_more_is_cleared() -> None:
    """The others go on."""
    alerts = machine(rule())
    fed(alerts, market("BTC/USDT", volume=60), market("ETH/USDT", volume=60))
    alerts, made = restarted(written(alerts, {}), rule(assets=["ETH"]))
    assert [(alert.subject, alert.reason) for alert in made] == [("BTC/USDT", "rule_changed")]
    assert list(alerts.instances) == [("r", "ETH/USDT")]


def test_what_waits_for_its_time_goes_on_waiting() -> None:
    """A silent subject is found after a restart at the same instant as without one."""
    alerts = machine(rule())
    fed(alerts, market(volume=60))
    again, _ = restarted(written(alerts, {}), rule())
    others = [market("ETH/USDT", number, volume=5) for number in range(20)]
    assert fed(again, *others) == fed(alerts, *others) != []
