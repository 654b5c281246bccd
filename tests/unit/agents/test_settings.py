"""What an operator may set, and what is refused with a reason."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from agents.settings import (
    AgentSettings,
    BreakerSettings,
    BudgetSettings,
    ModelSettings,
    QualitySettings,
    is_loopback,
)

PAGE = Path(__file__).parents[3] / "docs" / "operating" / "agent-settings.md"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.8.8.8/v1", True),
        ("http://[::1]:9", True),
        ("https://localhost", True),
        ("http://api.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("http://[::]", False),
        ("localhost:8080", False),
        ("", False),
    ],
)
def test_only_this_machine_may_be_called_in_the_clear(url: str, local: bool) -> None:
    """By its names and addresses, and by nothing that only looks like them: the key goes there."""
    assert is_loopback(url) is local
    if local:
        assert ModelSettings(base_url=url).base_url == url
    else:
        with pytest.raises(ValidationError, match="an https address is needed"):
            ModelSettings(base_url=url)


def test_a_password_in_an_address_is_refused() -> None:
    """It would be shown with the address wherever that is."""
    for wrong in ("http://127.0.0.1@example.com/", "https://user:secret@api.example.com"):
        with pytest.raises(ValidationError, match="no user and no password") as caught:
            ModelSettings(base_url=wrong)
        assert "secret" not in str(caught.value)


def test_others_are_called_by_https() -> None:
    """With a host, and no other scheme."""
    assert ModelSettings(base_url="https://api.example.com").base_url == "https://api.example.com"
    for wrong in ("https://", "https:api.example.com", "ftp://api.example.com"):
        with pytest.raises(ValidationError, match="an https address is needed"):
            ModelSettings(base_url=wrong)


def test_a_reservation_outlives_its_call() -> None:
    """What comes later stays charged in full."""
    budget, model = BudgetSettings(lease_s=30), ModelSettings(timeout_s=30)
    with pytest.raises(ValidationError, match=r"budget\.lease_s = 30: above model\.timeout_s"):
        AgentSettings(budget=budget, model=model)
    AgentSettings(budget=budget, model=ModelSettings(timeout_s=29.9))


@pytest.mark.parametrize("kind", [BreakerSettings, QualitySettings])
def test_a_breaker_is_not_open_longer_the_first_time_than_ever(
    kind: type[BreakerSettings | QualitySettings],
) -> None:
    """Whoever sets the one and not the other is told, and not given less in silence."""
    most_s = kind().open_s_max
    assert kind(open_s=most_s).open_s == most_s
    with pytest.raises(ValidationError, match=r"at most open_s_max, which is"):
        kind(open_s=most_s + 1)


def test_a_key_is_one_word_without_the_line_break_of_its_file() -> None:
    """What no header can carry is refused, and never shown."""
    made = ModelSettings.model_validate({"api_key": " sk-test\n"})
    assert made.api_key is not None
    assert made.api_key.get_secret_value() == "sk-test"
    assert "sk-test" not in repr(made)
    for wrong in ("", " \n", "sk test", "sk\ntest", "sk-té", "sk\x00"):
        with pytest.raises(ValidationError, match="one word of ASCII") as caught:
            ModelSettings(api_key=SecretStr(wrong))
        assert not wrong.strip() or wrong not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        ModelSettings.model_validate({"api_key": "sk-secret with a blank"})
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"inbox_max": 0},
        {"model": {"context_tokens_max": 3_999}},
        {"model": {"context_tokens_max": 200_001}},
        {"model": {"uncached_calls_max": -1}},
        {"deadline_s": 0},
        {"warm_up_s": -1},
        {"no_such_key": 1},
        {"gate": {"move_fraction": 0}},
        {"gate": {"state_valid_s": 59}},
        {"breaker": {"failure_rate": 1.1}},
        {"breaker": {"probes": 0}},
        {"model": {"output_tokens_max": 20_001}},
        {"model": {"concurrency": 65}},
        {"model": {"products": ["prophecy"]}},
        {"budget": {"usd_per_day": -1}},
        {"budget": {"scope": "Not a word"}},
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    """Each number has a range and each name a set."""
    with pytest.raises(ValidationError):
        AgentSettings.model_validate(wrong)


def test_without_any_setting_rules_answer() -> None:
    """No address, no key, no ledger; a dollar a day if there were."""
    made = AgentSettings()
    assert (made.model.base_url, made.model.api_key, made.budget.redis_url) == (None, None, None)
    assert BudgetSettings().usd_per_day == 1.0
    assert made.model.products == ("deep_dive",)


@pytest.mark.parametrize(("deadline_s", "asking_s"), [(20.0, 19.0), (10.0, 9.0), (2.0, 1.8)])
def test_the_model_has_all_of_the_time_but_what_telling_takes(
    deadline_s: float, asking_s: float
) -> None:
    """A tenth of the deadline, a second at most."""
    assert AgentSettings(deadline_s=deadline_s).asking_s == pytest.approx(asking_s)


def settings_told(cls: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting with its default, as the page tells it."""
    for name, field in cls.model_fields.items():
        kind, optional = field.annotation, None
        if get_origin(kind) is UnionType:
            optional = next((a for a in get_args(kind) if issubclass(a, BaseModel)), None)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings_told(kind, f"{prefix}{name}.")
            continue
        yield f"{prefix}{name}", "-" if field.default is None else json.dumps(field.default)
        if optional is not None:  # what it has, where it is there
            yield from settings_told(optional, f"{prefix}{name}.")


def test_the_page_explains_every_setting_with_its_default() -> None:
    """In the order they are declared; what it says is what holds."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [(name, default) for name, default, _ in rows] == list(settings_told(AgentSettings))
