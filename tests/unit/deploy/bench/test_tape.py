"""The bench's tape: the same records for the same work, of the shape that the figures speak of."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.tape import (
    BEAT_MS,
    LATE_MS_MAX,
    LATENESS_MS,
    MINUTE_MS,
    START_MS,
    Tape,
    TapeRecord,
    Work,
    backlog,
)
from topics import Heartbeat, Trade, decoder_of, encode, partition_of
from topics.market import Trade as Contract

WORKS = st.builds(
    Work,
    events=st.integers(1, 100),
    seed=st.integers(0, 1_000),
    assets=st.integers(1, 999),
    partitions=st.integers(1, 6),
    minutes=st.integers(1, 2),
    sequences=st.booleans(),
)
decode = decoder_of(Trade, Heartbeat).decode


def trades_of(records: list[TapeRecord]) -> list[Trade]:
    return [event for r in records if isinstance(event := decode(r.value), Trade)]


@pytest.fixture(scope="module")
def records() -> list[TapeRecord]:
    return list(backlog(Tape(Work(events=50_000))))


@given(WORKS)
def test_a_work_is_its_records(work: Work) -> None:
    """To the byte; another seed gives others."""
    made = list(backlog(Tape(work)))
    assert made == list(backlog(Tape(work)))
    other = Work(events=work.events, seed=work.seed + 1, minutes=work.minutes)
    assert made != list(backlog(Tape(other)))


@given(WORKS)
def test_every_record_is_what_the_contract_would_write(work: Work) -> None:
    """It is formatted by hand, for speed; the key is the asset, and the partition is that of the key."""
    events = 0
    for record in backlog(Tape(work)):
        event = decode(record.value)
        assert encode(event) == record.value
        if isinstance(event, Contract):
            events += 1
            asset = event.subject.partition("/")[0]
            assert record.key == asset.encode()
            assert record.partition == partition_of(asset, work.partitions)
            assert (event.sequence is not None) == work.sequences
        else:
            assert record.key is None
    assert events == work.events


@given(WORKS)
def test_what_is_expected_is_what_was_printed(work: Work) -> None:
    """Trades and sizes of each asset and minute, summed anew from the records."""
    tape = Tape(work)
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for trade in trades_of(list(backlog(tape))):
        minute = found[trade.subject, trade.event_ms // MINUTE_MS * MINUTE_MS]
        minute[0] += 1
        minute[1] += int(trade.size * 10**8)
    assert {m: [e.trades, e.size_grid] for m, e in tape.expected.items()} == found


@given(WORKS)
def test_each_partition_gets_every_promise(work: Work) -> None:
    """Each 250 ms of event time, 2 s behind; the last is the end, so that every minute closes."""
    promises: defaultdict[int, list[int]] = defaultdict(list)
    for record in backlog(Tape(work)):
        if isinstance(event := decode(record.value), Heartbeat):
            promises[record.partition].append(event.through_ms)
    end_ms = START_MS + work.span_ms
    steps = list(range(START_MS + BEAT_MS, end_ms, BEAT_MS))
    expected = [ms - LATENESS_MS for ms in steps] + [end_ms]
    assert promises == dict.fromkeys(range(work.partitions), expected)


def test_numbers_of_an_instrument_have_no_holes(records: list[TapeRecord]) -> None:
    """As Binance's aggregate trades: one more each time, in the order of the log."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for trade in trades_of(records):
        assert trade.sequence is not None
        assert trade.trade_id == str(trade.sequence)
        numbers[trade.subject].append(trade.sequence)
    assert all(b == a + 1 for mine in numbers.values() for a, b in pairwise(mine))


def test_assets_have_the_weights_of_their_ranks(records: list[TapeRecord]) -> None:
    """1 / rank^0.9: of 200 assets the first has 13.2 %; within five standard deviations of the counts."""
    counts = Counter(trade.subject for trade in trades_of(records))
    total = sum(counts.values())
    weights = [rank**-0.9 for rank in range(1, 201)]
    for rank in (1, 2, 10, 100, 200):
        expected = total * weights[rank - 1] / sum(weights)
        found = counts[f"A{rank:03d}/USDT"]
        assert abs(found - expected) < 5 * expected**0.5


def test_one_in_a_hundred_is_late_by_up_to_five_seconds(records: list[TapeRecord]) -> None:
    """All others are made when they are received; those are in order, and fill the ten minutes."""
    trades = trades_of(records)
    delays = [trade.received_ms - trade.event_ms for trade in trades]
    late = [delay for delay in delays if delay]
    assert all(1 <= delay <= LATE_MS_MAX for delay in late)
    assert 400 < len(late) < 600
    assert sum(delay > LATENESS_MS for delay in late) > 0.5 * len(late)
    received = [trade.received_ms for trade in trades]
    assert received == sorted(received)
    assert (received[0], received[-1]) == (START_MS, START_MS + 600_000 - 12)


def test_a_record_is_as_long_as_a_trade_of_a_collector(records: list[TapeRecord]) -> None:
    """200 to 250 bytes of JSON, and about 40 fewer without a sequence number."""
    sizes = [len(record.value) for record in records if record.key]
    assert min(sizes) >= 200
    assert max(sizes) <= 250
    bare = [len(r.value) for r in backlog(Tape(Work(events=1_000, sequences=False))) if r.key]
    assert 185 <= min(bare) <= max(bare) <= 235
