"""A role's life: alone under its name, ended by a signal or with its parent, and refused in plain words."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.reporting import Part
from deploy.role import LIFELINE_S, only_instance, run_role
from deploy.settings import Settings, environment_of, load
from tests.servers import SharedKafka
from topics import PipelineError, SettingsError, TopicsError
from topics.broker import apply_topics

PATIENCE_S = 20.0
NOBODY = {"bootstrap": "127.0.0.1:1"}
ROLE = "from deploy.cli import main; main()"
IMPATIENT = f"import topics.broker; topics.broker._TIMEOUT_S = 0.5; {ROLE}"
"""The command, with less patience for a broker."""
HOLDER = """
import sys, time
from deploy.role import only_instance
from deploy.settings import load
with only_instance(load(), "streams"):
    print("held", flush=True)
    time.sleep(99)
"""
DEAF = """
import asyncio, os, sys
from deploy import role
role.LIFELINE_S = float(sys.argv[2])
async def work():
    async with role.ending(asyncio.Event(), int(sys.argv[1])):
        print("up", flush=True)
        await asyncio.sleep(99)  # it does not look whether to stop
asyncio.run(work())
"""
HANGS = """
import threading, time
from deploy import logs
from deploy.role import end_within
from deploy.settings import load
logs.configure(load().log, role="streams", instance="a")
threading.Thread(target=time.sleep, args=(99,)).start()  # the interpreter would wait for it
end_within(0.2)
time.sleep(99)  # and this blocks the loop
"""
NOHUP = """
import asyncio, os, signal
from deploy.role import ending
async def work():
    stop = asyncio.Event()
    async with ending(stop, None):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.2)
        print(stop.is_set())
asyncio.run(work())
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, Any]:
    """The settings of a role that nobody else on this machine has."""
    return {"instance": "a", "state_dir": str(tmp_path), "broker": NOBODY, "probes": {"port": 0}}


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a program with these settings as its environment."""
    started: list[subprocess.Popen[str]] = []

    def begin(
        program: str,
        tree: dict[str, Any],
        *arguments: str,
        pass_fds: Sequence[int] = (),
        before: Sequence[str] = (),
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603 - a constant of this file
            [*before, sys.executable, "-P", "-c", program, *arguments],
            env=environment_of(tree, os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=pass_fds,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return a process's status and what it said on standard error."""
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def settings_of(tree: dict[str, Any]) -> Settings:
    return load(environment_of(tree, {}))


def test_a_process_whose_work_is_done_ends_though_a_library_hangs(
    tree: dict[str, Any], start: Start
) -> None:
    """With a blocked loop and a thread nobody ends; well, and it says so."""
    began_s = time.monotonic()
    status, said = outcome(start(HANGS, tree))
    assert status == 0
    assert "stopped" in said
    assert time.monotonic() - began_s < PATIENCE_S


async def idle(stop: asyncio.Event) -> None:
    """A role that does nothing until it is told to end."""
    await stop.wait()


async def run(settings: Settings, main: Any = idle, parts: Any = list) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await run_role("streams", settings, main, parts=parts, ready=lambda: None)


def test_a_name_is_held_by_one_process_at_a_time(tree: dict[str, Any], start: Start) -> None:
    """The second is told whose name it is, and what to do; a kill gives the name back."""
    holder = start(HOLDER, tree)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    settings = settings_of(tree)
    with pytest.raises(SettingsError) as refused, only_instance(settings, "streams"):
        pytest.fail("two of one name")
    told = str(refused.value)
    assert told.startswith("instance = 'a': another streams process of this name runs here (")
    assert "--instance NAME" in told
    holder.kill()
    holder.wait(PATIENCE_S)
    for _ in range(2):  # and the end of the context too
        with only_instance(settings, "streams"):
            pass


def test_other_names_do_not_stand_in_the_way(tree: dict[str, Any]) -> None:
    """Another role, another instance and another pipeline are others."""
    other = settings_of(tree | {"instance": "b"})
    elsewhere = settings_of(tree | {"broker": NOBODY | {"prefix": "else."}})
    settings = settings_of(tree)
    with (
        only_instance(settings, "streams"),
        only_instance(settings, "agent"),
        only_instance(other, "streams"),
        only_instance(elsewhere, "streams"),
        pytest.raises(SettingsError),
        only_instance(settings, "streams"),
    ):
        pytest.fail("two of one name")


def test_the_second_process_ends_with_a_sentence(tree: dict[str, Any], start: Start) -> None:
    """As an operator sees it."""
    with only_instance(settings_of(tree), "streams"):
        status, said = outcome(start(ROLE, tree, "streams"))
    assert status == 2
    assert said.startswith("tapereader: instance = 'a': another streams process")
    assert "Traceback" not in said


@pytest.mark.parametrize("where", ["{}/file", "{}/file/below", "~nobody-of-this-name/x"])
def test_a_state_dir_that_is_none_is_refused_by_its_key(
    tree: dict[str, Any], tmp_path: Path, where: str
) -> None:
    """Not by a number of the system alone, nor by a traceback."""
    (tmp_path / "file").touch()
    folder = where.format(tmp_path)
    settings = settings_of(tree | {"state_dir": folder})
    with (
        pytest.raises(SettingsError, match=f"^state_dir = '{folder}': [^[]+$"),
        only_instance(settings, "streams"),
    ):
        pytest.fail("held")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_role_that_waits_for_its_broker(
    tree: dict[str, Any], start: Start, number: signal.Signals
) -> None:
    """At once and cleanly: nobody waits until the broker has been given up."""
    role = start(ROLE, tree, "streams")
    lock = Path(tree["state_dir"]) / "tapereader.streams-a.lock"
    _until(lock.exists, role)
    time.sleep(0.2)  # from the lock to the wait
    begun_s = time.monotonic()
    role.send_signal(number)
    status, said = outcome(role)
    assert (status, time.monotonic() - begun_s < 3.0) == (0, True), said
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"


def test_under_nohup_the_end_of_the_terminal_is_not_the_end(
    tree: dict[str, Any], start: Start
) -> None:
    """Whoever asked for that meant it; without it a hangup ends a role."""
    for before, stopped in ((("/usr/bin/env", "nohup"), "False"), ((), "True")):
        process = start(NOHUP, tree, before=before)
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert out.strip() == stopped


def test_the_end_of_the_parent_is_the_end_of_the_role(tree: dict[str, Any], start: Start) -> None:
    """However the parent ended: its end of the pipe is closed."""
    lifeline, held = os.pipe()
    role = start(ROLE, tree, "fake-claude", "--lifeline", str(lifeline), pass_fds=(lifeline,))
    os.close(lifeline)
    assert role.stdout
    assert "base_url" in role.stdout.readline()
    assert role.poll() is None
    os.close(held)
    status, said = outcome(role)
    assert (status, said) == (0, "")


def test_a_role_that_does_not_end_softly_ends_hard(tree: dict[str, Any], start: Start) -> None:
    """A role that hangs must not outlive its parent either."""
    lifeline, held = os.pipe()
    role = start(DEAF, tree, str(lifeline), "0.3", pass_fds=(lifeline,))
    os.close(lifeline)
    assert role.stdout
    assert role.stdout.readline() == "up\n"
    os.close(held)
    begun_s = time.monotonic()
    assert outcome(role) == (1, "")
    assert 0.25 < time.monotonic() - begun_s < 3.0
    assert 0 < LIFELINE_S <= 5


def test_a_broker_nobody_hears_is_told_in_a_sentence(tree: dict[str, Any], start: Start) -> None:
    """Without a traceback, and with status 2."""
    status, said = outcome(start(IMPATIENT, tree, "streams"))
    assert status == 2
    assert said.splitlines()[-1].startswith("tapereader: no Kafka broker answered within")
    assert "Traceback" not in said


@pytest.fixture
def on_kafka(tree: dict[str, Any], kafka: SharedKafka, topic_prefix: str) -> dict[str, Any]:
    """The settings of a role on a broker without any of its topics."""
    broker = {"bootstrap": kafka.bootstrap, "prefix": topic_prefix, "partitions": 1}
    return tree | {"broker": broker}


@pytest.mark.integration
async def test_missing_topics_are_told_with_the_command_that_makes_them(
    on_kafka: dict[str, Any],
) -> None:
    """By name, before anything is read or served."""
    settings = settings_of(on_kafka)
    with pytest.raises(TopicsError) as refused:
        await run(settings, parts=lambda: pytest.fail("looked at"))
    told = str(refused.value)
    assert f"missing on {settings.broker.bootstrap}: " in told
    assert settings.broker.topic("raw.market") in told
    assert "`tapereader topics apply` creates them" in told


@pytest.mark.integration
async def test_a_role_lives_as_long_as_its_main(on_kafka: dict[str, Any]) -> None:
    """It ends by itself, by its own error, by a signal, and by a defect of its account of itself."""
    settings = settings_of(on_kafka)
    apply_topics(settings.broker)
    heard: list[str] = []

    async def ends(stop: asyncio.Event) -> None:
        assert not stop.is_set()
        heard.append("ended by itself")

    await run(settings, ends)

    async def fails(_: asyncio.Event) -> None:
        msg = "its own"
        raise PipelineError(msg)

    with pytest.raises(PipelineError, match="its own"):
        await run(settings, fails)

    async def is_told(stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        heard.append("told")

    await run(settings, is_told)

    async def hears(stop: asyncio.Event) -> None:
        await stop.wait()
        heard.append("reporter's defect")

    def wrong() -> list[Part]:
        msg = "wrong"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="wrong"):
        await run(settings, hears, wrong)
    assert heard == ["ended by itself", "told", "reporter's defect"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with only_instance(settings, "streams"):  # each gave its name back
        pass


@pytest.mark.integration
async def test_a_role_whose_probes_have_no_address_does_not_begin(
    on_kafka: dict[str, Any],
) -> None:
    """Nobody could see whether it is well."""
    settings = settings_of(on_kafka)
    apply_topics(settings.broker)
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    taken = settings_of(on_kafka | {"probes": {"port": port}})
    async with server:
        with pytest.raises(SettingsError, match=f"probes.port = {port}: Address already in use"):
            await run(taken, lambda _: pytest.fail("begun"))


def _until(holds: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert process.poll() is None
        assert time.monotonic() < give_up_s
        time.sleep(0.02)
