"""The demo's plan: whenever it is started, there is something to see soon, and nothing from the future."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.fake_claude import faults
from deploy.demo.outage import RECOVERY_S
from deploy.demo.plan import (
    HOURS,
    OUTAGE_S,
    RECORDING_FIRST_MS,
    SPEED,
    START_MINUTE,
    Plan,
    agent_settings,
    collect_settings,
    outage_script,
    plan,
)
from deploy.settings import environment_of, load
from streams.collectors.recorded import RecordedSettings
from streams.collectors.synthetic import SyntheticSettings

HOUR_MS = 3_600_000
YEAR_2100_MS = 4_102_444_800_000
began = st.integers(1_600_000_000_000, YEAR_2100_MS) | st.builds(
    # Around an hour and around the start minute, where a plan one hour off would be made.
    lambda hour, minute, off_ms: hour * HOUR_MS + minute * 60_000 + off_ms,
    st.integers(450_000, 1_100_000),
    st.sampled_from((0, START_MINUTE)),
    st.integers(-1, 1),
)


@given(began)
def test_the_market_begins_at_the_same_minute_of_an_hour(began_ms: int) -> None:
    """As long ago as the demo can last, and at most an hour more."""
    planned = plan(began_ms)
    assert planned.start_ms % HOUR_MS == START_MINUTE * 60_000
    assert (HOURS - 1) * HOUR_MS <= began_ms - planned.start_ms < HOURS * HOUR_MS
    assert planned.began_ms == began_ms


@given(began)
def test_an_hourly_window_ends_within_the_first_half_minute(began_ms: int) -> None:
    """Of wall time: nobody waits longer for the windows that only hours show."""
    planned = plan(began_ms)
    boundary_ms = -(-planned.start_ms // HOUR_MS) * HOUR_MS
    wall_s = (boundary_ms - planned.start_ms) / SPEED / 1000
    assert 0 < wall_s <= 30
    assert planned.event_ms(began_ms + round(wall_s * 1000)) == boundary_ms


@given(began, st.integers(0, HOURS * HOUR_MS // SPEED), st.integers(0, 1000))
def test_the_market_never_runs_ahead_of_the_wall_clock(
    began_ms: int, after_ms: int, step_ms: int
) -> None:
    """An event of the future would be refused by the broker; and time only goes forward."""
    planned = plan(began_ms)
    now_ms = began_ms + after_ms
    assert planned.event_ms(now_ms) <= now_ms
    assert planned.event_ms(now_ms + step_ms) - planned.event_ms(now_ms) == step_ms * SPEED
    assert planned.event_ms(began_ms) == planned.start_ms


@given(began)
def test_the_recording_begins_with_the_market(began_ms: int) -> None:
    """A second into it, so that no trade stands before its beginning."""
    planned = plan(began_ms)
    assert RECORDING_FIRST_MS + planned.shift_ms == planned.start_ms + 1_000


@pytest.fixture
def planned() -> Plan:
    return plan(1_800_000_000_000)


def in_force(**branches: dict[str, Any]) -> Any:
    """The settings a role of the demo has of these branches."""
    return load(environment_of(branches, {}))


def test_the_collector_takes_its_branch(planned: Plan) -> None:
    """Both sources at one pace: the recording in the market's time, the invented market beside it."""
    collect = in_force(collect=collect_settings(planned, Path("/a/file.gz"))).collect
    pace = collect.pace
    assert (pace.wall_ms, pace.event_ms) == (planned.began_ms, planned.start_ms)
    assert pace.speed == SPEED
    recording, simulated = collect.sources["recording"], collect.sources["simulated"]
    assert isinstance(recording, RecordedSettings)
    assert recording.files == (Path("/a/file.gz"),)
    assert recording.shift_ms == planned.shift_ms
    assert isinstance(simulated, SyntheticSettings)
    assert simulated.hours == HOURS
    assert simulated.incidents
    assert simulated.disorder


def test_without_a_model_the_agent_is_given_neither_address_nor_ledger() -> None:
    """There is nothing to spend."""
    agent = in_force(agent=agent_settings(None, "redis://127.0.0.1:1/0")).agent
    assert agent.model.base_url is None
    assert agent.model.api_key is None
    assert agent.budget.redis_url is None


def test_the_simulated_model_is_called_by_its_name() -> None:
    """Its analyses say that they are simulated, it has a bound, and its outage can open the breaker."""
    agent = in_force(agent=agent_settings("http://127.0.0.1:1", "redis://127.0.0.1:2/0")).agent
    assert agent.model.simulated
    assert agent.model.base_url == "http://127.0.0.1:1"
    assert agent.budget.redis_url == "redis://127.0.0.1:2/0"
    assert 0 < agent.budget.usd_per_day < 1
    begins_s, ends_s = OUTAGE_S
    assert agent.breaker.window_s < ends_s - begins_s
    assert agent.breaker.open_s_max + 1 < RECOVERY_S  # an answer takes less than a second


def test_the_fake_plays_the_outage() -> None:
    """Its script reads, and fails in exactly the planned seconds, by a fault that costs nothing."""
    (step,) = faults.load(json.dumps(outage_script()).encode())
    begins_s, ends_s = OUTAGE_S
    hit = [second for second in range(60) if step.hits(1, second)]
    assert hit == list(range(begins_s, ends_s))
    assert step.fault == "overloaded"
