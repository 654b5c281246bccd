"""Two readers of one text: what the fold takes and refuses, the audit takes and refuses, with the same reason."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.audit.form import FIELDS, TAGS, RefusedError, read
from streams.windows.checks import check_names
from streams.windows.intake import EventIn, reader_of
from tests.strategies.contracts import events
from topics import BY_NAME, KINDS, ContractError, Kind, encode, raw_topic

READERS = {kind: reader_of(kind) for kind in KINDS}
TRADE = (
    b'{"type":"trade","subject":"BTC/USD","source":"alpha","venue":"alpha","trade_id":"1",'
    b'"event_ms":1700000000000,"received_ms":1700000000000,"price":10.5,"size":2,"side":"buy","sequence":1}'
)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "A" * 64, "a" * 65, "a" * 129, "a" * 201, "0" * 16, "buy", "open"]),
    st.just([1]),
    st.just({"a": 1}),
)


def judged(kind: Kind, value: bytes) -> tuple[str | None, str | None]:
    """The fold's reason to refuse, and the audit's."""
    reasons: list[str | None] = []
    try:
        record = READERS[kind].decode(value)
        if isinstance(record, EventIn):
            check_names(record)
        reasons.append(None)
    except ContractError as refused:
        reasons.append(refused.reason)
    try:
        read(kind, value)
        reasons.append(None)
    except RefusedError as refused:
        reasons.append(refused.reason)
    return reasons[0], reasons[1]


def raw_values(kind: Kind) -> st.SearchStrategy[bytes]:
    """Any record that a raw topic's contract allows, as bytes."""
    return st.sampled_from(BY_NAME[raw_topic(kind)].events).flatmap(events).map(encode)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_good_record_is_read_by_both_alike(kind: Kind, data: st.DataObject) -> None:
    """With the same fields and the same doubles, and defaults where the record has none."""
    value = data.draw(raw_values(kind))
    fold, audit = READERS[kind].decode(value), read(kind, value)
    for field in msgspec.structs.fields(type(fold)):
        if field.name in audit:
            found = audit[field.name]
            wanted = getattr(fold, field.name)
            assert (float(found) if isinstance(wanted, float) else found) == wanted, field.name


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_record_with_one_odd_field_is_judged_alike(kind: Kind, data: st.DataObject) -> None:
    """Another type, another range, missing, or twice."""
    whole = msgspec.json.decode(data.draw(raw_values(kind)))
    name = data.draw(st.sampled_from([*FIELDS[whole["type"]], "type"]))
    act = data.draw(st.sampled_from(["replace", "drop", "double"]))
    odd = data.draw(ODD)
    if act == "double":
        value = msgspec.json.encode(whole)
        pair = msgspec.json.encode({name: odd})
        value = pair[:-1] + b"," + value[1:] if name != "type" else value
    else:
        if act == "drop":
            whole.pop(name, None)
        else:
            whole[name] = odd
        value = msgspec.json.encode(whole)
    fold, audit = judged(kind, value)
    assert fold == audit, value


@given(
    at=st.integers(0, len(TRADE)),
    cut=st.integers(0, 3),
    put=st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b"\\u", b"\\ud800", b"{", b"[]"])),
)
@example(at=len(TRADE) - 1, cut=0, put=b',"x":"\\ud83d\\ude00"')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":"\\ud83d\\n"')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":"\\udc00\\ud800"')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":"\\\\ud800"')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":' + b"9" * 5_000)
@example(at=len(TRADE) - 1, cut=0, put=b',"x":1e999')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":01')
@example(at=len(TRADE) - 1, cut=0, put=b',"sequence":' + b"9" * 5_000)
@example(at=len(TRADE) - 1, cut=0, put=b',"type":"heartbeat"')
@example(at=len(TRADE) - 1, cut=0, put=b',"price":-1')
@example(at=len(TRADE) - 1, cut=0, put=b',"x":"\xff"')
@example(at=len(TRADE) - 1, cut=1, put=b"")
@example(at=len(TRADE), cut=0, put=b"\x0c")
def test_bytes_that_were_tampered_with_are_judged_alike(at: int, cut: int, put: bytes) -> None:
    """Whether they are JSON still, or UTF-8, or neither."""
    value = TRADE[:at] + put + TRADE[at + cut :]
    fold, audit = judged("market", value)
    assert fold == audit, value


def test_the_tags_are_those_of_the_table() -> None:
    """A new event in a raw topic must be told to the audit."""
    assert {kind: sorted(tags) for kind, tags in TAGS.items()} == {
        kind: sorted(BY_NAME[raw_topic(kind)].tags) for kind in KINDS
    }
