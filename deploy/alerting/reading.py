"""The rules in force: those that ship, those of files, those of the settings, in this order."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from deploy import refusals
from streams.alerts.rules import Rule, compiled
from streams.alerts.settings import RULE_PATTERN, RULES_MAX, AlertsSettings, RuleSettings

DEFAULT_RULES = "default_rules.toml"
FILE_BYTES_MAX = 1024 * 1024
"""Of a file of rules: a larger one is something else."""


class RulesFile(BaseModel):
    """A file of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[Annotated[str, StringConstraints(pattern=RULE_PATTERN)], RuleSettings] = Field(
        max_length=RULES_MAX
    )


def rules_in_force(settings: AlertsSettings) -> tuple[Rule, ...]:
    """Return the rules of these settings, as they are judged.

    Raises:
        SettingsError: A rule is refused; the message names its file and key.
    """
    return compiled(named_rules(settings))


def named_rules(settings: AlertsSettings) -> dict[str, RuleSettings]:
    """Return the rules of these settings by name.

    Raises:
        SettingsError: As `rules_in_force`.
    """
    found: dict[str, RuleSettings] = {}
    if settings.defaults:
        shipped = default_rules()
        if unknown := [name for name in settings.without if name not in shipped]:
            refusals.refuse(
                f"streams.alerts.without = {unknown[0][:40]!r}: no such rule ships;"
                f" there are {', '.join(sorted(shipped))}"
            )
        found |= {name: rule for name, rule in shipped.items() if name not in settings.without}
    for path in settings.files:
        found |= rules_of(path)
    found |= settings.rules
    if len(found) > RULES_MAX:
        refusals.refuse(f"streams.alerts: {len(found)} rules; there may be {RULES_MAX}")
    return found


def default_rules() -> dict[str, RuleSettings]:
    """Return the rules that ship."""
    text = files("deploy.alerting").joinpath(DEFAULT_RULES).read_text(encoding="utf-8")
    return dict(RulesFile.model_validate(tomllib.loads(text)).rules)


def rules_of(path: Path) -> dict[str, RuleSettings]:
    """Return the rules of a file.

    Raises:
        SettingsError: It cannot be read, or a rule is refused.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            refusals.refuse(f"{path}: more than {FILE_BYTES_MAX} bytes are no file of rules")
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # what is not UTF-8, or not TOML, is a ValueError
        refusals.refuse(f"{path}: {error}")
    try:
        return dict(RulesFile.model_validate(told).rules)
    except ValidationError as error:
        refusals.refuse(*(f"{path}: {line}" for line in refusals.lines_of(RulesFile, error)))
