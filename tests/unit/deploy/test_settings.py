"""Settings come from where they should, and what is refused is named without a secret."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.settings import Settings, environment_of, load
from streams.collectors.synthetic import SyntheticSettings
from topics import SettingsError

SECRET = "sk-ant-not-for-anybodys-eyes"  # noqa: S105 - nobody's
SPACED = f"{SECRET} two words"
"""No key has a space, so it is refused."""


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Write a TOML file and give the environment that names it."""

    def write(text: str) -> dict[str, str]:
        path = tmp_path / "settings.toml"
        path.write_text(text)
        return {"TAPEREADER_CONFIG": str(path)}

    return write


@pytest.fixture
def secrets(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Write secret files and give the environment that names their folder."""

    def write(mode: int = 0o644, **files: str) -> dict[str, str]:
        folder = tmp_path / "secrets"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(mode)
        return {"TAPEREADER_SECRETS_DIR": str(folder)}

    return write


def refusal(environment: Mapping[str, str], **overrides: Any) -> str:
    """Return why settings are refused."""
    with pytest.raises(SettingsError) as refused:
        load(environment, **overrides)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__  # pydantic's own words show the input
    return str(refused.value)


def test_without_anything_the_defaults_hold() -> None:
    """Every setting has a default, so that a newcomer needs none."""
    settings = load({})
    assert settings.broker.bootstrap == "127.0.0.1:9092"
    assert settings.agent.model.api_key is None


def test_each_source_wins_over_the_one_below(
    config: Callable[[str], dict[str, str]], secrets: Callable[..., dict[str, str]]
) -> None:
    """Command line, environment, secret files, TOML, defaults: level by level, not branch by branch."""
    toml = config(
        "instance = 'toml'\nstate_dir = '/toml'\n[broker]\npartitions = 3\nprefix = 'toml.'\nbootstrap = 'toml:1'\n"
    )
    files = secrets(
        tapereader_instance="file",
        TAPEREADER_BROKER__PARTITIONS="4",
        tapereader_broker__prefix="file.",
    )
    given = {"TAPEREADER_INSTANCE": "environment", "TAPEREADER_BROKER__PARTITIONS": "5"}
    settings = load(toml | files | given, instance="line")
    assert settings.instance == "line"
    assert settings.broker.partitions == 5
    assert settings.broker.prefix == "file."
    assert settings.broker.bootstrap == "toml:1"
    assert settings.state_dir == Path("/toml")
    assert settings.broker.replication == 1
    assert load(toml | files | given).instance == "environment"
    assert load(toml | files).instance == "file"
    assert load(toml).instance == "toml"


def test_a_branch_may_be_one_json_value() -> None:
    """As the demo gives them to its children, and with single settings over it."""
    settings = load(
        {
            "TAPEREADER_BROKER": '{"partitions": 4, "prefix": "a."}',
            "TAPEREADER_BROKER__PREFIX": "b.",
            "TAPEREADER_COLLECT__SOURCES": '{"market": {"type": "synthetic"}}',
            "TAPEREADER_COLLECT__SOURCES__MARKET__SEED": "7",
        }
    )
    assert (settings.broker.partitions, settings.broker.prefix) == (4, "b.")
    source = settings.collect.sources["market"]
    assert isinstance(source, SyntheticSettings)
    assert source.seed == 7


@pytest.mark.parametrize(
    ("environment", "key", "value", "allowed"),
    [
        ({"TAPEREADER_BROKER__PARTITIONS": "0"}, "broker.partitions", "'0'", "equal to 1"),
        ({"TAPEREADER_BROKER__PARTITIONS": "four"}, "broker.partitions", "'four'", "integer"),
        ({"TAPEREADER_LOG__LEVEL": "loud"}, "log.level", "'loud'", "debug|info|warning|error"),
        ({"TAPEREADER_INSTANCE": "A b"}, "instance", "'A b'", "[a-z0-9-]{0,39}"),
        ({"TAPEREADER_PROBES__PORT": "70000"}, "probes.port", "'70000'", "65535"),
        (
            {"TAPEREADER_COLLECT__SOURCES": '{"x": {"type": "exchange", "venue": "y"}}'},
            "collect.sources.x.venue",
            "'y'",
            "known are binance, bitstamp",
        ),
        (
            {"TAPEREADER_COLLECT__SOURCES": '{"x": {"type": "live"}}'},
            "collect.sources.x",
            "'live'",
            "'recorded', 'synthetic', 'exchange'",
        ),
        (
            {"TAPEREADER_AGENT__MODEL__BASE_URL": "http://api.example.com/v1"},
            "agent.model.base_url",
            "'http://api.example.com/v1'",
            "an https address is needed, or a loopback one (127.0.0.1, ::1, localhost)",
        ),
    ],
)
def test_a_refusal_names_key_value_and_what_is_allowed(
    environment: dict[str, str], key: str, value: str, allowed: str
) -> None:
    """One line a setting, complete without the manual."""
    first, *lines = refusal(environment).splitlines()
    assert first == "settings refused:"
    line = next(line for line in lines if line.strip().startswith(key))
    assert value in line
    assert allowed in line


def test_every_refused_setting_is_told_at_once() -> None:
    """Nobody mends one only to meet the next."""
    told = refusal({"TAPEREADER_BROKER__PARTITIONS": "0", "TAPEREADER_LOG__LEVEL": "loud"})
    assert "broker.partitions" in told
    assert "log.level" in told


@pytest.mark.parametrize(
    ("key", "siblings"),
    [
        ("TAPEREADER_BROKR__PARTITIONS", "AGENT, BROKER, COLLECT"),
        ("TAPEREADER_BROKER__PARTITION", "TAPEREADER_BROKER__ is followed by one of BOOTSTRAP"),
        ("TAPEREADER_AGENT__MODEL__APIKEY", "TAPEREADER_AGENT__MODEL__ is followed by one of API"),
        ("TAPEREADER_COLLECT__PACE__SPED", "EVENT_MS, SPEED, WALL_MS"),
        ("TAPEREADER_INSTANCE__NAME", "TAPEREADER_INSTANCE has no parts"),
        ("TAPEREADER_PROBES__PORT__NUMBER", "TAPEREADER_PROBES__PORT has no parts"),
        ("TAPEREADER__BROKER", "AGENT, BROKER"),
        ("TAPEREADER_", "AGENT, BROKER"),
        ("tapereader_log__levl", "JSON_LINES, LEVEL"),
    ],
)
def test_a_misspelt_key_is_refused_at_every_level(key: str, siblings: str) -> None:
    """In the environment and as a secret file's name alike; its value, which may be one, is not shown."""
    told = refusal({key: SECRET})
    assert f"{key}: " in told
    assert siblings in told
    assert SECRET not in told


def test_a_misspelt_secret_file_is_refused(secrets: Callable[..., dict[str, str]]) -> None:
    """Else a key would be believed to be in use."""
    told = refusal(secrets(tapereader_agent__model__apikey=SECRET))
    assert "tapereader_agent__model__apikey: no such setting" in told
    assert SECRET not in told


def test_files_of_others_among_the_secrets_are_passed_over(
    secrets: Callable[..., dict[str, str]],
) -> None:
    """Platforms put everybody's secrets into one folder."""
    load(secrets(database_password=SECRET, README="for people"))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("partitons = 5", "partitons: no such setting; there are agent, broker"),
        ("[brker]\npartitions = 5", "brker: no such setting; there are agent, broker"),
        ("[broker]\npartitons = 5", "broker.partitons: no such setting; there are bootstrap, "),
        (
            "[agent.model]\napikey = 'SECRET'",
            "agent.model.apikey: no such setting; there are api_key, base_url",
        ),
        (
            "[collect.sources.a]\ntype = 'synthetic'\nsed = 1",
            "collect.sources.a.sed: no such setting; there are disorder, hours",
        ),
        (
            "[collect.pace]\nevent_ms = 0\nwall_ms = 0\nspeed = 1\nsped = 1",
            "collect.pace.sped: no such setting; there are event_ms, speed, wall_ms",
        ),
    ],
)
def test_a_misspelt_key_in_toml_is_refused_at_every_level(
    config: Callable[[str], dict[str, str]], text: str, line: str
) -> None:
    """With the names there are; what it was set to stays unsaid."""
    told = refusal(config(text.replace("SECRET", SECRET)))
    assert line in told
    assert SECRET not in told


def test_the_tests_own_keys_are_no_settings() -> None:
    """They begin alike, and belong to others."""
    load({"TAPEREADER_TEST_KAFKA": "x", "TAPEREADER_REQUIRE": "kafka", "TAPEREADER_SDK_SDIST": "x"})


@pytest.mark.parametrize(
    "environment",
    [
        {"TAPEREADER_AGENT__MODEL__API_KEY": SPACED},
        {"ANTHROPIC_API_KEY": SPACED},
        {"TAPEREADER_AGENT__MODEL": SECRET},
        {"TAPEREADER_AGENT__MODEL": f'"{SECRET}"'},
        {"TAPEREADER_AGENT__MODEL": f'["{SECRET}"]'},
        {"TAPEREADER_AGENT": f'{{"model": {{"api_key": ["{SECRET}"]}}}}'},
        {"TAPEREADER_AGENT": f'{{"model": {{"apikey": "{SECRET}"}}}}'},
        {"TAPEREADER_AGENT": f'{{"model": "{SECRET}"}}'},
        {"TAPEREADER_BROKER": f'{{"password": {{"x": "{SECRET}"}}}}'},
        {"TAPEREADER_BROKER": f'{{"password": "{SECRET}"'},
        {"TAPEREADER_BROKER__PASWORD": SECRET},
        {"TAPEREADER_AGENT__MODEL__BASE_URL": f"https://user:{SECRET}@example.com"},
    ],
)
def test_no_refusal_shows_a_secret(environment: dict[str, str]) -> None:
    """However it is given, wherever it is misplaced."""
    assert SECRET not in refusal(environment)


def test_no_refusal_of_toml_shows_a_secret(config: Callable[[str], dict[str, str]]) -> None:
    """Files too."""
    assert SECRET not in refusal(config(f"[agent]\nmodel = '{SECRET}'"))
    assert SECRET not in refusal(config(f"[agent.model]\napi_key = ['{SECRET}']"))


def test_no_picture_of_the_settings_shows_a_secret() -> None:
    """Neither as text nor as JSON, nor what stands in a URL."""
    settings = load(
        {
            "TAPEREADER_AGENT__MODEL__API_KEY": SECRET,
            "TAPEREADER_BROKER__PASSWORD": SECRET,
            "TAPEREADER_AGENT__BUDGET__REDIS_URL": f"rediss://user:{SECRET}@127.0.0.1/0",
        }
    )
    for picture in (repr(settings), str(settings), f"{settings}", settings.printed()):
        assert SECRET not in picture
        assert "127.0.0.1/0" in picture
    assert json.loads(settings.printed())["broker"]["password"] == "**********"  # noqa: S105


@pytest.mark.parametrize("password", [SECRET, f"a/{SECRET}", f"a@{SECRET}", f"{SECRET}#?'b"])
def test_a_password_in_an_address_is_not_shown_however_it_is_written(password: str) -> None:
    """With a slash or an @ of its own too, which it should not have: whoever looks for the mistake prints it."""
    url = f"redis://user:{password}@127.0.0.1/0"
    settings = load({"TAPEREADER_AGENT__BUDGET__REDIS_URL": url})
    for picture in (repr(settings), settings.printed()):
        assert SECRET not in picture
        assert "redis://***@127.0.0.1/0" in picture


def test_a_key_where_the_sdks_users_keep_it_is_taken() -> None:
    """Its name is the SDK's; a setting of ours wins over it; empty is none."""
    own = {"TAPEREADER_AGENT__MODEL__API_KEY": "ours"}
    assert key_of(load({"ANTHROPIC_API_KEY": SECRET})) == SECRET
    assert key_of(load({"ANTHROPIC_API_KEY": f"{SECRET}\n"})) == SECRET
    assert key_of(load({"ANTHROPIC_API_KEY": SECRET} | own)) == "ours"
    assert load({"ANTHROPIC_API_KEY": ""}).agent.model.api_key is None


def test_a_key_of_the_sdk_that_is_none_is_refused_by_its_name() -> None:
    """Not by the name of a setting that nobody gave."""
    assert "ANTHROPIC_API_KEY = ***: a key is one word" in refusal({"ANTHROPIC_API_KEY": SPACED})


def key_of(settings: Settings) -> str:
    """Return the key in force."""
    key = settings.agent.model.api_key
    assert isinstance(key, SecretStr)
    return key.get_secret_value()


@pytest.mark.parametrize("mode", [0o400, 0o644, 0o777])
def test_a_secret_files_permissions_are_nobodys_business(
    secrets: Callable[..., dict[str, str]], mode: int
) -> None:
    """Platforms mount them as they like. The line break at its end is none of the secret."""
    assert key_of(load(secrets(mode, tapereader_agent__model__api_key=f"{SECRET}\n"))) == SECRET


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost", "http://127.1.2.3"]
)
def test_loopback_addresses_are_taken(url: str) -> None:
    """The fake Claude is there."""
    assert load({"TAPEREADER_AGENT__MODEL__BASE_URL": url}).agent.model.base_url == url


@pytest.mark.parametrize("url", ["http://api.example.com", "http://10.0.0.1", "127.0.0.1", ""])
def test_other_addresses_are_refused_with_the_reason(url: str) -> None:
    """The key would travel in the clear."""
    told = refusal({"TAPEREADER_AGENT__MODEL__BASE_URL": url})
    assert f"agent.model.base_url = {url!r}: an https address is needed" in told
    assert "the key goes there" in told


def test_broken_toml_is_named_with_its_line(config: Callable[[str], dict[str, str]]) -> None:
    """The file and the place."""
    environment = config("[broker\npartitions = 5")
    told = refusal(environment)
    assert environment["TAPEREADER_CONFIG"] in told
    assert "line 1" in told


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """A file of another kind is not shown, only named."""
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe")
    assert str(path) in refusal({"TAPEREADER_CONFIG": str(path)})


def test_missing_files_are_named() -> None:
    """Silently without them other settings than meant would hold."""
    assert "TAPEREADER_CONFIG = '/no/such.toml': no such file" in refusal(
        {"TAPEREADER_CONFIG": "/no/such.toml"}
    )
    assert "TAPEREADER_SECRETS_DIR = '/no/such': no such folder" in refusal(
        {"TAPEREADER_SECRETS_DIR": "/no/such"}
    )


def test_a_value_that_must_be_json_is_named_by_its_key() -> None:
    """The list of a nested setting, and a whole branch."""
    assert "TAPEREADER_AGENT__MODEL__PRODUCTS: not JSON" in refusal(
        {"TAPEREADER_AGENT__MODEL__PRODUCTS": "deep_dive"}
    )
    assert "TAPEREADER_BROKER: not JSON" in refusal({"TAPEREADER_BROKER": "{"})


def test_a_long_value_is_cut() -> None:
    """The line stays a line."""
    assert len(refusal({"TAPEREADER_INSTANCE": "x" * 10_000})) < 250


def test_a_child_gets_the_settings_given_and_no_others() -> None:
    """What the parent's user has set for other things must not reach it; the rest of the environment must."""
    around = {
        "PATH": "/bin",
        "TAPEREADER_BROKER__PARTITIONS": "9",
        "tapereader_log__level": "debug",
        "ANTHROPIC_API_KEY": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    environment = environment_of({"instance": "demo", "broker": {"partitions": 4}}, around)
    assert environment == {
        "PATH": "/bin",
        "TAPEREADER_INSTANCE": "demo",
        "TAPEREADER_BROKER": '{"partitions": 4}',
    }
    assert load(environment).broker.partitions == 4
