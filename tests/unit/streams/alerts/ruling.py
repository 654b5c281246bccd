"""Rules in a line, and what they make of windows."""

from collections.abc import Iterable
from typing import Any

from streams.alerts.machine import Alerts
from streams.alerts.rules import Rule, compiled
from streams.alerts.settings import ConditionSettings, RuleSettings
from topics import Aggregate, Alert

MARKET: dict[str, Any] = {"kind": "market", "window": "1m", "metric": "volume"}
SOCIAL: dict[str, Any] = {"kind": "social", "window": "5m", "metric": "posts"}


def condition(**told: object) -> ConditionSettings:
    """Return a condition; volume above 50 where nothing else is told."""
    given = MARKET | told
    if not {"above", "below"} & told.keys():
        given["above"] = 50
    return ConditionSettings.model_validate(given)


def settings(*conditions: ConditionSettings, **told: object) -> RuleSettings:
    """Return a rule's settings."""
    given: dict[str, Any] = {"severity": "warning", "headline": "{subject}: {value}"} | told
    return RuleSettings.model_validate(given | {"conditions": conditions or (condition(),)})


def rule(*conditions: ConditionSettings, name: str = "r", **told: object) -> Rule:
    """Return one rule as it is judged."""
    (made,) = compiled({name: settings(*conditions, **told)})
    return made


def machine(*rules: Rule, instances_max: int = 1_000, apart_s: int = 3_600) -> Alerts:
    """Return rules with nothing read."""
    return Alerts(rules, instances_max=instances_max, kinds_apart_ms=apart_s * 1_000)


def fed(alerts: Alerts, *windows: Aggregate) -> list[Alert]:
    """Return what comes of windows."""
    return told(alerts, windows)


def told(alerts: Alerts, windows: Iterable[Aggregate]) -> list[Alert]:
    """Return what comes of windows."""
    for window in windows:
        alerts.feed(window)
    made, alerts.outputs = alerts.outputs, []
    return made


def states(alerts: Iterable[Alert]) -> list[str]:
    """Return what happened, in words."""
    return [f"{'gap ' if a.kind == 'data_gap' else ''}{a.state}" for a in alerts]
