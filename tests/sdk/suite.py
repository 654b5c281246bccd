"""The SDK's own tests, out of its sdist, in a throw-away environment that has what they need."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct

from tests.servers.requirement import UnavailableError

SDIST = "TAPEREADER_SDK_SDIST"
"""Names the sdist, where it need not or cannot be downloaded."""
FETCH_S = 300
RUN_S = 300
LOCK = Path(__file__).with_name("requirements.lock")
FILES = (
    "tests/api_resources/test_messages.py",
    "tests/api_resources/messages/test_batches.py",
    "tests/api_resources/test_models.py",
)

_PINNED = re.compile(r"^anthropic==(\S+)((?:.*\\\n)+.*)", re.MULTILINE)
_FOREIGN = ("ANTHROPIC_", "AWS_", "PYTHON", "PYTEST_", "VIRTUAL_ENV")


class Tally(Struct, frozen=True):
    """How a run of the tests went."""

    passed: int
    failed: int
    skipped: int
    log: str


class Suite:
    """The tests, unpacked, with an interpreter that can run them."""

    def __init__(self, folder: Path) -> None:
        """Build the environment in ``folder``, find the sdist and unpack it.

        Raises:
            UnavailableError: One of them cannot be had here; the message says what was tried.
        """
        self._python = _environment(folder)
        self._tests = _unpacked(_sdist(self._python, folder), folder)

    def tested_sdk(self) -> str:
        """Return where the SDK that is tested lies, and its version."""
        code = "import anthropic; print(anthropic.__file__, anthropic.__version__)"
        return self._run([self._python, "-c", code], {}).stdout.strip()

    def run(self, base_url: str, *files: str) -> Tally:
        """Run the tests of these files, of all by default, against a server."""
        report = self._tests / "report.xml"
        command = [
            self._python, "-m", "pytest", "--quiet", "--no-header", "-p", "no:cacheprovider", "-n", "2",
            f"--junitxml={report}", *(files or FILES),
        ]  # fmt: skip
        done = self._run(command, {"TEST_API_BASE_URL": base_url})
        if not report.exists():
            message = f"the SDK's tests did not run:\n{done.stdout}{done.stderr}"
            raise AssertionError(message)
        counts = ET.parse(report).getroot()[0].attrib  # noqa: S314  # written by our own pytest
        failed = int(counts["failures"]) + int(counts["errors"])
        skipped = int(counts["skipped"])
        return Tally(int(counts["tests"]) - failed - skipped, failed, skipped, done.stdout)

    def _run(self, command: list[str], extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own interpreter
            command, cwd=self._tests, env=_environ() | extra, capture_output=True, text=True, timeout=RUN_S, check=False,
        )  # fmt: skip


def locked() -> tuple[str, str]:
    """Return the version of the SDK the lock pins, and the text of its hashes."""
    found = _PINNED.search(LOCK.read_text())
    assert found is not None, f"{LOCK} does not pin anthropic"
    return found[1], found[2]


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def _environment(folder: Path) -> str:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        message = "no uv beside this interpreter or on the path"
        raise UnavailableError(message)
    venv = folder / "venv"
    python = str(venv / "bin" / "python")
    _fetch([uv, "venv", "--quiet", "--python", sys.executable, str(venv)])
    _fetch([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(LOCK)])
    return python


def _sdist(python: str, folder: Path) -> Path:
    pinned, hashes = locked()
    if given := os.environ.get(SDIST):
        path = Path(given)
        if not path.is_file():
            message = f"{SDIST} names {given}, which is no file"
            raise UnavailableError(message)
    else:
        # Its build backend is in the lock, so nothing that is not locked runs.
        _fetch(
            [
                python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                "--no-build-isolation", "--dest", str(folder), f"anthropic=={pinned}",
            ]
        )  # fmt: skip
        path = folder / f"anthropic-{pinned}.tar.gz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"sha256:{digest}" in hashes, f"{path} is not the anthropic {pinned} of the lock"
    return path


def _fetch(command: list[str]) -> None:
    try:
        subprocess.run(  # noqa: S603  # our own tools
            command, env=_environ(), capture_output=True, text=True, timeout=FETCH_S, check=True
        )
    except subprocess.CalledProcessError as error:
        message = f"{' '.join(command[:4])} failed:\n{error.stderr[-2_000:]}"
        raise UnavailableError(message) from None
    except subprocess.TimeoutExpired:
        message = f"{' '.join(command[:4])} took longer than {FETCH_S} s"
        raise UnavailableError(message) from None


def _unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    tests = folder / f"anthropic-{version('anthropic')}"
    (tests / "src").rename(tests / "src-aside")  # or it would be tested instead of the wheel
    return tests
