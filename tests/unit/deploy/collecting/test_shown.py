"""Sources in words."""

import pytest
from msgspec.structs import replace

from deploy.collecting.shown import (
    FEEDS_SHOWN,
    ago,
    entry_of,
    feeds_of,
    listed,
    parts_of,
    running_of,
    types_of,
)
from deploy.commands import tell
from streams.collectors.settings import CollectSettings
from streams.collectors.table import TYPES
from tests.hostile.corpus import MARK, TEXTS, cut
from topics import FeedStatus, Status

NOW_MS = 1_700_000_000_000
RUNNING = Status(
    role="collect",
    instance="a",
    part="live/market",
    state="connected",
    words="well",
    at_ms=NOW_MS,
    since_ms=NOW_MS - 600_000,
    expires_ms=NOW_MS + 1,
    build="1",
    measures={"sent": 1234.0, "refused": 1.0},
)
FEED = FeedStatus(
    source="live",
    venue="binance",
    subject="BTC/USDT",
    state="connected",
    since_ms=NOW_MS,
    at_ms=NOW_MS,
    last_event_ms=NOW_MS - 1_500,
    events=7,
    gaps_open=1,
    gaps_permanent=2,
)


def test_what_may_be_configured_is_told_with_what_it_takes() -> None:
    told = "\n".join(types_of(TYPES.values()))
    for source in TYPES.values():
        assert f"{source.name}: {source.about}" in told
    assert told.count("  key ") == told.count("  limits ") == len(TYPES)


def test_an_entry_is_told_with_its_type() -> None:
    entry = CollectSettings.model_validate({"sources": {"sim": {"type": "synthetic"}}}).sources[
        "sim"
    ]
    assert next(iter(entry_of("sim", entry, TYPES["synthetic"]))).startswith(
        "sim: synthetic, market"
    )


def test_how_it_runs_is_what_living_collectors_tell() -> None:
    gone = replace(RUNNING, instance="b", expires_ms=NOW_MS)
    other = replace(RUNNING, part="lively/market")
    parts = parts_of("live", [gone, other, RUNNING], NOW_MS)
    assert parts == [RUNNING]
    (line,) = running_of(parts, NOW_MS)
    assert line == "  live/market at a: connected (well) for 10 min; sent 1,234, refused 1"
    assert list(running_of([], NOW_MS)) == ["  no collector that runs tells of it"]


def test_feeds_with_gaps_come_first_and_no_more_than_fit() -> None:
    quiet = [replace(FEED, subject=f"A{n}/USDT", gaps_open=0, gaps_permanent=0) for n in range(30)]
    lines = list(feeds_of("live", [*quiet, FEED, replace(FEED, source="other")], NOW_MS))
    assert lines[0] == (
        "  binance BTC/USDT: connected, last event 1.5 s ago, 7 sent, gaps 1 open, 2 permanent"
    )
    assert len(lines) == FEEDS_SHOWN + 1
    assert lines[-1] == "  and 11 more feeds"


def test_a_list_says_what_runs_and_what_does_not() -> None:
    entries = CollectSettings.model_validate(
        {"sources": {"live": {"type": "synthetic"}, "sim": {"type": "synthetic"}}}
    ).sources
    assert list(listed(entries, [RUNNING], NOW_MS)) == [
        "live: synthetic; live/market connected",
        "sim: synthetic; not running",
    ]
    assert list(listed(entries, None, NOW_MS)) == ["live: synthetic", "sim: synthetic"]


def test_how_long_ago() -> None:
    assert [ago(NOW_MS - ms, NOW_MS) for ms in (-5, 1_500, 180_000, 7_200_000, 172_800_000)] == [
        "0.0 s",
        "1.5 s",
        "3 min",
        "2 h",
        "2 d",
    ]


def test_hostile_words_of_collectors_are_lines_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What `collect list` and `collect check` print of a status, and of a feed: a line each, whatever they hold."""
    sources = CollectSettings.model_validate({"sources": {"live": {"type": "synthetic"}}}).sources
    for _, text in TEXTS:
        status = replace(RUNNING, words=cut(text, 300), instance=cut(text, 64))
        feed = replace(FEED, subject=cut(text, 74), venue=cut(text, 32))
        lines = [
            *listed(sources, [status], NOW_MS),
            *running_of(parts_of("live", [status], NOW_MS), NOW_MS),
            *feeds_of("live", [feed], NOW_MS),
        ]
        tell(lines)
        printed = capsys.readouterr().out
        assert printed.count(MARK) >= 3
        assert printed.count("\n") == len(lines)
        assert printed.replace("\n", "").isprintable()
