"""What goes to the disk comes back, in order, all of it, after a kill at any instant; and never more than its bound."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.spill import POSITION, Room, Spill
from topics.record import OutRecord

LARGE = 2**40


def record(number: int, *, size: int = 10) -> OutRecord:
    headers = [("ce_id", b"%d" % number)] if number % 3 == 0 else []
    key = None if number % 5 == 0 else b"XRP"
    return OutRecord("t.raw.market", number % 4, key, b"%d " % number + b"x" * size, headers)


def numbers(records: list[OutRecord]) -> list[int]:
    return [int((r.value or b"").split()[0]) for r in records]


def rest(spill: Spill) -> list[int]:
    """Take and acknowledge everything."""
    found: list[int] = []
    while records := spill.take():
        found += numbers(records)
        spill.acknowledged()
    spill.settle()
    return found


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_comes_back_as_it_was(tmp_path: Path) -> None:
    """Keys, headers and partitions too; and nothing is left on the disk behind it."""
    spill = Spill(tmp_path, Room(LARGE))
    records = [record(number) for number in range(20)]
    assert spill.empty
    assert spill.append(records)
    assert spill.take() == records
    assert spill.bytes > 0
    spill.acknowledged()
    assert spill.empty
    assert files(tmp_path) == []


@given(
    steps=st.lists(
        st.sampled_from(["append", "append", "take", "acknowledge", "kill"]), max_size=40
    ),
    sizes=st.lists(st.integers(0, 300_000), min_size=1, max_size=5),
)
def test_a_kill_loses_nothing_and_doubles_only_what_was_under_way(
    steps: list[str], sizes: list[int]
) -> None:
    """Each record comes until it was acknowledged, in order; the files are as many as are needed."""
    with tempfile.TemporaryDirectory() as name:
        folder, written, unacknowledged = Path(name), 0, []
        spill = Spill(folder, room := Room(LARGE), segment_bytes=400_000)
        waiting: list[int] = []
        for at, step in enumerate(steps):
            if step == "append":
                batch = [
                    record(written + n, size=sizes[(at + n) % len(sizes)])
                    for n in range(1 + at % 3)
                ]
                assert spill.append(batch)
                waiting += numbers(batch)
                written += len(batch)
            elif step == "take":
                if taken := numbers(spill.take()):
                    assert taken == waiting[: len(taken)]
                    del waiting[: len(taken)]
                    unacknowledged.append(taken)
            elif step == "acknowledge" and unacknowledged:
                spill.acknowledged()
                unacknowledged.pop(0)
            elif step == "kill":
                spill = Spill(folder, room := Room(LARGE), segment_bytes=400_000)
                waiting = [n for taken in unacknowledged for n in taken] + waiting
                unacknowledged.clear()
        assert rest(spill)[-len(waiting) or written :] == waiting
        for _ in unacknowledged:
            spill.acknowledged()
        assert (spill.empty, room.used, spill.torn) == (True, 0, 0)
        assert files(folder) == []


@pytest.mark.parametrize("cut", [1, 5, 9, 20])
def test_a_torn_tail_ends_there_and_no_later(tmp_path: Path, cut: int) -> None:
    """After a power cut: what is whole before it comes, and what is written after the restart."""
    spill = Spill(tmp_path, Room(LARGE))
    spill.append([record(number) for number in range(5)])
    (file,) = tmp_path.glob("*.spill")
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - cut)
    again = Spill(tmp_path, room := Room(LARGE))
    again.append([record(7)])
    assert rest(again) == [0, 1, 2, 3, 7]
    assert again.torn == 1
    assert (again.empty, room.used, files(tmp_path)) == (True, 0, [])


@pytest.mark.parametrize("at", [0, 3, 5, 30])
def test_a_damaged_byte_ends_its_segment(tmp_path: Path, at: int) -> None:
    """The checksum finds it; other segments are whole."""
    spill = Spill(tmp_path, Room(LARGE), segment_bytes=100)
    for first in (0, 10, 20):
        spill.append([record(first + number) for number in range(3)])
    middle = sorted(tmp_path.glob("*.spill"))[1]
    data = bytearray(middle.read_bytes())
    data[at] ^= 0xFF
    middle.write_bytes(data)
    again = Spill(tmp_path, Room(LARGE))
    assert rest(again) == [0, 1, 2, 20, 21, 22]
    assert (again.torn, again.empty) == (1, True)


def test_the_bound_is_kept_by_all_together(tmp_path: Path) -> None:
    """Nothing of what has no room is written; what is acknowledged makes room."""
    room = Room(1_000)
    one, two = (Spill(tmp_path / name, room, segment_bytes=1) for name in ("a", "b"))
    assert one.append([record(1, size=400)])
    assert two.append([record(2, size=300)])
    assert not one.append([record(3, size=300), record(4)])
    assert rest(two) == [2]
    assert one.append([record(3, size=300)])
    assert 0 < room.used <= room.bytes_max
    assert rest(one) == [1, 3]
    assert room.used == 0


def test_what_is_under_way_is_skipped(tmp_path: Path) -> None:
    """It is there for the next process, and this one sends it no second time."""
    spill = Spill(tmp_path, Room(LARGE))
    spill.append([record(1), record(2)])
    spill.skip(2)
    spill.append([record(3)])
    assert numbers(list(Spill(tmp_path, Room(LARGE)).records())) == [1, 2, 3]
    assert numbers(spill.take()) == [3]
    spill.acknowledged()
    assert numbers(list(Spill(tmp_path, Room(LARGE)).records())) == [3]
    spill.acknowledged()
    assert spill.empty


def test_an_old_position_says_nothing_of_a_new_file(tmp_path: Path) -> None:
    """Numbers begin anew once all is through."""
    spill = Spill(tmp_path, Room(LARGE))
    spill.append([record(number) for number in range(3)])
    spill.append([record(3)])
    spill.take()
    spill.append([record(4)])
    spill.acknowledged()
    assert POSITION in files(tmp_path)
    assert rest(spill) == [4]
    spill.append([record(5)])
    assert rest(Spill(tmp_path, Room(LARGE))) == [5]


def test_a_full_disk_leaves_what_was_written(tmp_path: Path) -> None:
    """A write that fails midway is not read, and the next goes to another file."""
    spill = Spill(tmp_path, Room(LARGE))
    spill.append([record(1)])
    (file,) = tmp_path.glob("*.spill")
    import os  # noqa: PLC0415

    descriptor = spill._writing
    assert descriptor is not None
    readonly = os.open(file, os.O_RDONLY)
    os.dup2(readonly, descriptor)
    os.close(readonly)
    with pytest.raises(OSError, match="Bad file descriptor"):
        spill.append([record(2)])
    assert spill.append([record(3)])
    assert rest(spill) == [1, 3]
    assert spill.empty
