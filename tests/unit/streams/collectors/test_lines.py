"""Files as frames: every line, its place, and what cannot be read."""

import gzip
from pathlib import Path

from streams.collectors.lines import LINE_BYTES_MAX, frames_of


def write(path: Path, data: bytes) -> Path:
    """Write a file, compressed if its name says so."""
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_plain_and_gzip_are_read_alike(tmp_path: Path) -> None:
    """The same lines, of either line end, the last one without any; blank ones are passed over."""
    data = b'{"a":1}\n\n{"a":2}\r\n  \n{"a":3}'
    for name in ("plain.jsonl", "packed.jsonl.gz"):
        frames = list(frames_of([write(tmp_path / name, data)]))
        assert [frame.data for frame in frames] == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
        assert [frame.origin for frame in frames] == [f"{name}/1", f"{name}/3", f"{name}/5"]
        assert [frame.fault for frame in frames] == [None] * 3


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    """In the order given, each with line numbers of its own."""
    files = [write(tmp_path / "b.jsonl", b"1\n2\n"), write(tmp_path / "a.jsonl", b"3\n")]
    assert [frame.origin for frame in frames_of(files)] == ["b.jsonl/1", "b.jsonl/2", "a.jsonl/1"]


def test_a_line_at_the_bound_is_read_and_a_longer_one_is_cut(tmp_path: Path) -> None:
    """One byte more is one too many; the next line is whole again."""
    longest, longer = b"x" * LINE_BYTES_MAX, b"y" * (LINE_BYTES_MAX + 1)
    huge = b"z" * (3 * LINE_BYTES_MAX)
    for end in (b"\n", b"\r\n"):
        path = write(tmp_path / "long.jsonl", end.join([longest, longer, huge, b"after", longer]))
        frames = list(frames_of([path]))
        assert [frame.data[:1] for frame in frames] == [b"x", b"y", b"z", b"a", b"y"]
        assert [frame.fault and frame.fault.reason for frame in frames] == [
            None,
            "too_large",
            "too_large",
            None,
            "too_large",
        ]
        assert max(len(frame.data) for frame in frames) == LINE_BYTES_MAX


def test_a_broken_file_says_so_and_the_next_one_is_read(tmp_path: Path) -> None:
    """A gzip file that ends too early, and one that is none, are a fault each, behind what could be read."""
    lines = b"".join(b'{"line":%d}\n' % number for number in range(20_000))
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(lines)[:-2_000])
    none = tmp_path / "none.gz"
    none.write_bytes(b"this is no gzip")
    whole = write(tmp_path / "whole.jsonl", b"1\n")
    frames = list(frames_of([cut, none, whole]))
    faults = [frame for frame in frames if frame.fault is not None]
    assert [str(frame.fault).split(" cannot")[0] for frame in faults] == [str(cut), str(none)]
    assert {frame.fault.reason for frame in faults if frame.fault} == {"malformed"}
    assert frames[0].data == b'{"line":0}'
    assert frames[-1].data == b"1"
