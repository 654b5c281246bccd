"""What an operator may turn of a `github` source."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from streams.collectors.assets import ASSETS, Role
from streams.collectors.port import SourceSettings
from topics import SettingsError
from topics.units import ASSET_PATTERN

KEYLESS_AN_HOUR, KEYED_AN_HOUR = 60, 5_000
"""GitHub's limits on questions, from an address and with a token; both are told anew in each answer."""
KEYLESS_SHARE = 0.9
"""So much of the keyless limit is planned with: there 304 costs as much as 200, and others may share the address."""
KEYED_UNCHANGED = 3
"""With a token so many times the limit is planned with: most answers are 304, which are free. If they are not, the
allowance makes the looks rarer, and the marks say so."""
KEYED_INTERVAL_S, INTERVAL_S_MAX = 300.0, 1_800.0
"""The fold takes a development source for silent after an hour; half of that leaves room for one failure."""
DESCRIBE_S = 3_600.0
"""A repository's own description (renamed, a fork, another one under the same name) is asked for so often."""

RepositoryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$")]
AssetName = Annotated[str, Field(pattern=ASSET_PATTERN.replace(r"$(?!\n)", "$"))]
PolledAct = Literal["commit", "pull_request", "release", "issue", "review", "comment"]


class WebhookSettings(BaseModel):
    """An endpoint for GitHub's deliveries. TLS is the business of what stands before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8_090, ge=0, le=65_535)
    """0: any that is free."""
    secret: SecretStr = Field(min_length=16)
    """What GitHub signs its deliveries with."""


class GithubSettings(SourceSettings):
    """Acts in the repositories of assets, from GitHub."""

    type: Literal["github"]
    salt: SecretStr = Field(min_length=16)
    """What authors are hashed with. With another one they are other people."""
    assets: tuple[AssetName, ...] = ()
    """Whose repositories to take from the table of assets. None, and no `repositories`: of all of them."""
    roles: frozenset[Role] = frozenset({"core"})
    """Which of the table's repositories: core, client, contract."""
    repositories: dict[AssetName, tuple[RepositoryName, ...]] = Field(default_factory=dict)
    """Instead of the table's, by asset; an empty list leaves an asset out."""
    acts: frozenset[PolledAct] = frozenset({"commit", "pull_request", "release", "issue"})
    """Reviews and comments cost a question a look each."""
    bots: frozenset[str] = frozenset(
        {"copilot", "dependabot", "github-actions", "greenkeeper", "renovate", "renovate-bot"}
    )
    """Logins, in small letters, that are bots although neither their type nor `[bot]` says so."""
    token: SecretStr | None = None
    """A token of yours, to ask 5,000 times an hour. It needs no rights: public repositories only."""
    interval_s: float | None = Field(default=None, ge=1, le=INTERVAL_S_MAX)
    """Between two looks at a repository. None: 300 with a token, else as often as 60 questions an hour allow."""
    witness: bool = True
    """Ask git itself for each branch's head, too; that costs none of the questions."""
    webhook: WebhookSettings | None = None
    url: str = "https://api.github.com"
    git_url: str = "https://github.com"
    ca_file: str | None = None
    """A PEM file of the authorities to trust, beside the system's."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be looked at, and how often."""

    subjects: Mapping[str, tuple[str, ...]]
    """By repository: the assets it is of."""
    interval_s: float
    limit: int
    """Questions an hour, before the first answer tells."""


def questions_of(acts: frozenset[PolledAct]) -> int:
    """Return how many questions a look takes. Issues and pull requests are one."""
    return len({"issue" if act == "pull_request" else act for act in acts})


def plan_of(name: str, settings: GithubSettings) -> Plan:
    """Return what the settings ask for.

    Raises:
        SettingsError: That is nothing, unknown, or more than can honestly be asked for.
    """
    subjects = _subjects(name, settings)
    a_look = questions_of(settings.acts)
    if not subjects or not a_look:
        msg = f"collect.sources.{name}: there is no repository or no act to look for"
        raise SettingsError(msg)
    keyed = settings.token is not None
    limit = KEYED_AN_HOUR if keyed else KEYLESS_AN_HOUR
    planned = limit * (KEYED_UNCHANGED if keyed else KEYLESS_SHARE)
    looks_s = planned - len(subjects) * 3_600 / DESCRIBE_S  # what is left of an hour for looks
    least_s = 3_600 * a_look * len(subjects) / looks_s if looks_s > 0 else float("inf")
    interval_s = settings.interval_s or max(least_s, KEYED_INTERVAL_S)
    if least_s > interval_s or interval_s > INTERVAL_S_MAX:
        raise SettingsError(_too_many(name, len(subjects), a_look, planned, settings.interval_s))
    return Plan(subjects=subjects, interval_s=interval_s, limit=limit)


def _subjects(name: str, settings: GithubSettings) -> dict[str, tuple[str, ...]]:
    """Return the assets of each repository; a repository is one in whatever case it is written."""
    named: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}
    for asset, repositories in _repositories(name, settings).items():
        for repository in repositories:
            key = spelled.setdefault(repository.lower(), repository)
            if asset not in named.setdefault(key, []):
                named[key].append(asset)
    return {repository: tuple(assets) for repository, assets in named.items()}


def _repositories(name: str, settings: GithubSettings) -> dict[str, tuple[str, ...]]:
    chosen: tuple[str, ...] = settings.assets
    if not chosen and not settings.repositories:
        chosen = tuple(ASSETS.by_id)
    table: dict[str, tuple[str, ...]] = {}
    for asset in chosen:
        known = ASSETS.by_id.get(asset)
        if known is None and asset not in settings.repositories:
            msg = f"collect.sources.{name}: {asset} is not in the table of assets: name its repositories"
            raise SettingsError(msg)
        if known is not None:
            table[asset] = tuple(r.name for r in known.repositories if r.role in settings.roles)
    return table | dict(settings.repositories)


def _too_many(
    name: str, repositories: int, a_look: int, planned: float, interval_s: float | None
) -> str:
    longest_s = INTERVAL_S_MAX if interval_s is None else interval_s
    most = int(planned / (a_look * 3_600 / longest_s + 3_600 / DESCRIBE_S))
    return (
        f"collect.sources.{name}: {repositories} repositories at {a_look} questions a look cannot be looked at every"
        f" {longest_s:.0f} s with the {planned:.0f} questions an hour there are to plan with: at most {most} can."
        " Name fewer repositories or acts, look less often, or give a token (60 questions an hour without, 5,000 with)"
    )
