"""The settings tree: TOML, then secret files, then environment. The only reader of the environment."""

import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agents.settings import AgentSettings, ModelSettings
from streams.collectors.settings import CollectSettings
from streams.serving.notify.settings import NotifySettings
from streams.serving.settings import ServeSettings
from streams.settings import StreamsSettings
from topics.settings import BrokerSettings

from . import refusals

PREFIX = "TAPEREADER_"
CONFIG_KEY, SECRETS_KEY = "TAPEREADER_CONFIG", "TAPEREADER_SECRETS_DIR"
_SDK_KEY = "ANTHROPIC_API_KEY"
_NO_SETTINGS = (
    CONFIG_KEY,
    SECRETS_KEY,
    "TAPEREADER_REQUIRE",
    "TAPEREADER_SDK_SDIST",
    "TAPEREADER_TEST_",
)
"""Keys that begin like ours and are read elsewhere, or before the settings."""
DEFAULT_CONFIG = "tapereader.toml"


class ProbeSettings(BaseModel):
    """Where a role serves /metrics, /healthz and /readyz."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65_535)
    """None: the role's own (collect 9101, streams 9102, agent 9103, serve 9104, notify 9105). 0: any free one."""


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
    serve: ServeSettings = ServeSettings()
    notify: NotifySettings = NotifySettings()
    probes: ProbeSettings = ProbeSettings()
    log: LogSettings = LogSettings()

    def __repr__(self) -> str:
        return refusals.without_credentials(super().__repr__())

    __str__ = __repr__

    def printed(self) -> str:
        """Return all as JSON for people, without secrets."""
        return refusals.without_credentials(self.model_dump_json(indent=2))

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
                _SecretFiles(
                    file_secret_settings,
                    secrets_dir=secrets,
                    secrets_nested_delimiter="__",
                )
            )
        if config := _config_file(environment):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=config))
        return tuple(sources)


class _NotJsonError(ValueError):
    """A value that must be JSON is not; the message is its key."""


class _NamesWhatIsNoJson(EnvSettingsSource):
    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - pydantic's
        """Return a branch's or a list's value.

        Raises:
            _NotJsonError: It is not JSON. (Where a plain word will do, pydantic catches that.)
        """
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            keys = [key.upper() for key, given in self.env_vars.items() if given == value]
            raise _NotJsonError(", ".join(keys)) from None


class _Environment(_NamesWhatIsNoJson):
    """The environment that was given, not the process's own."""

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str]) -> None:
        self._given = environment
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {key.lower(): value for key, value in self._given.items()}


class _SecretFiles(NestedSecretsSettingsSource, _NamesWhatIsNoJson):
    """Files whose names are keys."""


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:  # noqa: ANN401 - any setting
    """Return the settings in force.

    ``environment`` defaults to the process's own; overrides (the command line) win over everything.

    Raises:
        SettingsError: A setting was refused; the message names each key, its value and what is allowed.
    """
    given = dict(os.environ if environment is None else environment)
    for keys in (given, _secret_files(given)):
        refusals.refuse_unknown(Settings, filter(_is_setting, keys), prefix=PREFIX)
    try:
        settings = Settings(_environment=given, **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        refusals.refuse(*refusals.lines_of(Settings, error))
    except (OSError, ValueError) as error:
        if isinstance(error.__cause__, _NotJsonError):
            refusals.refuse(f"{error.__cause__}: not JSON")
        read = [str(path) for path in (_config_file(given), given.get(SECRETS_KEY)) if path]
        refusals.refuse(f"{' or '.join(read)}: {error}")
    return _with_api_key(settings, given.get(_SDK_KEY))


def _is_setting(key: str) -> bool:
    key = key.upper()
    return key.startswith(PREFIX) and not key.startswith(_NO_SETTINGS)


def _with_api_key(settings: Settings, key: str | None) -> Settings:
    """Take the key where the SDK's users keep it, if the settings name none."""
    if not key or settings.agent.model.api_key is not None:
        return settings
    try:
        model = ModelSettings.model_validate(dict(settings.agent.model) | {"api_key": key})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        refusals.refuse(f"{_SDK_KEY} = ***: {why}")
    agent = settings.agent.model_copy(update={"model": model})
    return settings.model_copy(update={"agent": agent})


def _config_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CONFIG_KEY)
    if named:
        path = Path(named)
        if not path.is_file():
            refusals.refuse(f"{CONFIG_KEY} = {named!r}: no such file")
        return path
    default = Path(DEFAULT_CONFIG)
    return default if default.is_file() else None


def _secret_files(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the secret files. Whoever may read them is the platform's business."""
    named = environment.get(SECRETS_KEY)
    if not named:
        return []
    folder = Path(named)
    if not folder.is_dir():
        refusals.refuse(f"{SECRETS_KEY} = {named!r}: no such folder")
    return [path.name for path in folder.iterdir() if path.is_file()]


def environment_of(settings: Mapping[str, Any], around: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a child process: these settings and no others, and what is around them."""
    kept = {
        key: value
        for key, value in around.items()
        if not key.upper().startswith((PREFIX, "ANTHROPIC_", "AWS_"))
    }
    return kept | {
        PREFIX + key.upper(): value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
    }
