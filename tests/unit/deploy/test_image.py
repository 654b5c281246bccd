"""The image: what goes in, whom it runs as, and the two small programs in it."""

import asyncio
import os
import re
import socket
import stat
import sys
from pathlib import Path

from deploy.probes import serving_probes

TOP = Path(__file__).parents[3]
FOLDER = TOP / "deploy" / "docker"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
IGNORED = [
    line
    for line in (TOP / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]
PROBE = FOLDER / "probe.py"


async def ran(*command: str | Path, **environment: str) -> tuple[int, str]:
    """Run a program with this environment and no other, and return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_the_image_runs_as_a_fixed_number_and_not_as_root() -> None:
    """The last word on users, after everything that needs root."""
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE) == ["10001:10001"]
    behind = final.partition("\nUSER ")[2]
    assert not re.search(r"^(RUN|COPY|ADD) ", behind, re.MULTILINE)


def test_nothing_is_installed_that_has_no_hash() -> None:
    """Every installation is held to a lock, or is of the wheel that was just built."""
    commands = re.findall(r"^RUN ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    steps = [step for command in commands for step in re.split(r"&&", command.replace("\\\n", ""))]
    fetching = [step for step in steps if re.search(r"pip (install|sync)|uv build", step)]
    assert len(fetching) == 4
    for step in fetching:
        assert "--require-hashes" in step or ("--no-deps" in step and "/wheel/" in step)
    assert "http" not in DOCKERFILE
    assert not re.search(
        r"^ADD |(ENV|ARG) \w*(KEY|TOKEN|SECRET|PASSWORD)", DOCKERFILE, re.MULTILINE
    )


def test_the_build_sees_only_what_it_is_given() -> None:
    """First nothing, then by name: a file of keys in the checkout never reaches a layer."""
    assert IGNORED[0] == "*"
    let_in = {line[1:] for line in IGNORED if line.startswith("!")}
    given: set[str] = set()
    for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = [word for word in words.split() if not word.startswith("--")]
        given |= {source.rstrip("*") for source in sources}
    assert given - {"deploy/docker/probe.py"} == {name for name in let_in if "/" not in name} | {
        f"requirements/{name}.lock" for name in ("bootstrap", "runtime", "dev")
    }
    assert IGNORED.index("deploy/docker/*") < IGNORED.index("!deploy/docker/probe.py")


def test_the_probe_can_be_run() -> None:
    """The image takes the mode from the checkout."""
    assert PROBE.stat().st_mode & stat.S_IXOTH
    assert PROBE.read_text().startswith("#!")


async def test_the_probe_says_what_the_role_says() -> None:
    """0: all is well; 1: it is not, and why; and the page itself, for people."""
    why_not: str | None = "no partitions yet"
    async with serving_probes("127.0.0.1", 0, lambda: why_not) as port:
        here = {"TAPEREADER_PROBES__PORT": str(port)}
        assert await ran(sys.executable, PROBE, **here) == (0, "ok\n")
        assert await ran(sys.executable, PROBE, "readyz", **here) == (1, "no partitions yet\n")
        why_not = None
        assert await ran(sys.executable, PROBE, "readyz", **here) == (0, "ok\n")
        status, page = await ran(sys.executable, PROBE, "metrics", **here)
        assert status == 0
        assert "python_info" in page


async def test_the_probe_of_nobody_names_the_port() -> None:
    """An empty place is told from a role that is not ready."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = str(taken.getsockname()[1])
        status, said = await ran(sys.executable, PROBE, TAPEREADER_PROBES__PORT=port)
    assert status == 2
    assert port in said
