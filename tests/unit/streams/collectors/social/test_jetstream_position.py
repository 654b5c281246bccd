"""Where to go on in a stream: whatever is cut, changed or forgotten, each hole is told, and none that is none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.jetstream_frames import (
    FRAME_BYTES_MAX,
    Event,
    Notice,
    Unreadable,
    Version,
    error_name,
    read,
)
from streams.collectors.social.jetstream_position import (
    OTHER_HOST_US,
    OVERLAP_US,
    SEQ_MAX,
    Hole,
    Position,
    RenumberedError,
)

AT = 1_790_000_000_000_000


class Host:
    """A host's log as both protocols give it: what it has since its floor, from a cursor on."""

    def __init__(self, times: list[int], *, first_seq: int, floor: int = 0) -> None:
        self.events = [(at, first_seq + n) for n, at in enumerate(times)][floor:]
        self.floor_seq = first_seq + floor

    def since(self, cursor: int | None) -> list[tuple[int, int]] | None:
        """Return what is sent; None for a refusal."""
        if cursor is None:
            return []
        if cursor >= SEQ_MAX:
            return [event for event in self.events if event[0] >= cursor]
        return None if cursor < self.floor_seq else [e for e in self.events if e[1] >= cursor]


@given(st.data())
def test_every_event_is_read_or_lies_in_a_hole(data: st.DataObject) -> None:
    """Over any hosts, versions, cuts and windows; and a hole holds nothing that was read before or is there."""
    steps = data.draw(st.lists(st.integers(1, 20_000_000), min_size=2, max_size=20))
    times = [AT + sum(steps[:n]) for n in range(len(steps))]
    position, got, holes = Position(), list[int](), list[Hole]()
    position.resume(times[0] // 1_000)
    start_us = position.reached_us or 0
    session = st.tuples(
        st.sampled_from([("one", 1), ("one", 2), ("two", 2)]), st.integers(0, 9), st.integers(0, 29)
    )
    sessions = data.draw(st.lists(session, max_size=8))
    floor = 0
    for (name, version), forgets, frames in [*sessions, (("two", 2), 0, 1_000)]:
        floor = min(floor + forgets, len(times) - 1)
        host = Host(times, first_seq={"one": 7, "two": 70_000}[name], floor=floor)
        sent = host.since(position.ask(name, version))  # type: ignore[arg-type]
        if sent is None:
            position.too_old()
            sent = host.since(position.ask(name, version))  # type: ignore[arg-type]
        assert sent is not None
        for at, seq in sent[:frames]:
            hole = position.take(at, seq if version == 2 else None)
            holes += [hole] if hole else []
            got.append(at)
    for at in times[1:]:
        assert at in got or any(hole.from_us < at < hole.to_us for hole in holes)
    for hole in holes:
        assert not any(hole.from_us < at < hole.to_us for at in got)
        assert hole.from_us in [*got, start_us]
        assert hole.to_us in got


def test_what_is_asked_for() -> None:
    """Nothing at first; a number of the host that gave it, else a time before the last event."""
    position = Position()
    assert position.ask("a", 2) is None
    position.take(AT, 5)
    assert position.ask("a", 2) == 5
    assert position.ask("a", 1) == AT - OVERLAP_US
    assert position.ask("b", 2) == AT - OTHER_HOST_US
    position.too_old()
    assert position.ask("a", 2) == AT - OVERLAP_US


def test_a_number_that_brings_nothing_is_given_up() -> None:
    """The host may count anew, and take it for one that is to come."""
    position = Position()
    position.ask("a", 2)
    position.take(AT, 5)
    assert [position.ask("a", 2), position.ask("a", 2)] == [5, AT - OVERLAP_US]


@pytest.mark.parametrize(("seq", "moved_us"), [(4, 0), (5, 1_000_001), (5, -1_000_001)])
def test_a_number_that_is_another_events_now_is_given_up(seq: int, moved_us: int) -> None:
    """One that is below what was asked for, or of another time."""
    position = Position()
    position.ask("a", 2)
    position.take(AT, 5)
    assert position.ask("a", 2) == 5
    with pytest.raises(RenumberedError):
        position.take(AT + moved_us, seq)
    assert position.ask("a", 2) == AT - OVERLAP_US
    assert position.take(AT - 1, 1) is None


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)), st.sampled_from([1, 2]))
def test_hostile_frames_are_unreadable_and_nothing_is_raised(
    frame: bytes | str, version: Version
) -> None:
    """Whatever a host sends."""
    assert isinstance(read(frame, version), Unreadable)
    assert error_name(frame.encode(errors="replace") if isinstance(frame, str) else frame) == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = ("did", "time_us", "kind", "commit", "account", "$type", "payload", "error", "message")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from([1, 2]))
def test_hostile_fields_raise_nothing(told: dict[str, object], version: Version) -> None:
    """Types, ranges, and what is missing."""
    assert isinstance(read(msgspec.json.encode(told), version), Event | Notice | Unreadable)


def test_a_frame_is_read_up_to_its_bound() -> None:
    """One byte more, and it is not looked at."""
    frame = '{"did":"d","time_us":1,"kind":"identity","x":"'
    frame += "x" * (FRAME_BYTES_MAX - len(frame) - 2) + '"}'
    assert read(frame, 1) == Event("other", "d", "", 1)
    assert read(frame + " ", 1).reason == "too_large"  # type: ignore[union-attr]
