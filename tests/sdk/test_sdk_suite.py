"""The SDK's own tests against the fake: they prove the shapes of its answers, under the SDK's strict validation.

They prove no more: a fake that forgot the first event of a stream, or took ``temperature``, passes them. What they
cannot see is tested beside the fake.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.servers.requirement import obtain

from .fake_process import MUTANTS
from .suite import FILES, Suite, locked

PASSED_MIN = 200
"""236 in version 2.12.0; far fewer would mean that they were not found."""
MUTANT_FAILURES_MIN = 10


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The tests, built once."""
    folder = tmp_path_factory.mktemp("sdk")
    return obtain("sdk", lambda: Suite(folder), os.environ)


@contextmanager
def running(*mutant: str) -> Iterator[str]:
    """Run the fake in a process and yield its base URL."""
    process = subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-m", "tests.sdk.fake_process", *mutant],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), "the fake did not start"
            yield url
        finally:
            process.terminate()


def test_the_locks_agree_on_the_sdk() -> None:
    """The tests must be those of the version we ship: renew tests/sdk/requirements.lock with the others."""
    assert locked()[0] == version("anthropic")


@pytest.mark.sdk
def test_the_sdks_own_tests_pass_against_the_fake(
    suite: Suite, record_property: Callable[[str, object], None]
) -> None:
    """All of them, of the installed wheel."""
    tested = suite.tested_sdk()
    assert "site-packages" in tested
    assert tested.endswith(version("anthropic"))
    with running() as url:
        tally = suite.run(url)
    record_property("passed", tally.passed)
    assert tally.failed == 0, tally.log
    assert tally.passed >= PASSED_MIN, tally.log


@pytest.mark.sdk
@pytest.mark.parametrize(
    ("mutant", "files"),
    [
        ("missing_output_tokens", FILES[0]),
        pytest.param("unknown_stop_reason", FILES[0], marks=pytest.mark.nightly),
        pytest.param("missing_created_at", FILES[1], marks=pytest.mark.nightly),
    ],
)
def test_the_sdks_own_tests_notice_a_spoilt_answer(suite: Suite, mutant: str, files: str) -> None:
    """Or their passing would say nothing."""
    assert mutant in MUTANTS
    with running(mutant) as url:
        tally = suite.run(url, files)
    assert tally.failed >= MUTANT_FAILURES_MIN, tally.log
