"""How the notify role tells how it is, and what it makes of its settings."""

import pytest

from deploy.settings import Settings, load
from deploy.wiring.notify import dashboard_of, notify_parts, open_doors, receiver_parts, rising
from streams.serving.notify.courier import Courier, Tally
from streams.serving.notify.lane import Lane
from streams.serving.notify.notifier import Notifier
from streams.serving.notify.settings import NotifySettings
from tests.unit.streams.serving.notify.alerts import NOW_MS, entry
from tests.unit.streams.serving.notify.test_courier import ListDoor
from topics import SettingsError

URL = "TAPEREADER_NOTIFY__RECEIVERS__PHONE__URL"


def courier(tally: Tally, per_hour: int = 30) -> Courier:
    """Return a courier that does not run."""
    return Courier(
        "phone",
        ListDoor(),
        Lane(per_hour, [NOW_MS] * per_hour),
        NotifySettings(),
        tally=tally,
        dashboard="",
        silenced=lambda *_: False,
        firing=list,
        fires=lambda _: True,
        done=lambda _: None,
        now_ms=lambda: NOW_MS,
    )


def test_a_receiver_is_well_holding_or_failing() -> None:
    """In words without an address, and in numbers."""
    tally = Tally()
    one = courier(tally)
    (well,) = receiver_parts({"phone": one}, {"phone": tally})
    assert (well.part, well.state) == ("receiver/phone", "well")
    assert "last_delivered_ms" not in well.measures
    one.offer(entry())
    one.lane.next(NOW_MS + 1_000, lambda *_: False)
    (holding,) = receiver_parts({"phone": one}, {"phone": tally})
    assert (holding.state, holding.measures["held"]) == ("holding", 1)
    tally.failing, tally.last_delivered_ms = "HTTP status 500", NOW_MS
    (failing,) = receiver_parts({"phone": one}, {"phone": tally})
    assert (failing.state, failing.words) == ("failing", "the last attempt failed: HTTP status 500")
    assert failing.measures["last_delivered_ms"] == NOW_MS


def test_before_it_has_partitions_the_role_is_starting() -> None:
    """It has nobody to speak of yet."""
    settings = Settings()
    notifier = Notifier(
        settings.notify, settings.broker, {}, dashboard="", instance_id="x", now_ms=lambda: NOW_MS
    )
    assert [part.state for part in notify_parts(notifier)] == ["starting"]
    assert not notifier.ready


def test_a_clock_that_is_set_back_stands_still() -> None:
    """Or an hour would have room twice."""
    times = iter([5, 3, 6])
    clock = rising(lambda: next(times))
    assert [clock(), clock(), clock()] == [5, 5, 6]


def test_links_lead_to_the_dashboard_as_people_reach_it() -> None:
    """Or to where it listens."""
    assert dashboard_of(load({})) == "http://127.0.0.1:8080"
    named = load({"TAPEREADER_SERVE__BASE_URL": "https://tape.example.org"})
    assert dashboard_of(named) == "https://tape.example.org"


@pytest.mark.parametrize("address", ["verysecret", "discord:// verysecret", "verysecret" * 300])
def test_a_refused_address_is_named_by_its_key_and_not_shown(address: str) -> None:
    """It may be a secret with one letter wrong."""
    with pytest.raises(SettingsError, match=r"notify\.receivers\.phone\.url = \*\*\*") as refused:
        load({URL: address})
    assert "verysecret" not in str(refused.value)


def test_an_address_is_a_secret_wherever_settings_are_shown() -> None:
    """It comes by the environment, a secret file or the TOML file."""
    settings = load({URL: "json://127.0.0.1/verysecret"})
    assert "verysecret" not in settings.printed() + repr(settings)


def test_an_alertmanager_and_a_hook_have_doors() -> None:
    """Made without connecting to anything."""
    settings = load(
        {
            URL: "json://127.0.0.1/hook",
            "TAPEREADER_NOTIFY__RECEIVERS__PAGER": '{"kind": "alertmanager", "url": "http://127.0.0.1:9"}',
        }
    )
    doors = open_doors(settings)
    assert {name: door.refreshes for name, door in doors.items()} == {"phone": False, "pager": True}
