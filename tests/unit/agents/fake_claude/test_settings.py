import pytest
from pydantic import ValidationError

from agents.fake_claude.settings import FakeClaudeSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1"])
def test_any_loopback_address_is_taken(host: str) -> None:
    """A second loopback address lets two fakes share a port."""
    assert FakeClaudeSettings(host=host).host == host


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.0.7", "localhost", "example.com", ""],  # noqa: S104  # to be refused
)
def test_an_address_others_could_reach_is_refused(host: str) -> None:
    """The fake takes any key: a name or an open address must never bind."""
    with pytest.raises(ValidationError, match="not a loopback address"):
        FakeClaudeSettings(host=host)


def test_an_unknown_setting_is_refused() -> None:
    """A misspelt setting would be a fault that is never played."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        FakeClaudeSettings.model_validate({"latency": 3})


def test_settings_cannot_be_changed_after_the_start() -> None:
    """They are handed to several parts."""
    with pytest.raises(ValidationError, match="frozen"):
        FakeClaudeSettings().port = 1
