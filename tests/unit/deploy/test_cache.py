"""What an operator asks of the cache, on a real Redis."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from agents.cache.key import Key
from agents.cache.levels import Found
from agents.cache.narratives import Absent, Made, NarrativeCache
from agents.cache.store import Store
from agents.settings import CacheSettings
from deploy import cli
from deploy.commands import cache as commands
from tests.servers import SharedRedis
from tests.unit.agents.cache.caches import Maker, fit, place

pytestmark = pytest.mark.integration

KEY = Key("state-1", "1", "llama3:8b", "9f2c")
SECRET = "not-for-anybodys-eyes"  # noqa: S105 - nobody's


class Said(NamedTuple):
    status: object
    out: str
    error: str


Run = Callable[..., Said]
Ask = Callable[[], object]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    redis_server: SharedRedis,
    topic_prefix: str,
) -> Run:
    """Run the command with a cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEREADER_AGENT__CACHE__REDIS_URL", redis_server.url)
    monkeypatch.setenv("TAPEREADER_BROKER__PREFIX", topic_prefix)

    def main(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["tapereader", "cache", *arguments])
        try:
            cli.main()
        except SystemExit as ended:
            return Said(ended.code or 0, *capsys.readouterr())
        return Said(0, *capsys.readouterr())

    return main


@pytest.fixture
def ask(redis_server: SharedRedis, topic_prefix: str) -> Ask:
    """Ask as an agent that has just started."""

    async def asked() -> object:
        store = Store(redis_server.url, prefix=topic_prefix, call_s=5.0)
        made = NarrativeCache(
            CacheSettings(), store, prefix=topic_prefix, now_ms=lambda: time.time_ns() // 1_000_000
        )
        try:
            return await made.get(KEY, fit, Maker(), until_s=time.monotonic() + 20)
        finally:
            await made.close()

    return lambda: asyncio.run(asked())


def test_what_is_kept_is_shown(
    run: Run, ask: Ask, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """All of it by its keys, and one with its age and text; what was planted moves no cursor."""
    assert "; 0 narratives are kept" in run("show").out
    assert ask() == Made(1)
    said = run("show")
    assert (said.status, said.error) == (0, "")
    assert "; 1 narratives are kept" in said.out
    assert f"kept: {KEY.word}\n" in said.out
    assert "the cache's Redis has no maxmemory" in said.out
    age, text = run("show", KEY.word).out.splitlines()
    assert age.endswith(" min old")
    assert text == "fine 1"
    assert "nothing is kept under state-1:1:m:none" in run("show", "state-1:1:m:none").out
    with Redis.from_url(redis_server.url) as client:
        name = place(client, topic_prefix, KEY)
        client.set(name, "\x1b[2J")
        client.set(f"{name}\x1b[2J", "x")
    assert "cannot be read: cut_off" in run("show", KEY.word).out
    assert "\x1b" not in run("show").out


def test_more_is_counted_than_shown(
    run: Run, redis_server: SharedRedis, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not all is counted where there is very much."""
    run("show")
    with Redis.from_url(redis_server.url) as client:
        for number in range(5):
            client.set(f"{place(client, topic_prefix, KEY)}{number}", "x")
    monkeypatch.setattr(commands, "SHOWN_MAX", 2)
    out = run("show").out
    assert (out.count("kept: "), "... and 3 more" in out, "at least" in out) == (2, True, False)
    monkeypatch.setattr(commands, "COUNTED_MAX", 4)
    assert "at least 4 narratives" in run("show").out


def test_a_key_that_is_dropped_is_said_no_more(run: Run, ask: Ask) -> None:
    """As long as a value of before may be kept anywhere; the drop is shown."""
    ask()
    said = run("drop", KEY.word)
    assert (said.status, said.error) == (0, "")
    minutes = (3_600 * 1.1 + 21_600 + 600) / 60
    assert said.out == (
        f"dropped: {KEY.word}, for {minutes:.0f} min; every agent heeds it within 5 s\n"
    )
    assert ask() == Absent("tombstoned")
    assert f"dropped: {KEY.word}, for {minutes:.0f} min\n" in run("show").out
    assert f"dropped, for {minutes:.0f} min\n" in run("show", KEY.word).out


def test_the_kill_switch_leaves_nothing_to_say(run: Run, ask: Ask) -> None:
    """Whoever asks next makes it anew."""
    ask()
    assert isinstance(ask(), Found)
    said = run("clear")
    assert (said.status, said.error) == (0, "")
    assert said.out.startswith("cleared: epoch ")
    assert ask() == Made(1)


def test_no_more_is_dropped_than_may_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator is told what else there is."""
    monkeypatch.setattr("agents.cache.store.TOMBSTONES_MAX", 1)
    assert run("drop", "p:1:m:one").status == 0
    said = run("drop", "p:1:m:two")
    assert (said.status, said.out) == (2, "")
    assert "`tapereader cache clear` drops all" in said.error


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"redis://:{SECRET}@127.0.0.1:1/0", "127.0.0.1"),
        (f"redis+cluster://:{SECRET}@127.0.0.1:1", "127.0.0.1"),
        (f"redis://:{SECRET}/x@127.0.0.1:1/0", "agent.cache.redis_url: an address of Redis is"),
    ],
)
def test_a_redis_that_is_none_is_told_in_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    """Without what is secret in its address."""
    monkeypatch.setenv("TAPEREADER_AGENT__CACHE__REDIS_URL", url)
    for arguments in (("show",), ("clear",), ("drop", KEY.word)):
        said = run(*arguments)
        assert (said.status, said.out) == (2, "")
        assert words in said.error
        assert SECRET not in said.error
