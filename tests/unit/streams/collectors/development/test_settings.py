"""How much of GitHub may be looked at, and how often."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streams.collectors.development.settings import (
    INTERVAL_S_MAX,
    KEYED_INTERVAL_S,
    KEYLESS_AN_HOUR,
    GithubSettings,
    plan_of,
    questions_of,
)
from streams.collectors.settings import CollectSettings
from topics import SettingsError

SALT = "a salt of sixteen"
KEY = "ghp_key"


def settings(*names: str, **changes: Any) -> GithubSettings:
    told = {"type": "github", "salt": SALT, "repositories": {"BTC": names}} | changes
    return GithubSettings.model_validate(told)


def names(n: int) -> list[str]:
    return [f"acme/r{i}" for i in range(n)]


def test_the_table_of_assets_says_what_to_look_at() -> None:
    plan = plan_of("g", settings(repositories={}, assets=["BTC", "ETH"], token="t" * 20))
    assert plan.subjects["bitcoin/bitcoin"] == ("BTC",)
    assert "lightningnetwork/lnd" not in plan.subjects
    assert plan.interval_s == KEYED_INTERVAL_S


def test_with_a_token_the_whole_table_can_be_looked_at() -> None:
    plan = plan_of("g", settings(repositories={}, token="t" * 20))
    assert len(plan.subjects) > 30
    assert plan.interval_s < INTERVAL_S_MAX


def test_settings_override_the_table_and_leave_out() -> None:
    plan = plan_of(
        "g",
        settings(
            assets=["BTC", "ETH"], repositories={"ETH": [], "XYZ": ["acme/xyz"]}, token="t" * 20
        ),
    )
    assert plan.subjects["acme/xyz"] == ("XYZ",)
    assert all(subjects != ("ETH",) for subjects in plan.subjects.values())


def test_a_repository_of_two_assets_is_looked_at_once() -> None:
    plan = plan_of("g", settings(repositories={"A": ["acme/x"], "B": ["ACME/x", "acme/x"]}))
    assert plan.subjects == {"acme/x": ("A", "B")}


def test_without_a_token_the_pace_is_what_sixty_an_hour_allow() -> None:
    assert plan_of("g", settings(*names(1))).interval_s == KEYED_INTERVAL_S
    assert plan_of("g", settings(*names(5))).interval_s == pytest.approx(3_600 * 3 * 5 / 49)
    assert plan_of("g", settings(*names(7))).interval_s <= INTERVAL_S_MAX


def test_without_a_token_many_repositories_are_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=r"8 repositories .* at most 7 can.* give a token"):
        plan_of("g", settings(*names(8)))
    with pytest.raises(SettingsError, match=r"every 60 s .* at most 0 can"):
        plan_of("g", settings(*names(1), interval_s=60))
    assert len(plan_of("g", settings(*names(10), acts=["commit", "release"])).subjects) == 10


@given(
    n=st.integers(1, 60),
    acts=st.sets(
        st.sampled_from(["commit", "issue", "pull_request", "release", "review"]), min_size=1
    ),
)
def test_no_plan_without_a_token_asks_more_than_it_may(n: int, acts: set[str]) -> None:
    try:
        plan = plan_of("g", settings(*names(n), acts=acts))
    except SettingsError:
        return
    asked = n * (questions_of(frozenset(acts)) * 3_600 / plan.interval_s + 1)  # type: ignore[arg-type]
    assert asked <= KEYLESS_AN_HOUR


def test_an_unknown_asset_and_no_repository_at_all_are_refused() -> None:
    with pytest.raises(SettingsError, match="NOSUCH is not in the table"):
        plan_of("g", settings(repositories={}, assets=["NOSUCH"]))
    with pytest.raises(SettingsError, match="no repository"):
        plan_of("g", settings())


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": "short"},
        {"repositories": {"BTC": ["no-slash"]}},
        {"repositories": {"BTC": ["a/../b"]}},
        {"repositories": {"btc": ["a/b"]}},
        {"interval_s": INTERVAL_S_MAX + 1},
        {"webhook": {"secret": "short"}},
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_keys_are_not_shown() -> None:
    told = settings("a/b", token=KEY, webhook={"secret": "s" * 16})
    assert KEY not in repr(told)
    assert SALT not in repr(told)


def test_it_stands_in_the_table_of_sources() -> None:
    entry = {"type": "github", "salt": SALT, "repositories": {"BTC": ["a/b"]}}
    assert CollectSettings.model_validate({"sources": {"gh": entry}}).sources["gh"].type == "github"
