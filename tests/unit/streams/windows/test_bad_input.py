"""Every way a record can be wrong: a dead letter with its reason, and the next event is folded."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.audit.recompute import Recomputation
from streams.windows import Fold, restore, take_entries
from streams.windows.clock import SOURCES_MAX
from streams.windows.subject import GAPS_MAX, PLACES_MAX
from streams.windows.subject import SOURCES_MAX as SUBJECT_SOURCES_MAX
from tests.audited import assert_audited
from topics import DeadLetter, GapDetected, Heartbeat, Trade, encode, partition_of

AT_MS = 1_700_000_000_000


def fold(**bounds: int) -> Fold:
    return Fold("market", 0, partitions=1, subjects_max=bounds.get("subjects_max", 100))


def trade(number: int = 1, **changes: object) -> Trade:
    fields: dict[str, object] = {
        "subject": "BTC/USD",
        "source": "alpha",
        "venue": "alpha",
        "trade_id": str(number),
        "event_ms": AT_MS,
        "received_ms": AT_MS,
        "price": Decimal("10.5"),
        "size": Decimal(2),
        "side": "buy",
        "sequence": number,
    }
    return Trade(**(fields | changes))  # type: ignore[arg-type]


def gap(subject: str = "BTC/USD", *, to_ms: int = AT_MS) -> bytes:
    return encode(
        GapDetected(gap_id="g", subject=subject, source="a", venue="a", from_ms=AT_MS, to_ms=to_ms)
    )


GOOD = encode(trade())
WRONG = {
    "malformed": [
        b"",
        b"{",
        b"\xff\xfe",
        GOOD[:-5],
        GOOD.replace(b"10.5", b"NaN"),
        GOOD.replace(b"10.5", b"Infinity"),
        b"[" * 100_000,
        b'{"type":"trade","x":' + b"[" * 65 + b"]" * 65 + b"}",
    ],
    "unknown_type": [b'{"type":"trade.v2"}', GOOD.replace(b'"trade"', b'"order"')],
    "invalid": [
        b"[]",
        b"null",
        b'"trade"',
        b'{"type":1}',
        b"{}",
        GOOD.replace(b"10.5", b'"10.5"'),
        GOOD.replace(b"10.5", b"-10.5"),
        GOOD.replace(b'"size":2', b'"size":0'),
        GOOD.replace(b'"size":2', b'"size":-2'),
        GOOD.replace(b"10.5", b"1e400"),
        GOOD.replace(b"10.5", b"1e16"),
        GOOD.replace(b"10.5", b"1e-19"),
        GOOD.replace(b'"buy"', b'"BUY"'),
        GOOD.replace(b"BTC/USD", b"btc/usd"),
        GOOD.replace(b"BTC/USD", b"BTC"),
        GOOD.replace(b"BTC/USD", b"BTC/USD\\n"),
        GOOD.replace(b"BTC/USD", b"BTC|USD/X"),
        GOOD.replace(b'"alpha"', b'""'),
        GOOD.replace(b'"source":"alpha"', b'"source":"ALPHA"'),
        GOOD.replace(b'"venue":"alpha"', b'"venue":"al pha"'),
        GOOD.replace(str(AT_MS).encode(), b"1.5"),
        GOOD.replace(str(AT_MS).encode(), b"-1"),
        GOOD.replace(str(AT_MS).encode(), b"99999999999999999999"),
        GOOD.replace(b'"sequence":1', b'"sequence":-1'),
        GOOD.replace(b'"sequence":1', b'"sequence":"1"'),
        gap("BTC"),
        gap(to_ms=AT_MS - 1),
    ],
    "absurd_time": [
        encode(trade(event_ms=8_836_000_000_000)),  # 2250
        encode(trade(event_ms=1_230_940_799_999)),
        encode(trade(event_ms=AT_MS + 60_001)),
        encode(Heartbeat(source="a", epoch=0, through_ms=AT_MS + 10_001)),
    ],
    "out_of_range": [encode(trade(price=Decimal("1e9"), size=Decimal("1.1e6")))],
}


@pytest.mark.parametrize(
    ("reason", "value"), [(reason, value) for reason, values in WRONG.items() for value in values]
)
def test_it_becomes_a_dead_letter_and_the_next_event_counts(reason: str, value: bytes) -> None:
    """The letter holds the original bytes, the place and the reason."""
    folded = fold()
    folded.feed(7, AT_MS, b"BTC", value)
    (letter,) = folded.outputs
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.value, letter.key) == (reason, value, b"BTC")
    assert (letter.topic, letter.partition, letter.offset) == ("raw.market", 0, 7)
    assert letter.message
    second = Recomputation("market", 0, partitions=1, subjects_max=100)
    assert_audited([letter], second.feed(7, AT_MS, b"BTC", value))
    folded.feed(8, AT_MS, b"BTC", encode(trade(2)))
    assert (folded.counters.dead_letters, folded.counters.applied) == (1, 1)
    assert folded.counters.total() == 2


@pytest.mark.parametrize("edge_ms", [AT_MS + 60_000, 1_230_940_800_000])
def test_times_at_the_edge_are_good(edge_ms: int) -> None:
    """The bounds themselves are allowed."""
    folded = fold()
    folded.feed(0, AT_MS, b"BTC", encode(trade(event_ms=edge_ms)))
    assert folded.counters.applied == 1


def test_a_product_at_the_edge_is_good() -> None:
    """Exactly the bound."""
    folded = fold()
    folded.feed(0, AT_MS, b"BTC", encode(trade(price=Decimal("1e9"), size=Decimal("1e6"))))
    assert folded.counters.applied == 1


@pytest.mark.parametrize("key", [None, b"ETH", b"BTC/USD", b""])
def test_a_wrong_key_is_misrouted(key: bytes | None) -> None:
    """Whether or not the subject is known already."""
    folded = fold()
    folded.feed(0, AT_MS, key, encode(trade(1)))
    folded.feed(1, AT_MS, b"BTC", encode(trade(2)))
    folded.feed(2, AT_MS, key, encode(trade(3)))
    reasons = [o.reason for o in folded.outputs if isinstance(o, DeadLetter)]
    assert reasons == ["misrouted", "misrouted"]
    assert folded.counters.applied == 1


def test_a_wrong_partition_is_misrouted() -> None:
    """The letter says where it belongs."""
    belongs = partition_of("BTC", 12)
    folded = Fold("market", (belongs + 1) % 12, partitions=12, subjects_max=10)
    folded.feed(0, AT_MS, b"BTC", GOOD)
    (letter,) = folded.outputs
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "misrouted"
    assert f"partition {belongs}" in letter.message


def test_subjects_beyond_the_bound_are_refused_in_the_order_of_the_log() -> None:
    """Those known go on; a new one is refused, also by a gap mark; nothing else is touched."""
    folded = fold(subjects_max=2)
    names = ["BTC/A", "BTC/B", "BTC/C", "BTC/A", "BTC/D"]
    values = [encode(trade(n, subject=name)) for n, name in enumerate(names)]
    values += [gap("BTC/E"), gap("BTC/B")]
    for offset, value in enumerate(values):
        folded.feed(offset, AT_MS, b"BTC", value)
    refused = [o.offset for o in folded.outputs if isinstance(o, DeadLetter)]
    assert refused == [2, 4, 5]
    assert (folded.counters.applied, folded.counters.marks) == (3, 1)
    assert {o.reason for o in folded.outputs if isinstance(o, DeadLetter)} == {"subjects_max"}


def test_a_flood_of_subjects_takes_no_more_than_its_bound() -> None:
    """In memory and in state, over a restart too; once the first are forgotten there is room again."""
    folded, bound, flood = fold(subjects_max=500), 500, 3_000
    entries: dict[bytes, bytes] = {}
    for offset in range(flood):
        if offset in (200, 2_000):
            write(folded, entries)
            folded = fold(subjects_max=bound)
            restore(folded, entries, 1)
        folded.feed(offset, AT_MS, b"BTC", encode(trade(offset, subject=f"BTC/Q{offset}")))
    assert len(folded.subjects) == folded.counters.applied == bound
    assert folded.counters.dead_letters == flood - bound
    write(folded, entries)
    assert sum(b"|subject|" in name for name in entries) == bound
    assert len(entries) == 2 * bound + 1, "a subject and a block each, and meta"
    end_ms = AT_MS + 400 * 3_600_000
    for at in (AT_MS, AT_MS + 3_600_000, end_ms):
        beat = encode(Heartbeat(source="alpha", epoch=0, through_ms=at))
        folded.feed(folded.next_offset or 0, at, None, beat)
    assert folded.subjects == {}
    write(folded, entries)
    assert list(entries) == [b"0|market|meta"]
    new = trade(1, subject="BTC/NEW", event_ms=end_ms, received_ms=end_ms)
    folded.feed(folded.next_offset or 0, end_ms, b"BTC", encode(new))
    assert list(folded.subjects) == ["BTC/NEW"]


TRIED = st.tuples(
    st.sampled_from(["tapereader.attempt", "tapereader.original", "tapereader.redriven", "other"]),
    st.none()
    | st.sampled_from([b"2", b"3", b"1", b"1000", b"1001", b"02", b"00002", b"", b"raw.market/0/7", b"o" * 400, b"o" * 401, b"\xff"]),
)  # fmt: skip


@given(st.lists(TRIED, max_size=6))
def test_a_redriven_record_that_is_refused_again_is_a_letter_of_its_attempt(
    headers: list[tuple[str, bytes | None]],
) -> None:
    """As its headers say, if they do; nothing else of it is another's, and the audit agrees."""
    folded, audit = fold(), Recomputation("market", 0, partitions=1, subjects_max=100)
    folded.feed(0, AT_MS, b"BTC", b"{", headers)
    assert_audited(folded.outputs, audit.feed(0, AT_MS, b"BTC", b"{", headers))
    (letter,) = folded.outputs
    assert isinstance(letter, DeadLetter)
    told = dict(headers)
    if told.get("tapereader.attempt") in (b"2", b"3", b"1000") and told.get(
        "tapereader.original"
    ) in (b"2", b"3", b"raw.market/0/7"):
        assert letter.attempt == int(told["tapereader.attempt"] or b"")
        assert letter.original == (told["tapereader.original"] or b"").decode()
    assert (letter.attempt == 1) == (letter.original is None)
    assert letter.letter_id == "raw.market/0/0"


def write(folded: Fold, entries: dict[bytes, bytes]) -> None:
    """Take a checkpoint, as a changelog holds it."""
    for name, state in take_entries(folded, 1):
        if state is None:
            entries.pop(name, None)
        else:
            entries[name] = state


@pytest.mark.parametrize("wrong", ["a|b", "a|", "a|B ", "A", "a|b|b"])
def test_a_bad_name_is_found_however_it_is_put_together(wrong: str) -> None:
    """A venue that is none is refused, though with its instrument it reads as a place that is known."""
    rest = "c"
    known = {"venue": "a", "instrument": f"{wrong.removeprefix('a|')}|{rest}"}
    folded = Fold("volume", 0, partitions=1, subjects_max=9)
    audit = Recomputation("volume", 0, partitions=1, subjects_max=9)
    expected = []
    for offset, place in enumerate((known, {"venue": wrong, "instrument": rest})):
        event = {"type": "volume.level", "subject": "BTC", "source": "s", "volume": 1}
        times = {"event_ms": AT_MS + offset, "received_ms": AT_MS, "span_ms": 60_000}
        value = json.dumps(event | times | place).encode()
        folded.feed(offset, AT_MS, b"BTC", value)
        expected += audit.feed(offset, AT_MS, b"BTC", value)
    assert_audited(folded.outputs, expected)
    assert audit.counts["applied"] == folded.counters.applied == 1


@pytest.mark.parametrize(
    ("field", "bound"), [("source", SUBJECT_SOURCES_MAX), ("venue", PLACES_MAX)]
)
@pytest.mark.parametrize("sequenced", [True, False])
def test_sources_and_venues_of_a_subject_stop_at_the_bound(
    field: str, bound: int, *, sequenced: bool
) -> None:
    """With sequence numbers or without."""
    folded = fold()
    for number in range(bound + 1):
        changes = {field: f"v{number}"} | ({} if sequenced else {"sequence": None})
        folded.feed(number, AT_MS, b"BTC", encode(trade(number, **changes)))
    (letter,) = folded.outputs
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.offset) == ("venues_max", bound)


def test_sources_of_a_partition_stop_at_the_bound() -> None:
    """A heartbeat of one more is refused, and time does not hear it."""
    folded = fold()
    for number in range(SOURCES_MAX + 1):
        beat = Heartbeat(source=f"s{number}", epoch=0, through_ms=AT_MS - number)
        folded.feed(number, AT_MS, None, encode(beat))
    (letter,) = folded.outputs
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "sources_max"
    assert len(folded.clock.sources) == SOURCES_MAX


def test_gaps_of_a_subject_stop_at_the_bound() -> None:
    """The two oldest become one: what was missing stays missing."""
    folded = fold()
    for number in range(GAPS_MAX + 1):
        mark = GapDetected(
            gap_id=f"g{number:03}",
            subject="BTC/USD",
            source="a",
            venue="a",
            from_ms=AT_MS + 1_000 * number,
            to_ms=AT_MS + 1_000 * number + 10,
        )
        folded.feed(number, AT_MS, b"BTC", encode(mark))
    gaps = folded.subjects["BTC/USD"].record.gaps
    assert len(gaps) == GAPS_MAX
    assert (gaps["g001"].from_ms, gaps["g001"].to_ms) == (AT_MS, AT_MS + 1_010)
    assert "g000" not in gaps


def test_two_gaps_become_one_that_covers_both() -> None:
    """Also where the older one ends later."""
    folded = fold()
    spans = [(0, 500_000), (10, 20), *((1_000 * n, 1_000 * n + 10) for n in range(2, GAPS_MAX + 1))]
    for number, (from_ms, to_ms) in enumerate(spans):
        mark = GapDetected(
            gap_id=f"g{number:03}",
            subject="BTC/USD",
            source="a",
            venue=f"v{number}",
            from_ms=AT_MS + from_ms,
            to_ms=AT_MS + to_ms,
        )
        folded.feed(number, AT_MS, b"BTC", encode(mark))
    gap = folded.subjects["BTC/USD"].record.gaps["g001"]
    assert (gap.venue, gap.from_ms, gap.to_ms) == ("v1", AT_MS, AT_MS + 500_000)


def test_a_missing_offset_stops_the_fold() -> None:
    """Folding on would lose what lies between, silently."""
    folded = fold()
    folded.feed(3, AT_MS, b"BTC", GOOD)
    with pytest.raises(ValueError, match="offset 4 is next, not 5"):
        folded.feed(5, AT_MS, b"BTC", GOOD)
