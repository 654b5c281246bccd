"""What the fold reads of the raw contracts: the same tags and names, and it takes what they take."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows.intake import FlowIn, LevelIn, PostIn, RepositoryIn, TradeIn, id_of, reader_of
from tests.strategies.contracts import raw_events
from topics import (
    KINDS,
    ContractError,
    Kind,
    Post,
    RawEvent,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
    event_id,
    kind_of,
)
from topics.codec import tag_of

PAIRS = [
    (TradeIn, Trade),
    (FlowIn, VolumeFlow),
    (LevelIn, VolumeLevel),
    (PostIn, Post),
    (RepositoryIn, RepositoryEvent),
]


@pytest.mark.parametrize(("lean", "contract"), PAIRS)
def test_a_projection_has_its_contracts_tag_and_names(lean: type, contract: type) -> None:
    """And the same fields may be left out."""
    whole = {f.name: f.required for f in msgspec.structs.fields(contract)}
    part = {f.name: f.required for f in msgspec.structs.fields(lean)}
    assert tag_of(lean) == tag_of(contract)
    assert part.items() <= whole.items()


@given(raw_events())
def test_what_the_contract_allows_the_fold_reads(event: RawEvent) -> None:
    """Every number is the nearest double, every other field the same, and so is the id."""
    lean = reader_of(kind_of(event)).decode(encode(event))
    for name in lean.__struct_fields__:
        whole, part = getattr(event, name), getattr(lean, name)
        assert part == (float(whole) if isinstance(part, float) else whole), name
    assert id_of(lean) == event_id(event)  # type: ignore[arg-type]


@given(st.sampled_from(KINDS), st.binary(max_size=40))
def test_hostile_bytes_raise_only_contract_errors(kind: Kind, data: bytes) -> None:
    """Whatever a producer sends."""
    with pytest.raises(ContractError) as refused:
        reader_of(kind).decode(data)
    assert refused.value.reason in ("malformed", "invalid", "unknown_type")
