"""What a replay can be asked for, and what is refused in a sentence."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.replay.command import target_of
from deploy.replay.folding import environment
from deploy.replay.request import ReplayError, Request, request_of, speed_of, time_ms
from topics import KINDS
from topics.settings import BrokerSettings

AT_MS = 1_790_000_000_123


def asked(**options: Any) -> Request:
    given_: dict[str, Any] = {
        "into": "copy.",
        "source_prefix": "tapereader.",
        "from_time": None,
        "to_time": None,
        "speed": "max",
        "kinds": (),
    }
    return request_of(**given_ | options)


def test_without_options_it_is_everything_as_fast_as_it_goes() -> None:
    """All kinds, in the order of the catalogue."""
    assert asked() == Request(into="copy.", from_ms=None, to_ms=None, speed=None, kinds=KINDS)
    assert asked(kinds=["social", "market"]).kinds == ("market", "social")


@given(
    st.datetimes(datetime(1970, 1, 3), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is given below
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_is_the_same_in_both_ways_to_write_it(naive: datetime, minutes: int) -> None:
    """ISO 8601 in any zone, and milliseconds."""
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    found = time_ms("--from", instant.isoformat())
    assert found is not None
    begin = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=found)
    assert timedelta(0) <= instant - begin < timedelta(milliseconds=1)
    assert time_ms("--from", str(found)) == found


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-01-31", "2026-01-31T12:00:00", "12:00Z", "-5", "1969-12-31T00:00:00Z", "1e3"],
)
def test_a_time_without_a_zone_or_before_all_logs_is_refused(text: str) -> None:
    """It would be another hour on another machine."""
    with pytest.raises(ReplayError, match="--to"):
        time_ms("--to", text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "fast", ""])
def test_a_speed_that_is_none_is_refused(text: str) -> None:
    """With what there is."""
    with pytest.raises(ReplayError, match=r"a number above 0 .*, or max"):
        speed_of(text)


def test_a_speed_is_a_factor() -> None:
    """Fractions too; none is as fast as it goes."""
    assert (speed_of("0.5"), speed_of("60"), speed_of("max")) == (0.5, 60.0, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"into": "tapereader."}, "--into tapereader.: that is the prefix it is copied from"),
        ({"kinds": ["market", "weather"]}, "--kind weather: one of market, volume"),
        ({"from_time": str(AT_MS), "to_time": str(AT_MS)}, "the range is empty"),
        (
            {"from_time": "2026-01-02T00:00:00Z", "to_time": "2026-01-01T00:00:00Z"},
            "range is empty",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    """By the option's name, before any broker is asked."""
    with pytest.raises(ReplayError, match=words):
        asked(**options)


def test_the_copy_is_on_the_same_broker() -> None:
    """All but the prefix; one that no topic can have is refused by the option's name."""
    broker = BrokerSettings(bootstrap="kafka:1", partitions=7, username="one")
    target = target_of(broker, "copy.")
    assert target == broker.model_copy(update={"prefix": "copy."})
    with pytest.raises(ReplayError, match="--into 'a b': "):
        target_of(broker, "a b")


def test_a_role_on_the_copy_has_a_persons_settings_and_the_copys_prefix() -> None:
    """However the environment spells its own."""
    around = {"PATH": "/bin", "tapereader_broker__prefix": "mine.", "TAPEREADER_PROBES__PORT": "1"}
    assert environment("copy.", around) == {
        "PATH": "/bin",
        "TAPEREADER_BROKER__PREFIX": "copy.",
        "TAPEREADER_PROBES__PORT": "0",
    }
