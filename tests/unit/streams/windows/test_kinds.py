"""The table of kinds stands three times: for people, in the fold, in the audit. It says the same."""

import re
from pathlib import Path

import pytest

from deploy.audit.kinds import RULES, TICK_MS
from streams.windows.kinds import CORRECTION_TICK_MS, KIND_RULES
from topics import KINDS, Kind

PAGE = Path(__file__).parents[4] / "docs" / "windows.md"
UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


def ms(words: str) -> int:
    number, unit = words.split()
    return int(number) * UNITS[unit]


def row(kind: Kind) -> list[str]:
    """The cells of a kind in section 2."""
    (line,) = re.findall(rf"^\| {kind} \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def sizes(words: str) -> set[tuple[int, int]]:
    """Windows: a size, or a size by a step."""
    pairs = [(part.split(" by ") * 2)[:2] for part in words.split(", ")]
    return {(ms(size), ms(step)) for size, step in pairs}


@pytest.mark.parametrize("kind", KINDS)
def test_fold_and_audit_go_by_the_table_of_the_specification(kind: Kind) -> None:
    """Each span of it; and how long blocks are kept, which is said below it."""
    pane, block, windows, horizon, idle, dedupe, _ = row(kind)
    rules, audit = KIND_RULES[kind], RULES[kind]
    for found in (rules, audit):
        assert (found.pane_ms, found.block_ms) == (ms(pane), ms(block))
        assert (found.horizon_ms, found.dedupe_ms) == (ms(horizon), ms(dedupe))
    assert rules.source_idle_ms == audit.idle_ms == ms(idle)
    assert {(size.window_ms, size.step_ms) for size in rules.sizes} == sizes(windows)
    assert set(audit.sizes) == sizes(windows)
    largest = max(size for size, _ in sizes(windows)) * (2 if kind == "volume" else 1)
    assert rules.retention_ms == audit.retention_ms == largest + ms(horizon)


def test_the_tick_is_that_of_the_specification() -> None:
    """One for all kinds."""
    (words,) = re.findall(r"The correction tick is (\d+ \w) for every kind", PAGE.read_text())
    assert ms(words) == CORRECTION_TICK_MS == TICK_MS


@pytest.mark.parametrize("kind", KINDS)
def test_panes_blocks_and_windows_fit_into_each_other(kind: Kind) -> None:
    """A block is whole panes; a window is whole blocks and begins with one; no window ends between two ticks."""
    rules = KIND_RULES[kind]
    assert rules.block_ms % rules.pane_ms == 0
    for size in rules.sizes:
        assert size.window_ms % rules.block_ms == size.step_ms % rules.block_ms == 0
        assert size.window_ms % size.step_ms == size.step_ms % CORRECTION_TICK_MS == 0
    assert rules.dedupe_ms <= rules.horizon_ms
