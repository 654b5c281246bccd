"""What the fold says, by `deploy.audit`: the second implementation of docs/windows.md."""

import json
from collections.abc import Iterable, Sequence

from deploy.audit.compare import body_differences
from deploy.audit.outputs import Expected
from deploy.audit.recompute import Recomputation
from streams.windows import Output
from topics import Aggregate, DeadLetter, Kind, Late, encode
from topics.deadletter import to_record

Record = tuple[bytes | None, bytes]


def recomputed(
    kind: Kind, log: Sequence[Record], timestamp_ms: int, *, subjects_max: int = 100
) -> tuple[Recomputation, list[Expected]]:
    """Return a second fold of a log, and what must have come of it."""
    second = Recomputation(kind, 0, partitions=1, subjects_max=subjects_max)
    expected: list[Expected] = []
    for offset, (key, value) in enumerate(log):
        expected += second.feed(offset, timestamp_ms, key, value)
    return second, expected


def recomputed_at(kind: Kind, log: Iterable[tuple[int, bytes | None, bytes]]) -> list[Expected]:
    """Return what must come of a log whose records each have a timestamp of their own."""
    second = Recomputation(kind, 0, partitions=1, subjects_max=100)
    expected: list[Expected] = []
    for offset, (timestamp_ms, key, value) in enumerate(log):
        expected += second.feed(offset, timestamp_ms, key, value)
    return expected


def assert_audited(outputs: Iterable[Output], expected: Sequence[Expected]) -> None:
    """The outputs are the expected ones, in their order, field by field."""
    found = list(outputs)
    assert len(found) == len(expected)
    for output, wanted in zip(found, expected, strict=True):
        assert list(differences(output, wanted)) == []


def differences(output: Output, wanted: Expected) -> Iterable[str]:
    """What an output says otherwise than it must."""
    match output:
        case Aggregate():
            return body_differences(wanted.body, json.loads(encode(output)))
        case Late():
            body = json.loads(encode(output))
            assert encode(output).endswith(wanted.original + b"}")
            del body["event"]
            return body_differences(wanted.body, body)
        case DeadLetter():
            key, value, headers = to_record(output)
            told = {name: text for name, text in headers if name in wanted.headers}
            told["__connect.errors.exception.message"] = b""
            assert (key, value, told) == (wanted.key, wanted.original, wanted.headers)
            return ()
