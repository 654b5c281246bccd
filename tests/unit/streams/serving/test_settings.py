"""What the serve role may be told, and what it refuses to start with."""

import pytest
from pydantic import ValidationError

from deploy.settings import load
from streams.serving.settings import ServeSettings, is_loopback
from topics import SettingsError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to be refused
LONG = "0123456789abcdef"
SAFE = {"operator_tokens": {"oscar": LONG}}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"host": EVERYWHERE}, "serve.host"),
        ({"host": "::"}, "serve.host"),
        ({"host": "192.0.2.7"}, "serve.host"),
        ({"host": "tape.example.org"}, "serve.host"),
        ({"allowed_hosts": ["tape.example.org"]}, "serve.allowed_hosts"),
        ({"trusted_proxies": ["127.0.0.1"]}, "serve.trusted_proxies"),
    ],
)
def test_whatever_lets_others_in_needs_a_token(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        ServeSettings.model_validate(given)
    assert "serve.operator_tokens" in str(refused.value)
    assert ServeSettings.model_validate({**given, **SAFE}).tokens


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_this_machine_alone_nobody_needs_one(host: str) -> None:
    assert not ServeSettings(host=host).tokens
    assert is_loopback(host)


@pytest.mark.parametrize("token", ["short", "0" * 201, "with a space 0123", "0123456789abcdeé"])
def test_a_token_that_is_none_is_refused_and_not_shown(token: str) -> None:
    key = "TAPEREADER_SERVE__VIEWER_TOKENS__VERA"
    with pytest.raises(SettingsError) as refused:
        load({key: token})
    assert "serve.viewer_tokens.vera" in str(refused.value)
    assert token not in str(refused.value)


def test_tokens_are_not_printed() -> None:
    settings = load({"TAPEREADER_SERVE__OPERATOR_TOKENS__OSCAR": LONG})
    assert settings.serve.operator_tokens["oscar"].get_secret_value() == LONG
    assert LONG not in settings.printed() + repr(settings)


@pytest.mark.parametrize("proxy", ["*", "0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network_and_never_everybody(proxy: str) -> None:
    """Of a name it would never be known that it is meant."""
    with pytest.raises(ValidationError, match=r"trusted_proxies\.0"):
        ServeSettings.model_validate({**SAFE, "trusted_proxies": [proxy]})
    given = ["127.0.0.1", "10.0.0.0/8", "::1"]
    assert len(ServeSettings.model_validate({**SAFE, "trusted_proxies": given}).trusted_proxies)


def test_one_token_is_one_persons_and_one_person_is_one_thing() -> None:
    with pytest.raises(ValidationError, match="two people have one token"):
        ServeSettings.model_validate({"viewer_tokens": {"a": LONG}, "operator_tokens": {"b": LONG}})
    with pytest.raises(ValidationError, match="'a' is in both"):
        ServeSettings.model_validate(
            {"viewer_tokens": {"a": LONG}, "operator_tokens": {"a": LONG + "0"}}
        )


def test_it_answers_to_its_address_and_to_the_names_it_was_given() -> None:
    settings = ServeSettings.model_validate(
        {"host": "192.0.2.7", "allowed_hosts": ["tape.example.org"], **SAFE}
    )
    assert settings.hosts == {"localhost", "127.0.0.1", "::1", "192.0.2.7", "tape.example.org"}
    assert EVERYWHERE not in ServeSettings.model_validate({"host": EVERYWHERE, **SAFE}).hosts
