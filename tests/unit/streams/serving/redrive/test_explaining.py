"""Every reason is explained, in the program and in the guide."""

from pathlib import Path

import pytest

from streams.serving.redrive import REMEDIES, explained
from streams.serving.redrive.explaining import COLLECTED
from topics.deadletter import REASONS

from .test_plan import letter

GUIDE = (Path(__file__).parents[5] / "docs" / "operating" / "dead-letters.md").read_text("utf-8")


def test_every_reason_has_a_remedy() -> None:
    """And nothing else has one."""
    assert set(REMEDIES) == set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_the_guide_says_of_each_reason_what_the_program_says(reason: str) -> None:
    """A row of its table: what it means, its cause, what to do, and whether it can go again."""
    remedy = REMEDIES[reason]
    again = "no" if remedy.cure == "never" else "yes"
    row = f"| `{reason}` | {REASONS[reason]} | {remedy.cause} | {remedy.todo} | {again} |"
    assert row in GUIDE.splitlines()


def test_the_guide_has_no_other_reasons() -> None:
    """A row of one that is gone would be looked for in vain."""
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]
    assert len(rows) == len(REASONS)


def test_a_letter_is_explained() -> None:
    """Where it is and was, who refused it, why, and what to do."""
    told = "\n".join(explained(letter(attempt=2, original="raw.market/0/1", truncated=True)))
    for words in (
        "raw.market/1/7, in the dead letters at 1/3",
        "refused by streams (fold), attempt 2, out of raw.market/1 at 7",
        "the first letter of it is raw.market/0/1",
        "reason: misrouted: in a partition",
        "it said: BTC/USD belongs elsewhere",
        REMEDIES["misrouted"].cause,
        REMEDIES["misrouted"].todo,
        "its bytes were cut",
    ):
        assert words in told


def test_a_letter_of_a_collector_is_explained() -> None:
    """It has no place in a topic."""
    told = explained(letter(topic=None, partition=None, offset=None, origin="alpha/3/9"))
    assert "out of alpha/3/9" in told[1]
    assert COLLECTED
