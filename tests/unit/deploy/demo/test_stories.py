"""What is told of an incident: what was said, which alerts fired and ended, who was told and how soon."""

from typing import Any

import pytest
from msgspec.structs import replace

from deploy.demo.stories import (
    ALERTS_MAX,
    Fired,
    Said,
    Seen,
    Step,
    Story,
    as_json,
    lines,
    story,
    told_soon,
    untold,
)
from streams.collectors.synthetic import Incident
from topics import Alert, Notification

FROM_MS = 1_800_000_000_000  # 08:00 UTC
MINUTE_MS = 60_000
LOGGED_MS = 1_900_000_000_000
INCIDENT = Incident(
    kind="flash_crash",
    asset="SOL",
    from_ms=FROM_MS,
    to_ms=FROM_MS + 4 * MINUTE_MS,
    words="SOL falls",
)
SAID = Said(
    analysis_id="state/SOL/1/0",
    headline="SOL fell 8 %",
    origin="rules",
    as_of_ms=FROM_MS + MINUTE_MS,
    after_s=60.0,
)


def alert(after_ms: int = MINUTE_MS, **changes: Any) -> Alert:
    """Return an alert that fires so long after the incident began."""
    at_ms = FROM_MS + after_ms
    fields: dict[str, Any] = {
        "alert_id": f"price_drop/SOL/USDT/{at_ms}",
        "rule": "price_drop",
        "asset": "SOL",
        "subject": "SOL/USDT",
        "state": "firing",
        "severity": "critical",
        "since_ms": at_ms,
        "as_of_ms": at_ms,
        "headline": "SOL/USDT fell",
        "aggregate_ids": ["market/one", "market/two"],
    }
    return Alert(**fields | changes)


def notification(about: Alert, **changes: Any) -> Notification:
    """Return what became of the first message about an alert: taken 120 ms after the newest window."""
    fields: dict[str, Any] = {
        "notification_id": f"n/{about.alert_id}"[:100],
        "alert_id": about.alert_id,
        "asset": about.asset,
        "receiver": "demo",
        "step": "firing",
        "outcome": "sent",
        "message_id": "m/1",
        "at_ms": LOGGED_MS + 120,
        "logged_ms": LOGGED_MS + 10,
    }
    return Notification(**fields | changes)


def seen(*alerts: Alert, told: tuple[Notification, ...] = ()) -> Seen:
    """Return these states of alerts, each logged with its windows."""
    return Seen(
        steps=[Step(one, LOGGED_MS) for one in alerts],
        notifications=told,
        logged_ms={"market/one": LOGGED_MS - 500, "market/two": LOGGED_MS},
    )


def test_it_is_told_from_what_was_planted_to_who_was_told() -> None:
    """With times of the market since it began, and the wall time from the newest window to the message."""
    fired = alert()
    cleared = replace(fired, state="cleared", as_of_ms=FROM_MS + 3 * MINUTE_MS, transition=2)
    found = story(INCIDENT, SAID, seen(fired, cleared, told=(notification(fired),)))
    (one,) = found.alerts
    assert (found.noticed, found.said) == (True, SAID)
    assert (one.after_s, one.state, one.ended_ms) == (60.0, "cleared", FROM_MS + 3 * MINUTE_MS)
    assert [(page.receiver, page.after_aggregate_ms) for page in one.paged] == [("demo", 120)]
    (line,) = lines(as_json([found]))
    assert line == (
        'flash crash of SOL at 08:00Z: noticed after 60 s: "SOL fell 8 %" (rules); price_drop'
        " (critical) fired 08:01Z, cleared 08:03Z, told 120 ms after its window"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"asset": "BTC"},
        {"after_ms": 0},
        {"after_ms": 6 * MINUTE_MS + 1},
        {"kind": "data_gap"},
    ],
)
def test_an_alert_of_something_else_is_not_its(other: dict[str, Any]) -> None:
    """Another asset, another time, or data that were missing."""
    found = story(INCIDENT, SAID, seen(alert(**other)))
    assert found.alerts == []
    assert untold([found]) == ["flash_crash of SOL: no alert fired"]


@pytest.mark.parametrize("after_ms", [1, 6 * MINUTE_MS])
def test_the_bounds_of_its_time_belong_to_it(after_ms: int) -> None:
    """Its last window may end two windows after it."""
    assert len(story(INCIDENT, SAID, seen(alert(after_ms))).alerts) == 1


def test_what_was_not_noticed_and_fires_still_is_told_so() -> None:
    """And that nobody was told."""
    found = story(INCIDENT, None, seen(alert()))
    (line,) = lines(as_json([found]))
    assert "not noticed" in line
    assert "fires still, nobody was told" in line
    assert untold([found]) == ["flash_crash of SOL: price_drop fired and nobody was told"]
    assert seen(alert()).waiting == {alert().alert_id}


def test_nobody_need_be_told_of_what_is_no_warning() -> None:
    """A receiver may leave it out."""
    assert untold([story(INCIDENT, SAID, seen(alert(severity="notice")))]) == []


def test_a_window_that_was_not_seen_gives_no_time() -> None:
    """It is told, and not how soon."""
    fired = alert(aggregate_ids=["market/three"])
    found = story(INCIDENT, SAID, seen(fired, told=(notification(fired),)))
    assert found.alerts[0].paged[0].after_aggregate_ms is None
    assert lines(as_json([found]))[0].endswith("fires still, told")


def test_of_many_alerts_a_line_names_the_first() -> None:
    """And counts the others."""
    many = [alert(MINUTE_MS + n) for n in range(ALERTS_MAX + 2)]
    (line,) = lines(as_json([story(INCIDENT, SAID, seen(*many))]))
    assert line.count("fired") == ALERTS_MAX
    assert line.endswith("and 2 more alerts")


def test_how_soon_counts_first_messages_alone() -> None:
    """What was gathered waits on purpose, and what was cleared hurries nobody."""
    fired = alert()
    sent = tuple(notification(fired, at_ms=LOGGED_MS + 10 + n) for n in (100, 200, 300))
    others = (
        notification(fired, outcome="gathered", at_ms=LOGGED_MS + 9_000),
        notification(fired, step="cleared", at_ms=LOGGED_MS + 9_000),
    )
    assert told_soon(seen(told=sent + others)) == {"p50": 200, "p95": 300, "n": 3} | {
        "p95": told_soon(seen(told=sent))["p95"]
    }
    assert told_soon(seen()) == {"p50": 0, "p95": 0, "n": 0}


def test_a_story_is_json() -> None:
    """For the report."""
    (told,) = as_json([story(INCIDENT, SAID, seen(alert()))])
    assert set(told) == set(Story.__struct_fields__)
    assert set(told["alerts"][0]) == set(Fired.__struct_fields__)
