"""Where rules come from, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from deploy.alerting.reading import FILE_BYTES_MAX, default_rules, named_rules, rules_in_force
from deploy.settings import load
from streams.alerts.settings import RULES_MAX, AlertsSettings
from topics import SettingsError

RULE = """
[rules.{name}]
severity = "{severity}"
headline = "{{subject}}"
[[rules.{name}.conditions]]
kind = "{kind}"
window = "1m"
metric = "volume"
above = 5
"""


def written(
    folder: Path, name: str = "mine", severity: str = "notice", kind: str = "market"
) -> Path:
    file = folder / f"{name}-{severity}.toml"
    file.write_text(RULE.format(name=name, severity=severity, kind=kind), encoding="utf-8")
    return file


def test_the_rules_that_ship_are_in_force_and_can_be_left_out(tmp_path: Path) -> None:
    """By name, all of them, or replaced by a file's of the same name."""
    shipped = set(default_rules())
    assert {"flash_crash", "volume_surge", "social_pump", "developer_exodus"} < shipped
    assert {rule.name for rule in rules_in_force(AlertsSettings())} == shipped
    left = named_rules(AlertsSettings(without=("flash_crash",)))
    assert set(left) == shipped - {"flash_crash"}
    assert rules_in_force(AlertsSettings(defaults=False)) == ()
    file = written(tmp_path, "flash_crash", "info")
    assert named_rules(AlertsSettings(files=(file,)))["flash_crash"].severity == "info"


def test_later_files_and_the_settings_take_the_place(tmp_path: Path) -> None:
    """In the order of the list; the settings last."""
    files = (written(tmp_path, severity="info"), written(tmp_path, severity="notice"))
    told = AlertsSettings(defaults=False, files=files)
    assert named_rules(told)["mine"].severity == "notice"
    own = default_rules()["flash_crash"]
    told = AlertsSettings(defaults=False, files=files, rules={"mine": own})
    assert named_rules(told)["mine"] == own


def test_a_wrong_file_is_refused_with_its_key(tmp_path: Path) -> None:
    """File, key, value and why."""
    file = written(tmp_path, kind="analysis")
    with pytest.raises(SettingsError) as refused:
        named_rules(AlertsSettings(files=(file,)))
    assert f"{file}: rules.mine.conditions.0.kind = 'analysis': a rule reads windows only" in str(
        refused.value
    )
    for wrong in ("[rules", "[other]\nx = 1\n", "x" * (FILE_BYTES_MAX + 1)):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(SettingsError, match=file.name):
            named_rules(AlertsSettings(files=(file,)))
    with pytest.raises(SettingsError, match="absent"):
        named_rules(AlertsSettings(files=(tmp_path / "absent.toml",)))


def test_what_is_left_out_must_be_there_and_all_together_are_bounded(tmp_path: Path) -> None:
    """A wrong name would be believed to be left out."""
    with pytest.raises(SettingsError, match="no such rule ships; there are developer_exodus"):
        named_rules(AlertsSettings(without=("flash_crsh",)))
    one = default_rules()["flash_crash"]
    many = {f"r{number}": one for number in range(RULES_MAX)}
    assert len(named_rules(AlertsSettings(defaults=False, rules=many))) == RULES_MAX
    with pytest.raises(SettingsError, match=f"there may be {RULES_MAX}"):
        named_rules(AlertsSettings(rules=many))
    del tmp_path


def test_a_wrong_rule_of_the_settings_ends_every_command_with_its_key(tmp_path: Path) -> None:
    """As any other setting."""
    file = tmp_path / "tapereader.toml"
    text = RULE.format(name="mine", severity="notice", kind="market").replace("5", "'much'")
    file.write_text(text.replace("rules.", "streams.alerts.rules."), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load({"TAPEREADER_CONFIG": str(file)})
    assert "streams.alerts.rules.mine.conditions.0.above = 'much'" in str(refused.value)
