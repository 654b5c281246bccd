"""The command: what it says of itself, and what it refuses, always in a sentence and without a secret."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy import cli
from deploy.commands import actor_of
from deploy.commands.acts import acts_app
from deploy.commands.alerts import alerts_app
from deploy.commands.bench import bench_app
from deploy.commands.breaker import breaker_app
from deploy.commands.budget import budget_app
from deploy.commands.cache import cache_app
from deploy.commands.collect import collect_app
from deploy.commands.deadletters import deadletters_app
from deploy.commands.evaluate import evaluate_app
from deploy.commands.notify import notify_app
from deploy.commands.streams import streams_app
from deploy.commands.topics import topics_app
from topics import KINDS, TOPICS
from topics.schema import render

COMMAND = (sys.executable, "-P", "-m", "deploy")
ROLES = ("streams", "agent", "notify", "serve", "fake-claude")
COMMANDS = (
    *(("demo",), ("watch",), ("audit",), ("settings",), ("replay",)),
    *((role,) for role in ROLES),
    *(("acts", name) for name in ("acknowledge", "mute", "unmute", "feedback", "list")),
    *(("alerts", name) for name in ("check", "test")),
    *(("deadletters", name) for name in ("list", "explain", "redrive")),
    *(("topics", name) for name in ("apply", "check", "list", "schema")),
    *(("bench", name) for name in ("windows", "alerts", "latency", "backlog", "cache", "collect")),
    *(("breaker", name) for name in ("show", "open", "close", "auto")),
    *(("budget", name) for name in ("show", "set", "reconcile")),
    *(("cache", name) for name in ("show", "drop", "clear")),
    *(("collect", name) for name in ("run", "list", "check")),
    *(("notify", name) for name in ("check", "test")),
    ("streams", "rebuild"),
    *(("evaluate",), ("evaluate", "narratives"), ("evaluate", "batch")),
)
GROUPS = {
    "acts": acts_app,
    "alerts": alerts_app,
    "bench": bench_app,
    "breaker": breaker_app,
    "budget": budget_app,
    "cache": cache_app,
    "collect": collect_app,
    "deadletters": deadletters_app,
    "evaluate": evaluate_app,
    "notify": notify_app,
    "streams": streams_app,
    "topics": topics_app,
}
SECRET = "sk-ant-not-for-anybodys-eyes"  # noqa: S105 - nobody's
PATIENCE_S = 30.0


class Said(NamedTuple):
    status: object
    out: str
    error: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command in this process, in an empty folder, with these settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def main(*arguments: str, **environment: str) -> Said:
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setattr(sys, "argv", ["tapereader", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Said(ended.value.code or 0, *capsys.readouterr())

    return main


def process(
    command: Sequence[str | Path], folder: Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_help_names_every_command_and_an_example(run: Run) -> None:
    """What a newcomer reads first; without any argument it is the same, and an error."""
    said = run("--help")
    assert said.status == 0
    assert "Try it: tapereader demo" in said.out
    listed = re.findall(r"^  ([a-z-]+)  +\S", said.out.partition("Commands:")[2], re.MULTILINE)
    assert set(listed) == {names[0] for names in COMMANDS}
    for group, commands in GROUPS.items():
        made = {
            c.name or getattr(c.callback, "__name__", "")
            for c in commands.registered_commands
            if not c.hidden
        }
        assert made == {names[1] for names in COMMANDS if len(names) > 1 and names[0] == group}
    bare = run()
    assert bare.status == 2
    assert "Try it: tapereader demo" in bare.out + bare.error


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_each_command_has_an_example_of_itself(run: Run, names: tuple[str, ...]) -> None:
    """That it would take: each option of it is one the command has."""
    said = run(*names, "--help")
    assert said.status == 0
    text = " ".join(said.out.split())
    _, found, examples = text.partition("Example")
    assert found
    assert f"tapereader {' '.join(names)}" in examples
    assert set(re.findall(r"--[a-z-]+", examples)) <= set(
        re.findall(r"--[a-z-]+", text[: -len(examples)])
    )
    assert "--lifeline" not in text  # for our own processes


def test_a_report_that_could_not_be_written_is_refused_first(run: Run) -> None:
    """Before minutes are spent on it."""
    said = run("bench", "windows", "--json", "nowhere/out.json")
    assert (said.status, said.out) == (2, "")
    assert said.error == "tapereader: --json nowhere/out.json: its folder does not exist\n"


@pytest.mark.parametrize("role", [("collect", "run"), ("streams",), ("agent",)])
def test_each_role_can_be_named(run: Run, role: tuple[str, ...]) -> None:
    """Two of a kind on one machine need it."""
    assert "--instance" in run(*role, "--help").out


def test_the_version_is_the_installed_one(tmp_path: Path) -> None:
    """As a process, from the command and from the module."""
    script = Path(sys.executable).parent / "tapereader"
    for command in ([script], COMMAND):
        told = process([*command, "--version"], tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", told.stdout)


@pytest.mark.parametrize("role", [("collect", "x"), ("streams",), ("agent",), ("watch",)])
def test_a_bad_setting_is_refused_by_its_key_before_anything_starts(
    run: Run, role: tuple[str, ...]
) -> None:
    """With its value and what is allowed; every one of them, not only the first."""
    said = run(*role, TAPEREADER_BROKER__PARTITIONS="0", TAPEREADER_LOG__LEVEL="loud")
    assert (said.status, said.out) == (2, "")
    assert said.error.splitlines() == [
        "tapereader: settings refused:",
        "  broker.partitions = '0': Input should be greater than or equal to 1",
        "  log.level = 'loud': String should match pattern '^(debug|info|warning|error)$'",
    ]


def test_a_bad_setting_of_a_process_shows_no_traceback(tmp_path: Path) -> None:
    """And the command line's own wins over what was set."""
    told = process([*COMMAND, "streams"], tmp_path, TAPEREADER_PROBES__PORT="x")
    assert (told.returncode, told.stdout) == (2, "")
    assert "probes.port = 'x': Input should be a valid integer" in told.stderr
    assert "Traceback" not in told.stderr
    told = process([*COMMAND, "agent", "--instance", "A b"], tmp_path, TAPEREADER_INSTANCE="fine")
    assert told.returncode == 2
    assert "instance = 'A b': " in told.stderr


def test_a_source_nobody_described_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """Before any is started; as a process, because a role's logs are the process's own."""
    sources = json.dumps({"market": {"type": "synthetic"}, "other": {"type": "synthetic"}})
    command = [*COMMAND, "collect", "market", "nobody"]
    told = process(command, tmp_path, TAPEREADER_COLLECT__SOURCES=sources)
    assert told.returncode == 2
    assert told.stderr == (
        "tapereader: collect.sources: no source named nobody; configured: market, other\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("topics", "nonsense"), "No such command 'nonsense'"),
        (("collect", "run"), "Missing argument"),
        (("streams", "--nonsense"), "No such option"),
        (("streams", "nonsense"), "No such command 'nonsense'"),
        (("streams", "rebuild"), "Missing option '--epoch'"),
        (("streams", "rebuild", "--epoch", "0"), "greater than or equal to 1"),
        (
            ("streams", "--instance", "a", "rebuild", "--epoch", "1"),
            "options go behind the command: tapereader streams rebuild",
        ),
        (("replay",), "Missing option '--into'"),
        (("replay", "--into", "tapereader."), "that is the prefix it is copied from"),
        (("replay", "--into", "x.", "--speed", "-1"), "--speed -1: a number above 0"),
        (("replay", "--into", "x.", "--kind", "odd"), "--kind odd: one of market, volume"),
        (("replay", "--into", "x.", "--from", "2026-01-01"), "ISO 8601 with a zone"),
        (("replay", "--into", "x.", "--from", "2", "--to", "1"), "the range is empty"),
        (("replay", "--into", "x y"), "--into 'x y': "),
        (("replay", "--into", "x.", "--analyses", "loose"), "--analyses loose: strict is"),
        (("replay", "--into", "x.", "--analyses", "strict", "--fold"), "are of raw topics"),
        (("replay", "--into", "x.", "--analyses", "strict", "--kind", "market"), "are of raw"),
        (("replay", "--into", "x.", "--analyses", "strict", "--speed", "2"), "are of raw topics"),
        (("breaker", "open", "breaker/*"), "Missing option '--reason'"),
        (("breaker", "open", "x", "--reason", "r", "--actor", "a"), "'x' names no breaker"),
        (("breaker", "close", "quality/x", "--reason", "", "--actor", "a"), "no such order"),
        (("budget", "set", "day/all/usd", "5", "--reason", ""), "no such act can be written"),
        (("budget", "set", "day/all/usd", "5"), "Missing option '--reason'"),
        (("cache", "show"), "agent.cache.redis_url: not set"),
        (("cache", "clear"), "agent.cache.redis_url: not set"),
        (("cache", "drop", "x:y"), "'x:y' is no key: PROMPT:SCHEMA:MODEL:DIGEST"),
        (("audit", "--kind", "weather"), "--kind weather: one of market, volume, social"),
        (("audit", "--partition", "12"), "broker.partitions is 12, so 0 to 11"),
        (("audit", "--sample", "-1"), "greater than or equal to 0"),
        (("evaluate", "--from", "yesterday"), "--from yesterday: give ISO 8601 with a zone"),
        (("evaluate", "--from", "2", "--to", "1"), "the range is empty"),
        (("evaluate", "narratives", "--product", "odd"), "--product odd: one of state, deep_dive"),
        (("evaluate", "--cutoff", "some-model"), "--cutoff some-model: give MODEL=YYYY-MM"),
        (("evaluate", "--cutoff", "m=2026-13"), "--cutoff '2026-13': a month is needed"),
        (("evaluate", "--report", "nowhere/r.html"), "nowhere/r.html: its folder does not exist"),
        (("evaluate", "batch", "--scope", "Ours"), "--scope Ours: small letters, digits"),
        (("evaluate", "batch", "--prompt", "none.md"), "does not exist"),
        (("evaluate", "batch"), "agent.budget.redis_url: needed"),
        (("evaluate", "batch", "--wait-h", "-1"), "--wait-h"),
        (
            ("evaluate", "--json", "x.json", "narratives"),
            "options go behind the command: tapereader evaluate narratives",
        ),
        (("demo", "--seconds", "-1"), "greater than or equal to 0"),
        (("demo", "--model", "oracle"), "--model oracle: one of rules, simulated"),
        (("fake-claude", "--port", "70000"), "less than or equal to 65535"),
        (("fake-claude", "--script", "missing.json"), "does not exist"),
    ],
)
def test_a_wrong_word_on_the_line_is_refused(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    """With status 2, by name, and with what there is."""
    said = run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert words in " ".join(said.error.split())


def test_a_script_that_cannot_be_played_is_named_by_its_step(run: Run, tmp_path: Path) -> None:
    """The fake ends before it has said that it is up."""
    script = tmp_path / "script.json"
    script.write_text('[{"fault": "hunger", "requests": [1, 1]}]')
    said = run("fake-claude", "--script", str(script))
    assert (said.status, said.out) == (2, "")
    assert said.error.startswith(f"tapereader: --script {script}: step 1: key 'fault': ")


def test_the_settings_in_force_are_printed_without_secrets(run: Run, tmp_path: Path) -> None:
    """From the environment, a secret file and the SDK's own key; as JSON that says what holds."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "tapereader_broker__password").write_text(f"{SECRET}-file\n")
    (tmp_path / "tapereader.toml").write_text("[streams]\nsubjects_max = 77\n")
    said = run(
        "settings",
        TAPEREADER_SECRETS_DIR=str(secrets),
        TAPEREADER_AGENT__MODEL__API_KEY=f"{SECRET}-environment",
        ANTHROPIC_API_KEY=f"{SECRET}-sdk",
        TAPEREADER_AGENT__BUDGET__REDIS_URL=f"redis://user:{SECRET}@127.0.0.1/3",
        TAPEREADER_BROKER__PARTITIONS="5",
    )
    assert said.status == 0, said.error
    assert SECRET not in said.out + said.error
    told = json.loads(said.out)
    assert told["broker"]["partitions"] == 5
    assert told["broker"]["password"] == told["agent"]["model"]["api_key"] == "*" * 10
    assert told["agent"]["budget"]["redis_url"] == "redis://***@127.0.0.1/3"
    assert told["streams"]["subjects_max"] == 77


@pytest.mark.parametrize("key", ["TAPEREADER_AGENT__MODEL__API_KEY", "ANTHROPIC_API_KEY"])
def test_a_key_that_is_refused_is_not_shown(run: Run, key: str) -> None:
    """It may be the right one with a blank too many."""
    said = run("settings", **{key: f"{SECRET} x"})
    assert said.status == 2
    assert SECRET not in said.out + said.error
    assert "= ***: a key is one word" in said.error


def test_a_secret_file_that_names_nothing_is_refused_without_what_is_in_it(
    run: Run, tmp_path: Path
) -> None:
    """A typing error would leave the secret unused."""
    (tmp_path / "tapereader_agent__model__apikey").write_text(SECRET)
    said = run("settings", TAPEREADER_SECRETS_DIR=str(tmp_path))
    assert said.status == 2
    assert "tapereader_agent__model__apikey: no such setting" in said.error
    assert SECRET not in said.error


def test_the_topics_are_listed_under_the_prefix(run: Run) -> None:
    """Each with who writes and reads it, its key and how long it is kept; no broker is asked."""
    said = run("topics", "list", TAPEREADER_BROKER__PREFIX="mine.")
    assert said.status == 0
    heads = [line.split() for line in said.out.splitlines() if not line.startswith(" ")]
    assert [head[0] for head in heads] == [f"mine.{topic.name}" for topic in TOPICS]
    assert all("->" in head for head in heads)
    for topic in TOPICS:
        assert topic.summary in said.out
        assert f"Key: {topic.key}. Kept: {topic.cleanup}" in said.out
    assert "Key: asset. Kept: delete, 30 days." in said.out
    assert {f"mine.raw.{kind}" for kind in KINDS} <= {head[0] for head in heads}


def test_a_schema_is_printed_as_it_is_kept_in_the_contracts(run: Run) -> None:
    """One event's, or the document of everything: byte by byte, fit for a file."""
    files = render()
    assert run("topics", "schema").out == files["asyncapi.json"]
    said = run("topics", "schema", "gap.filled")
    assert (said.status, said.error) == (0, "")
    assert said.out == files["schemas/gap.filled.json"]
    assert json.loads(said.out)


@pytest.mark.parametrize("event", ["nonsense", "", "../asyncapi", "schemas/trade"])
def test_an_event_nobody_knows_is_refused_with_those_there_are(run: Run, event: str) -> None:
    """All tags, in order."""
    said = run("topics", "schema", event)
    assert (said.status, said.out) == (2, "")
    tags = sorted({tag for topic in TOPICS for tag in topic.tags})
    head, _, listed = said.error.strip().partition("; there are: ")
    assert head == f"tapereader: no event {event!r}"
    assert set(tags) <= set(listed.split(", "))
    assert listed.split(", ") == sorted(listed.split(", "))


@pytest.mark.parametrize("package", ["agents", "streams", "topics"])
def test_another_package_of_our_name_is_refused(tmp_path: Path, package: str) -> None:
    """Found first, it would stand for ours: named, with where it is, before anything of it is used."""
    _intruder(tmp_path, package)
    told = process([sys.executable, "-m", "deploy", "settings"], tmp_path)
    assert (told.returncode, told.stdout) == (2, "")
    words = f"tapereader: the package {package!r} comes from {tmp_path.resolve()} "
    assert told.stderr.startswith(words)
    assert "an environment of its own" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_of_our_name_where_the_user_stands_is_harmless(tmp_path: Path) -> None:
    """To the command, which does not look there, and to a namespace, which comes last."""
    _intruder(tmp_path, "agents")
    script = Path(sys.executable).parent / "tapereader"
    for command in ([script], COMMAND):
        assert process([*command, "settings"], tmp_path).returncode == 0
    (tmp_path / "agents" / "__init__.py").unlink()
    assert process([sys.executable, "-m", "deploy", "settings"], tmp_path).returncode == 0


def _intruder(folder: Path, package: str) -> None:
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("raise RuntimeError('run')\n")


def test_who_orders_is_told_or_the_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container's user may have no name, and then somebody has to say it."""
    assert actor_of("alice") == "alice"
    for key in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("USER", "bob")
    assert actor_of("") == "bob"
    monkeypatch.delenv("USER")
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_000)
    with pytest.raises(SystemExit, match="2"):
        actor_of("")
    assert "--actor: who says so?" in capsys.readouterr().err


def test_sources_are_listed_and_checked_without_a_broker(run: Run) -> None:
    """What is configured is told; that nobody can say how it runs is told too."""
    entry = {"TAPEREADER_COLLECT__SOURCES": '{"sim": {"type": "synthetic", "hours": 0.1}}'}
    nowhere = {"TAPEREADER_BROKER__BOOTSTRAP": "127.0.0.1:1"}
    said = run("collect", "check", "sim", "--live", "--seconds", "20", **entry, **nowhere)
    assert said.status == 0
    assert "sim: synthetic, market, volume, social, development" in said.out
    assert "no Kafka broker answers at 127.0.0.1:1" in said.out
    assert "sim/market\n  connected after" in said.out
    said = run("collect", "check", "other", **entry, **nowhere)
    assert (said.status, said.error) == (
        2,
        "tapereader: collect.sources: no source named other; configured: sim\n",
    )


def test_a_venue_that_is_not_there_is_said_not_to_be(run: Run) -> None:
    """With exit 1, for scripts."""
    venue = '{"live": {"type": "exchange", "venue": "binance", "symbols": ["BTC/USDT"], "url": "ws://127.0.0.1:1/stream"}}'
    said = run(
        *("collect", "check", "live", "--live", "--seconds", "3"),
        TAPEREADER_COLLECT__SOURCES=venue,
        TAPEREADER_BROKER__BOOTSTRAP="127.0.0.1:1",
    )
    assert said.status == 1
    assert "live/market\n  nothing answered\n  failed" in said.out


def test_a_source_is_not_named_like_a_command(run: Run) -> None:
    """`tapereader collect list` must mean one thing."""
    said = run("settings", TAPEREADER_COLLECT__SOURCES='{"list": {"type": "synthetic"}}')
    assert said.status == 2
    assert "list is a command of tapereader collect: take another name" in said.error
