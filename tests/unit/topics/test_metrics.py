"""The catalogue of metrics against the contracts, the windows, and numbers worked out by hand."""

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from streams.windows import Fold
from streams.windows.grid import GRID
from topics import (
    BY_NAME,
    KINDS,
    Aggregate,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    raw_topic,
)
from topics.aggregate import KIND_OF
from topics.codec import tag_of
from topics.metrics import METRICS, SCORED, TOLERANCE, Metric, main, render

ROOT = Path(__file__).parents[3]
RECORDS = ROOT / "tests" / "data" / "metrics"
MARKS = (Heartbeat, GapDetected, GapFilled, GapPermanent)
UNITS = {"count", "quote", "base", "asset", "names", "1"}
HOUR_MS = 1_700_002_800_000
WINDOW: dict[Kind, tuple[int, int]] = {
    "market": (HOUR_MS, 60_000),
    "volume": (HOUR_MS + 300_000, 300_000),
    "social": (HOUR_MS, 300_000),
    "development": (HOUR_MS, 3_600_000),
}
"""Start and length of the window the references are of."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_in_the_catalogue(kind: Kind) -> None:
    """And nothing else, in the contract's names."""
    (values,) = [struct for struct, named in KIND_OF.items() if named == kind]
    names = {field.name for field in fields(values)}
    assert sorted(m.name for m in METRICS if m.kind == kind) == sorted(names)
    assert set(SCORED[kind]) <= names
    assert SCORED[kind]


REQUIRED: dict[Kind, str] = {
    "market": "open high low close vwap volume quote_volume trades taker_buy_ratio signed_volume realised_volatility"
    " trade_size_p50 trade_size_p90 trade_size_p99 largest_trade venue_share venue_spread",
    "volume": "flow level concentration flow_change level_change",
    "social": "posts distinct_posts unique_authors tone_mean tone_stdev engagement",
    "development": "commits pull_requests releases issues unique_authors events",
}
"""What every pipeline of this kind is asked for."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_for_is_there(kind: Kind) -> None:
    """Under these names, which consumers know."""
    assert set(REQUIRED[kind].split()) <= {m.name for m in METRICS if m.kind == kind}


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.kind}-{m.name}")
def test_an_entry_says_all_that_a_second_program_needs(metric: Metric) -> None:
    """Formula, unit of the vocabulary, fields that the raw events have, and the grid that the fold adds on."""
    assert metric.formula
    assert metric.unit.removesuffix(", by venue") in UNITS
    tag, _, names = metric.source.rpartition(": ")
    events = [struct for struct in BY_NAME[raw_topic(metric.kind)].events if struct not in MARKS]
    tags = {tag_of(event) for event in events}
    assert tag in tags | {""}
    known = {field.name for event in events for field in fields(event)}
    assert set(names.split(", ")) <= known | tags
    assert metric.grid in (None, 1 / GRID)
    if re.search(r"\bsum of (size|price|volume|tone)\b|exact sums", metric.formula):
        assert metric.grid is not None


def reference(kind: Kind) -> Aggregate:
    fold = Fold(kind, 0, partitions=1, subjects_max=10)
    for offset, value in enumerate((RECORDS / f"{kind}.jsonl").read_bytes().splitlines()):
        key = b"BTC" if b'"subject"' in value else None
        fold.feed(offset, HOUR_MS * 2, key, value)
    start_ms, window_ms = WINDOW[kind]
    (found,) = [
        output
        for output in fold.outputs
        if isinstance(output, Aggregate)
        and (output.window_start_ms, output.window_ms, output.step_ms)
        == (start_ms, window_ms, window_ms)
    ]
    return found


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.kind}-{m.name}")
def test_the_reference_is_what_the_windows_say(metric: Metric) -> None:
    """To the last digit, or within what a logarithm may differ."""
    found = getattr(reference(metric.kind).values, metric.name)
    found = "null" if found is None else found
    if metric.exact:
        assert found == metric.reference
    else:
        assert found == pytest.approx(metric.reference, rel=TOLERANCE)


def test_the_page_is_made_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a stale one is told."""
    page = tmp_path / "metrics.md"
    assert main(["check", str(page)]) == 1
    assert "make schemas" in capsys.readouterr().out
    assert main(["write", str(page)]) == 0
    assert main(["check", str(page)]) == 0
    assert page.read_text() == render()
    assert all(f"`{metric.name}`" in render() for metric in METRICS)
