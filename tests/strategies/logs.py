"""Logs of one partition: well-formed records of a few subjects and sources, in any order the world may give."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from streams.windows.kinds import KIND_RULES
from topics import (
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Post,
    PostDeleted,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
)

START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
SOURCES = ("one", "two")
SUBJECTS: dict[Kind, tuple[str, ...]] = {
    "market": ("BTC/USD", "BTC/USDT"),
    "volume": ("BTC",),
    "social": ("BTC",),
    "development": ("BTC",),
}


def steps(kind: Kind) -> st.SearchStrategy[int]:
    """How far the market's time goes on from one record to the next: mostly little, at times past everything."""
    rules = KIND_RULES[kind]
    little = st.integers(0, rules.block_ms // 3)
    return st.one_of(
        little,
        little,
        st.just(0),
        st.just(0),
        st.just(rules.pane_ms),
        st.integers(0, 12 * rules.block_ms),
        st.just(rules.retention_ms),
    )


def delays(kind: Kind) -> st.SearchStrategy[int]:
    """How old a record's time is: mostly new, some of it corrections, some of it late, some of it on an edge."""
    rules = KIND_RULES[kind]
    new = st.integers(0, rules.pane_ms)
    old = st.integers(rules.horizon_ms, 2 * rules.horizon_ms)
    edge = st.sampled_from(
        [rules.horizon_ms, rules.horizon_ms + 1, rules.block_ms, rules.dedupe_ms]
    )
    return st.one_of(
        new,
        new,
        new,
        old,
        edge,
        st.integers(0, 3 * rules.block_ms),
        st.integers(0, 2 * rules.horizon_ms),
    )


def _numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


def _trade(draw: Any, at: int) -> Trade:
    number = draw(st.integers(0, 40))
    return Trade(
        subject=draw(st.sampled_from(SUBJECTS["market"])),
        source=draw(st.sampled_from(SOURCES)),
        venue=draw(st.sampled_from(("alpha", "beta"))),
        trade_id=str(number),
        event_ms=at,
        received_ms=at,
        price=draw(_numbers("0.0001", "70000", 4)),
        size=draw(_numbers("0.000000001", "1000", 9)),
        side=draw(st.sampled_from(("buy", "sell"))),
        sequence=draw(st.sampled_from((None, number))),
    )


def _volume(draw: Any, at: int) -> VolumeFlow | VolumeLevel:
    make: type[VolumeFlow | VolumeLevel] = draw(st.sampled_from((VolumeFlow, VolumeLevel)))
    return make(
        subject="BTC",
        source=draw(st.sampled_from(SOURCES)),
        venue=draw(st.sampled_from(("alpha", "beta"))),
        instrument=draw(st.sampled_from(("BTCUSD", "BTCEUR"))),
        event_ms=at,
        received_ms=at,
        span_ms=60_000,
        volume=draw(_numbers("0", "100000", 6)),
    )


def _post(draw: Any, at: int) -> Post:
    return Post(
        subject="BTC",
        source=draw(st.sampled_from(SOURCES)),
        platform="forum",
        post_id=str(draw(st.integers(0, 40))),
        event_ms=at,
        received_ms=at,
        author="0" * 16,
        text="words",
        language="en",
        tone=draw(st.floats(-1, 1)),
        tone_version="t1",
        engagement=draw(st.integers(0, 10**6)),
        simhash="0" * 16,
        bot=draw(st.booleans()),
    )


def _act(draw: Any, at: int) -> RepositoryEvent:
    acts = ("commit", "pull_request", "release", "issue", "review", "comment", "fork", "star")
    return RepositoryEvent(
        subject="BTC",
        source=draw(st.sampled_from(SOURCES)),
        repository="a/b",
        event_id=str(draw(st.integers(0, 40))),
        event_ms=at,
        received_ms=at,
        act=draw(st.sampled_from(acts)),
        author="0" * 16,
        bot=draw(st.booleans()),
    )


EVENTS: dict[Kind, Callable[[Any, int], Any]] = {
    "market": _trade,
    "volume": _volume,
    "social": _post,
    "development": _act,
}


def _deletion(draw: Any, at: int) -> PostDeleted:
    return PostDeleted(
        subject="BTC",
        source=draw(st.sampled_from(SOURCES)),
        platform="forum",
        post_id=str(draw(st.integers(0, 40))),
        event_ms=at,
        received_ms=at,
    )


def _mark(draw: Any, kind: Kind, at: int) -> Any:
    if kind == "social" and draw(st.booleans()):
        return _deletion(draw, at)
    until = at + draw(st.integers(0, 3 * KIND_RULES[kind].block_ms))
    common = {
        "gap_id": draw(st.sampled_from(("g1", "g2", "g3"))),
        "subject": draw(st.sampled_from(SUBJECTS[kind])),
        "source": draw(st.sampled_from(SOURCES)),
        "venue": draw(st.sampled_from(("alpha", "beta"))),
        "from_ms": at,
        "to_ms": until,
    }
    make = draw(st.sampled_from((GapDetected, GapFilled, GapPermanent)))
    return make(**common, **({"reason": "gone"} if make is GapPermanent else {}))


@st.composite
def logs(draw: Any, kind: Kind, *, size: int = 80) -> list[tuple[bytes | None, bytes]]:
    """A whole log: keys and values. Time goes on, by fits and starts; many records move the clock, some come again."""
    now = START_MS
    made: list[tuple[bytes | None, bytes]] = []
    for what in draw(st.lists(st.sampled_from("eeeebbbbmcrr"), min_size=size // 2, max_size=size)):
        if what == "r" and made:
            made.append(draw(st.sampled_from(made[-8:])))
            continue
        now += draw(steps(kind))
        if draw(st.integers(0, 3)) == 0:  # onto the next edge of a block, where off-by-ones live
            now = -(-now // KIND_RULES[kind].block_ms) * KIND_RULES[kind].block_ms
        if what in "bc":
            beat = Heartbeat(
                source=draw(st.sampled_from(SOURCES)),
                epoch=draw(st.sampled_from((0, 0, 0, 0, 1))),
                through_ms=now
                - draw(st.sampled_from((0, 0, 0, KIND_RULES[kind].source_idle_ms + 1))),
                state="closed" if what == "c" and draw(st.booleans()) else "open",
            )
            made.append((None, encode(beat)))
            continue
        at = max(START_MS - KIND_RULES[kind].retention_ms, now - draw(delays(kind)))
        event = EVENTS[kind](draw, at) if what == "e" else _mark(draw, kind, at)
        made.append((b"BTC", encode(event)))
    return made
