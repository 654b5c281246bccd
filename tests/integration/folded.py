"""What the raw topics of a broker must give, by the fold run here, against what the topics hold."""

from typing import Any

from streams.processors.aggregate import AggregateProgram
from topics import KINDS, raw_topic

from .roles import PARTITIONS, Pipeline


async def expected(line: Pipeline) -> dict[str, list[list[tuple[Any, ...]]]]:
    """What the raw topics as they stand must give, by topic, partition and kind: key, value, headers."""
    out: dict[str, list[list[tuple[Any, ...]]]] = {}
    raw = {kind: await line.read(raw_topic(kind)) for kind in KINDS}
    for partition in range(PARTITIONS):
        for kind in KINDS:
            program = AggregateProgram(line.broker, partition, {}, subjects_max=20_000)
            program.feed(line.broker.topic(raw_topic(kind)), raw[kind][partition])
            checkpoint = program.take()
            for record in checkpoint.outputs if checkpoint else ():
                parts = out.setdefault(record.topic, [[] for _ in range(PARTITIONS)])
                parts[partition].append((record.key, record.value, tuple(record.headers)))
    return out


async def assert_as_folded(line: Pipeline) -> int:
    """The topics hold exactly what the fold says: nothing more, nothing less, each byte, in each kind's order."""
    wanted, count = await expected(line), 0
    for name in ("aggregates", "late", "deadletters"):
        found = await line.read(name)
        parts = wanted.get(line.broker.topic(name), [[] for _ in range(PARTITIONS)])
        for partition in range(PARTITIONS):
            got = [(r.key, r.value, tuple(r.headers)) for r in found[partition]]
            assert sorted(got, key=repr) == sorted(parts[partition], key=repr), (name, partition)
            count += len(got)
            for kind in KINDS:
                mark = f"{kind}/".encode()
                mine = [r for r in got if dict(r[2])["ce_id"].startswith(mark)]
                order = [r for r in parts[partition] if dict(r[2])["ce_id"].startswith(mark)]
                assert mine == order, (name, partition, kind)
    return count
