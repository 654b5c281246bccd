"""The settings tree: TOML, then secret files, then environment. The only reader of the environment."""

import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agents.settings import AgentSettings
from streams.settings import CollectSettings, StreamsSettings
from topics import SettingsError
from topics.settings import BrokerSettings

PREFIX = "TAPEREADER_"
CONFIG_KEY, SECRETS_KEY = "TAPEREADER_CONFIG", "TAPEREADER_SECRETS_DIR"
_OWN_KEYS = {CONFIG_KEY, SECRETS_KEY, "TAPEREADER_REQUIRE", "TAPEREADER_SDK_SDIST"}
DEFAULT_CONFIG = "tapereader.toml"


class ProbeSettings(BaseModel):
    """Where a role serves /metrics, /healthz and /readyz."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65_535)
    """None: the role's own (collect 9101, streams 9102, agent 9103). 0: any free one."""


class LogSettings(BaseModel):
    """What is said on standard error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")
    json_lines: bool | None = None
    """None: JSON lines unless a person looks (a terminal)."""


def _host() -> str:
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower())[:40].strip("-") or "host"


class Settings(BaseSettings):
    """Everything an operator may turn."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    instance: str = Field(default_factory=_host, pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """This process's name among those of its role: the same after each restart, no two alike."""
    state_dir: Path = Path("~/.local/state/tapereader")
    """Where a role keeps its lock file."""
    broker: BrokerSettings = BrokerSettings()
    collect: CollectSettings = CollectSettings()
    streams: StreamsSettings = StreamsSettings()
    agent: AgentSettings = AgentSettings()
    probes: ProbeSettings = ProbeSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the sources that `load` names, the first the strongest."""
        del env_settings, dotenv_settings
        given = (
            dict(init_settings.init_kwargs) if isinstance(init_settings, InitSettingsSource) else {}
        )
        environment = given.pop("_environment", {})
        sources: list[PydanticBaseSettingsSource] = [
            InitSettingsSource(settings_cls, init_kwargs=given),
            _Environment(settings_cls, environment),
        ]
        if secrets := environment.get(SECRETS_KEY):
            sources.append(
                NestedSecretsSettingsSource(
                    file_secret_settings,
                    secrets_dir=secrets,
                    secrets_nested_delimiter="__",
                )
            )
        if config := _config_file(environment):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=config))
        return tuple(sources)


class _Environment(EnvSettingsSource):
    """The environment that was given, not the process's own."""

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str]) -> None:
        self._given = environment
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {key.lower(): value for key, value in self._given.items()}


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:  # noqa: ANN401 - any setting
    """Return the settings in force.

    ``environment`` defaults to the process's own; overrides (the command line) win over everything.

    Raises:
        SettingsError: A setting was refused; the message names each key, its value and what is allowed.
    """
    given = dict(os.environ if environment is None else environment)
    _refuse_unknown(given)
    try:
        settings = Settings(_environment=given, **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [_line(dict(detail)) for detail in error.errors(include_url=False)]
        raise SettingsError("\n".join(["settings refused:", *lines])) from None
    except (OSError, ValueError) as error:  # an unreadable or broken TOML file
        msg = f"settings refused:\n  {_config_file(given) or given.get(SECRETS_KEY)}: {error}"
        raise SettingsError(msg) from None
    return _with_api_key(settings, given.get("ANTHROPIC_API_KEY"))


def _with_api_key(settings: Settings, key: str | None) -> Settings:
    """Take the key where the SDK's users keep it, if the settings name none."""
    if not key or settings.agent.model.api_key is not None:
        return settings
    model = settings.agent.model.model_copy(update={"api_key": SecretStr(key)})
    agent = settings.agent.model_copy(update={"model": model})
    return settings.model_copy(update={"agent": agent})


def _config_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CONFIG_KEY)
    if named:
        path = Path(named)
        if not path.is_file():
            msg = f"{CONFIG_KEY}={named}: no such file"
            raise SettingsError(msg)
        return path
    default = Path(DEFAULT_CONFIG)
    return default if default.is_file() else None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt key: ignored, it would be believed to hold."""
    known = {name.upper() for name in Settings.model_fields}
    for key in sorted(environment):
        if not key.startswith(PREFIX) or key in _OWN_KEYS or key.startswith("TAPEREADER_TEST_"):
            continue
        name = key[len(PREFIX) :].split("__")[0].upper()
        if name not in known:
            names = ", ".join(sorted(PREFIX + n for n in known))
            msg = f"settings refused:\n  {key}: no such setting; the branches are {names}"
            raise SettingsError(msg)


def _line(detail: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    given = detail.get("input")
    secret = any(word in key for word in ("key", "password", "secret"))
    shown = (
        ""
        if isinstance(given, dict) or detail["type"] == "missing"
        else f" = {'***' if secret else repr(given)}"
    )
    return f"  {key}{shown}: {detail['msg']}"


def environment_of(settings: Mapping[str, Any], around: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a child process: these settings and no others, and what is around them."""
    kept = {
        key: value
        for key, value in around.items()
        if not key.startswith((PREFIX, "ANTHROPIC_", "AWS_"))
    }
    return kept | {
        PREFIX + key.upper(): value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
    }
