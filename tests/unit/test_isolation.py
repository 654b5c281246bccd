"""A test run touches loopback and its own part of the environment, and a machine holds that."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.isolation import NetworkBannedError, NetworkGuard, is_local, refusal, strip_environment

ROOT = Path(__file__).parents[2]


def test_keys_and_settings_of_the_person_are_removed() -> None:
    """What is meant for the tests stays, and so does what is nobody's secret."""
    environ = {
        "ANTHROPIC_API_KEY": "1",
        "AWS_SECRET_ACCESS_KEY": "2",
        "TAPEREADER_BROKER__BOOTSTRAP": "3",
        "TAPEREADER_TEST_KAFKA": "4",
        "TAPEREADER_REQUIRE": "5",
        "TAPEREADER_SDK_SDIST": "6",
        "PATH": "7",
    }
    strip_environment(environ)
    assert list(environ.values()) == ["4", "5", "6", "7"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", b"localhost", "", None],
)
def test_loopback_is_local(host: object) -> None:
    """By address, by name, in both families."""
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    ["192.0.2.1", "10.0.0.1", "::", "2001:db8::1", "::ffff:192.0.2.1", "example.com", 1],
)
def test_all_else_is_not_local(host: object) -> None:
    """A private address neither, nor what means every address."""
    assert not is_local(host)


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("192.0.2.1", 443)),
        (socket.AF_INET, ("example.com", 443)),
        (socket.AF_INET6, ("2001:db8::1", 443, 0, 0)),
    ],
)
@pytest.mark.parametrize("event", ["socket.connect", "socket.sendto", "socket.sendmsg"])
def test_reaching_outside_is_refused(
    event: str, family: socket.AddressFamily, address: tuple[object, ...]
) -> None:
    """Connected or not, in both families; the refusal names the address."""
    with socket.socket(family) as connection:
        reason = refusal(event, (connection, address))
    assert reason == f"{event} to {address[0]}:443"


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("127.0.0.1", 9092)),
        (socket.AF_INET6, ("::1", 9092, 0, 0)),
        (socket.AF_UNIX, "/run/docker.sock"),
        (socket.AF_INET, None),
    ],
)
def test_staying_inside_is_not(family: socket.AddressFamily, address: object) -> None:
    """Loopback, paths, and messages on a socket that is connected already."""
    with socket.socket(family) as connection:
        assert refusal("socket.sendmsg", (connection, address)) is None


def test_looking_a_name_up_is_refused() -> None:
    """A question to a name server leaves the machine as well; an address needs none."""
    assert refusal("socket.getaddrinfo", ("example.com", 80, 0, 0, 0)) is not None
    assert refusal("socket.gethostbyname", ("example.com",)) is not None
    assert refusal("socket.getaddrinfo", ("localhost", 80, 0, 0, 0)) is None
    assert refusal("socket.getaddrinfo", ("0.0.0.0", 80, 0, 0, 0)) is None  # noqa: S104  # Not bound.


def test_the_guard_remembers_what_was_swallowed() -> None:
    """Code that goes on after a refusal does not hide it; each is told once."""
    guard = NetworkGuard()
    with pytest.raises(NetworkBannedError, match=r"gethostbyname of 'example\.com'"):
        guard.audit("socket.gethostbyname", ("example.com",))
    (refused,) = guard.take_refused()
    assert "example.com" in refused
    assert "test_isolation.py" in refused
    assert guard.take_refused() == []


OFFENDERS = """
import asyncio, os, socket, pytest

def test_connects():
    socket.create_connection(("192.0.2.1", 443), timeout=1)

def test_swallows():
    try:
        socket.getaddrinfo("example.com", 443)
    except Exception:
        pass

async def test_awaits():
    with pytest.raises(Exception):
        await asyncio.open_connection("192.0.2.1", 443)

def test_stays():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert "ANTHROPIC_API_KEY" not in os.environ
"""


def test_a_test_that_reaches_outside_fails(tmp_path: Path) -> None:
    """In a run of its own: two are caught although they swallow the refusal, and the good one passes."""
    (tmp_path / "test_offenders.py").write_text(OFFENDERS)
    done = subprocess.run(  # noqa: S603  # This interpreter, our script.
        [
            sys.executable,
            *("-m", "pytest", "-p", "tests.conftest", "-o", "asyncio_mode=auto"),
            *("-o", "asyncio_default_fixture_loop_scope=function", "-c", "/dev/null", "-ra"),
            *("--rootdir", str(tmp_path), str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "ANTHROPIC_API_KEY": "a person's"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    outcomes = set(re.findall(r"^(ERROR|FAILED) .*::(\w+)", done.stdout, re.MULTILINE))
    assert outcomes == {
        ("FAILED", "test_connects"),
        ("ERROR", "test_connects"),
        ("ERROR", "test_swallows"),
        ("ERROR", "test_awaits"),
    }
    assert "3 passed" in done.stdout
    assert "the test reached outside this machine" in done.stdout
    assert "socket.connect to 192.0.2.1:443" in done.stdout


def test_a_misspelt_requirement_stops_the_run(tmp_path: Path) -> None:
    """A run that would silently skip what it promised does not begin."""
    (tmp_path / "test_good.py").write_text("def test_good(): pass\n")
    done = subprocess.run(  # noqa: S603  # This interpreter, our script.
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", "/dev/null", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "TAPEREADER_REQUIRE": "kafak"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "ERROR: TAPEREADER_REQUIRE names ['kafak']" in done.stderr
