"""Whom a step of an alert is for."""

from typing import Any

import pytest
from pydantic import ValidationError

from streams.serving.notify.notice import entry_of, of_analysis
from streams.serving.notify.routing import Routes, described, explained
from streams.serving.notify.settings import NotifySettings

from .alerts import NOW_MS, alert, analysis, notice


def settings(
    routes: dict[str, list[str]] | None = None, **receivers: dict[str, Any]
) -> NotifySettings:
    """Return settings with these receivers."""
    made = {name: {"url": "json://127.0.0.1/"} | fields for name, fields in receivers.items()}
    return NotifySettings.model_validate({"receivers": made, "routes": routes or {}})


def heard(found: NotifySettings, **fields: Any) -> list[str]:
    """Return who is told of an alert."""
    refusals = Routes(found).refusals(notice(alert(**fields)))
    return [name for name, why in refusals.items() if why is None]


def test_without_routes_every_receiver_hears_what_its_own_filters_leave() -> None:
    """Severity, rule, asset, data gap."""
    made = settings(
        all={},
        loud={"severity_min": "critical"},
        falls={"rules": ["price_*"]},
        ether={"assets": ["ETH"]},
        whole={"data_gap": False},
    )
    assert heard(made) == ["all", "falls", "whole"]
    assert heard(made, severity="critical", rule="volume") == ["all", "loud", "whole"]
    assert heard(made, subject="ETH/USD", kind="data_gap") == ["all", "falls", "ether"]


def test_each_refusal_has_its_reason() -> None:
    """They are counted by it."""
    made = settings(
        {"warning": ["a", "b", "c", "d", "e"]},
        a={"severity_min": "critical"},
        b={"rules": ["x"]},
        c={"assets": ["ETH"]},
        d={"data_gap": False},
        e={},
        f={},
    )
    refusals = Routes(made).refusals(notice(alert(kind="data_gap")))
    assert refusals == {
        "a": "severity",
        "b": "rule",
        "c": "asset",
        "d": "data_gap",
        "e": None,
        "f": "route",
    }


def test_a_route_names_who_hears_a_severity() -> None:
    """A severity without a line is for all."""
    made = settings({"critical": ["phone"], "info": []}, phone={}, chat={})
    assert heard(made, severity="critical") == ["phone"]
    assert heard(made, severity="warning") == ["phone", "chat"]
    assert heard(made, severity="info") == []


def test_a_rules_audience_goes_before_routes_and_severity() -> None:
    """But not before a receiver's own filters; names that nobody has are as if there were none."""
    made = settings({"info": []}, desk={"severity_min": "critical"}, ether={"assets": ["ETH"]})
    assert heard(made, severity="info", audience=["desk", "ether"]) == ["desk"]
    assert heard(made, severity="warning", audience=["nobody"]) == []
    assert heard(made, severity="critical", audience=["nobody"]) == ["desk"]


def test_a_receiver_may_want_no_analyses() -> None:
    """The alert itself it hears."""
    made = settings(terse={"analyses": False}, chat={})
    step = of_analysis(alert(), analysis("x"), logged_ms=NOW_MS, place=None, value=b"")
    assert Routes(made).refusals(step) == {"terse": "analysis", "chat": None}
    assert entry_of(step, "chat").notice.rank == 2


def test_routes_are_explained_in_words() -> None:
    """With what may be a mistake: a severity nobody hears, a receiver no route leads to."""
    made = settings(
        {"critical": ["phone"], "warning": [], "info": []},
        phone={},
        lost={"severity_min": "warning"},
    )
    assert explained(made) == [
        "info: nobody is told",
        "notice: phone",
        "warning: nobody is told",
        "critical: phone",
        "lost: no route leads to it, but where a rule names it in its audience",
    ]
    assert (
        described(made.receivers["lost"])
        == "apprise; warning and worse; at most 30 messages an hour"
    )


@pytest.mark.parametrize(
    ("branch", "why"),
    [
        ({"receivers": {"Phone": {"url": "json://x"}}}, "pattern"),
        ({"receivers": {"phone": {"url": "no address"}}}, "an address like scheme"),
        ({"receivers": {"am": {"kind": "alertmanager", "url": "json://x"}}}, "by http"),
        ({"receivers": {"phone": {"url": "json://x", "per_hour": 3}}}, "greater than or equal"),
        ({"routes": {"critical": ["phone"]}}, "'phone'; the receivers are: none"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(branch: dict[str, Any], why: str) -> None:
    """At the start, not when the first alert fires."""
    with pytest.raises(ValidationError, match=why):
        NotifySettings.model_validate(branch)


def test_an_address_is_never_printed() -> None:
    """It is a secret: whoever has it can write to the receiver."""
    made = settings(phone={"url": "discord://1234/secret-token"})
    assert "secret" not in repr(made) + str(made) + made.model_dump_json()


def test_a_receiver_that_waits_for_analyses_must_be_told_of_them() -> None:
    """Or nothing would ever decide."""
    made = settings(calm={"analysis_severity_min": "warning", "analysis_wait_s": 60})
    assert "only what its analysis finds warning or worse, or nobody has analysed within 60 s" in (
        described(made.receivers["calm"])
    )
    with pytest.raises(ValidationError, match="analysis_severity_min: it goes with analyses"):
        settings(calm={"analysis_severity_min": "warning", "analyses": False})
