"""At every bound the audit does what the fold does; and its values are the catalogue's references."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.audit import seen as audited_seen
from deploy.audit import values as audited_values
from deploy.audit.compare import body_differences
from deploy.audit.recompute import Recomputation
from deploy.audit.scores import Close
from streams.windows import Fold, seen, sketches
from tests.audited import assert_audited
from topics import KINDS, GapDetected, Heartbeat, Kind, Trade, encode
from topics.metrics import METRICS

ROOT = Path(__file__).parents[4]
AT_MS = 1_700_000_000_000
Record = tuple[bytes | None, bytes]


@given(numbers=st.lists(st.integers(0, 300), max_size=300))
def test_sequences_are_remembered_alike(numbers: list[int]) -> None:
    """Beyond 64 intervals too."""
    fold, audit = seen.Intervals(), audited_seen.Sequences()
    for number in numbers:
        assert audit.add(number) == fold.add(number).value


def test_an_ever_second_number_goes_beyond_the_bound() -> None:
    """Each begins an interval, so that the lowest are forgotten."""
    fold, audit = seen.Intervals(), audited_seen.Sequences()
    for number in [*range(400, 0, -2), *range(0, 400, 2), *range(400)]:
        assert audit.add(number) == fold.add(number).value


@given(ids=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100_000)), max_size=100))
def test_digests_are_remembered_alike(ids: list[tuple[int, int]]) -> None:
    """At a bound of 10, and with a floor that rises now and then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "DIGESTS_MAX", 10)
        patch.setattr(audited_seen, "DIGESTS_MAX", 10)
        fold, audit = seen.Digests(), audited_seen.Digests()
        for name, event_ms in ids:
            if name == 0:
                fold.forget_before(event_ms)
                audit.raise_floor(event_ms)
            assert audit.add(str(name), event_ms) == fold.add(str(name), event_ms).value


@given(sizes=st.lists(st.floats(1e-18, 1e15), min_size=1, max_size=60))
def test_quantiles_are_those_of_the_sketch(sizes: list[float]) -> None:
    """The sketch counts buckets, the audit sorts sizes."""
    buckets: dict[int, int] = {}
    for size in sizes:
        key = sketches.size_key(size)
        buckets[key] = buckets.get(key, 0) + 1
    wanted = (0.0, 0.5, 0.9, 0.99, 1.0)
    found = [audited_values.quantile(sorted(sizes), q) for q in wanted]
    assert found == sketches.quantiles([buckets], wanted)


@pytest.mark.parametrize("number", [0, 1, 4_095, 4_096, 4_097, 9_000])
def test_authors_are_counted_alike(number: int) -> None:
    """Exactly, and beyond what is kept."""
    hashes = {seen.digest_of(str(n)) for n in range(number)}
    assert audited_values.unique(set(hashes)) == sketches.distinct(set(hashes))


def trade(number: int, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "subject": "BTC/USD",
        "source": "a",
        "venue": "a",
        "trade_id": str(number),
        "event_ms": AT_MS,
        "received_ms": AT_MS,
        "price": Decimal(10),
        "size": Decimal(2),
        "side": "buy",
    }
    return encode(Trade(**(fields | changes)))


def gap(number: int) -> bytes:
    times = {"from_ms": AT_MS + 1_000 * (number % 7), "to_ms": AT_MS + 1_000 * number + 10_000}
    return encode(
        GapDetected(
            gap_id=f"g{number:03}", subject="BTC/USD", source="a", venue=f"v{number % 5}", **times
        )
    )


def beat(through_ms: int, source: str = "a") -> bytes:
    return encode(Heartbeat(source=source, epoch=0, through_ms=through_ms))


BEYOND: dict[str, list[Record]] = {
    "subjects": [(b"BTC", trade(n, subject=f"BTC/Q{n}")) for n in range(12)],
    "sources of a subject": [(b"BTC", trade(n, source=f"s{n}")) for n in range(70)],
    "venues": [(b"BTC", trade(n, venue=f"v{n}", sequence=n)) for n in range(260)],
    "gaps": [(b"BTC", trade(1)), *((b"BTC", gap(n)) for n in range(70))],
    "sources": [(None, beat(AT_MS, f"s{n}")) for n in range(70)],
    "a value too long": [(b"BTC", b"x" * (512 * 1024 + 1)), (b"k" * 70_000, b"{")],
    "one instant twice": [
        (b"BTC", trade(1, price=Decimal(10), sequence=1)),
        (b"BTC", trade(1, price=Decimal(11))),
        (b"BTC", trade(1, price=Decimal(12), sequence=2)),
    ],
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_is_beyond_a_bound_is_refused_alike(what: str) -> None:
    """And the windows after it are the same."""
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    audit = Recomputation("market", 0, partitions=1, subjects_max=10)
    log = [*BEYOND[what], (None, beat(AT_MS + 120_000)), (None, beat(AT_MS + 300_000))]
    expected = []
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, AT_MS + 10**9, key, value)
        expected += audit.feed(offset, AT_MS + 10**9, key, value)
    assert_audited(fold.outputs, expected)
    assert expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_values_are_the_catalogues_references(kind: Kind) -> None:
    """The records are data for everybody who writes a program of their own, as this one is."""
    audit, expected = Recomputation(kind, 0, partitions=1, subjects_max=9), []
    lines = (ROOT / "tests" / "data" / "metrics" / f"{kind}.jsonl").read_text().splitlines()
    for offset, line in enumerate(lines):
        key = json.loads(line).get("subject", "").partition("/")[0].encode()
        expected += audit.feed(offset, AT_MS + 10**12, key, line.encode())
    references = {
        m.name: None if m.reference == "null" else m.reference for m in METRICS if m.kind == kind
    }
    found = [
        {name: v.number if isinstance(v, Close) else v for name, v in e.body["values"].items()}
        for e in expected
        if e.body and "values" in e.body
    ]
    wanted = {"kind": kind} | {
        name: Close(value, 1e-12 * abs(value)) if isinstance(value, float) else value
        for name, value in references.items()
    }
    assert any(list(body_differences(wanted, values)) == [] for values in found)
