"""What `tapereader budget` refuses before it asks anybody."""

import sys
from pathlib import Path

import pytest

from deploy import cli

LONG = "x" * 401


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "day/all/usd", "1e5000", "--reason", "r"), "'1e5000' is no amount"),
        (("set", "day/all/usd", "1e999999", "--reason", "r"), "'1e999999' is no amount"),
        (("set", "day/all/tokens", "NaN", "--reason", "r"), "'NaN' is no amount"),
        (("set", "day/all/usd", "open", "--reason", "r"), "is no PROVIDER/MODEL"),
        (("set", "haiku", "open", "--reason", "r"), "is no PROVIDER/MODEL"),
        (("set", "day/all/usd", "1", "--reason", ""), "$.reason"),
        (("set", "day/all/usd", "1", "--reason", LONG), "$.reason"),
        (("set", "day/all/usd", "1", "--reason", "r", "--actor", LONG), "$.actor"),
        (("set", "day/all/usd", "1", "--reason", "r", "--id", LONG), "$.control_id"),
        (("set", f"a/{LONG}", "open", "--reason", "r"), "$.subject"),
        (("reconcile", "latin.csv"), "latin.csv cannot be read"),
        (("reconcile", "empty.csv"), "no line"),
    ],
)
def test_what_cannot_be_kept_or_read_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    told: str,
) -> None:
    """Nothing is written: no broker is there. An act that no reader takes would hold until the ledger is lost."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.csv").write_bytes(b"attempt_id,cost_usd\n\xe9,1\n")
    (tmp_path / "empty.csv").write_text("\ufeffattempt_id,cost_usd\n")
    monkeypatch.setattr(sys, "argv", ["tapereader", "budget", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, ""), said
    assert said.err.startswith("tapereader: ")
    assert told in said.err
