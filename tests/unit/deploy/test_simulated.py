"""The fake Claude as a command of its own: as somebody meets it who has read its page and nothing else."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.commands.fake_claude import EXAMPLES

HEADERS = {"x-api-key": "any", "anthropic-version": "2026-10-21"}
PATIENCE_S = 60.0
PAGE = Path(__file__).parents[3] / "docs" / "operating" / "fake-claude.md"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command with a script and a limit of three requests."""
    script = tmp_path / "script.json"
    script.write_text('[{"requests": [2, 2], "fault": "error", "status": 503}]')
    arguments = ("fake-claude", "--script", str(script), "--rpm", "3", "--seed", "5")
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "deploy", *arguments],
        cwd=PAGE.parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        yield running
        running.kill()


def send(url: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Send a request by the standard library alone; return status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=HEADERS)  # noqa: S310  # loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # the same
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_says_where_it_is_plays_its_script_and_ends_when_told(
    process: subprocess.Popen[str],
) -> None:
    """One line with its address; a fault, a limit and a bill; status 0 on SIGTERM."""
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["base_url"]
    asked = {
        "model": "claude-haiku-5-5",
        "max_tokens": 500,
        "messages": [{"role": "user", "content": "How was the hour?"}],
        "metadata": {"user_id": "attempt-7"},
    }
    statuses = [send(f"{url}/v1/messages", asked)[0] for _ in range(5)]
    assert statuses == [200, 503, 200, 200, 429]
    _, bill = send(f"{url}/_fake/bill?user_id=attempt-7")
    assert len(bill["entries"]) == 3
    assert all(entry["cost_nano_usd"] > 0 for entry in bill["entries"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0


def test_the_scripts_that_are_shown_can_be_played() -> None:
    """Those of the page and the one of the help: whoever copies one is not refused."""
    from agents.fake_claude.faults import FAULTS, load  # noqa: PLC0415 - takes a second

    text = PAGE.read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```json\n")[1:]]
    assert blocks
    for block in blocks:
        assert load(block.encode())
    shown = EXAMPLES[EXAMPLES.index("[") : EXAMPLES.rindex("]") + 1]
    assert len(load(shown.encode())) == 2
    assert [fault for fault in FAULTS if f"`{fault}`" not in text] == []


async def test_the_agent_that_is_shown_starts() -> None:
    """With the settings of the page's own line it has a desk: it is not refused for want of a ledger."""
    from agents.journal import Journal  # noqa: PLC0415 - takes a second
    from deploy.settings import load  # noqa: PLC0415 - the same
    from deploy.wiring.agent import create_breakers  # noqa: PLC0415 - the same
    from deploy.wiring.agent_models import create_desk  # noqa: PLC0415 - the same
    from topics.outbox import Sender  # noqa: PLC0415 - the same

    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (shown,) = (line for line in lines if line.endswith("tapereader agent"))
    settings = load(dict(word.split("=", 1) for word in shown.split() if "=" in word))
    sender = Sender(settings.broker)
    journal = Journal(settings.broker, sender)
    desk = create_desk(settings.agent, settings.broker.prefix, create_breakers(settings), journal)
    assert desk is not None
    await desk.close()
    await desk.ledger.close()
    await journal.close()
    await sender.close()
