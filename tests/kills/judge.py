"""What the topics hold, against what the raw records must give by two computations."""

from collections import Counter

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct, field

from deploy.audit.partition import Rule
from deploy.audit.report import Report
from deploy.audit.run import Place, audited
from streams.windows.state import Meta
from tests.integration.folded import expected
from tests.integration.roles import Pipeline
from topics import KINDS, Kind, raw_topic

OUTPUTS = ("aggregates", "late", "deadletters")
SUBJECTS_MAX = 20_000
_EXAMPLES_MAX = 5

Said = tuple[bytes | None, bytes, tuple[tuple[str, bytes], ...]]
"""Key, value and headers of an output."""


class Verdict(Struct):
    """Counts; all of the first block are zero for a faultless run."""

    missing: int = 0
    wrong: int = 0
    extra: int = 0
    doubled: int = 0
    disordered: int = 0
    contradicted: int = 0
    """What the audit, a second implementation, says otherwise."""
    uncounted: int = 0
    """Raw partitions whose records are not the sum of the state's counters."""

    records: int = 0
    outputs: int = 0
    revisions: int = 0
    """Outputs that correct another."""
    late: int = 0
    letters: int = 0
    aborted: int = 0
    """Output records of transactions that were not committed."""
    examples: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        return not (
            self.missing
            + self.wrong
            + self.extra
            + self.doubled
            + self.disordered
            + self.contradicted
            + self.uncounted
        )

    def note(self, words: str) -> None:
        if len(self.examples) < _EXAMPLES_MAX:
            self.examples.append(words[:600])


async def judge(line: Pipeline) -> Verdict:
    """Compare; the raw topics must have been folded to their ends."""
    verdict = Verdict()
    raw = {kind: await line.read(raw_topic(kind)) for kind in KINDS}
    verdict.records = sum(len(part) for parts in raw.values() for part in parts)
    found = {name: await line.read(name) for name in OUTPUTS}
    wanted = await expected(line)
    for name in OUTPUTS:
        parts = wanted.get(line.broker.topic(name), [[] for _ in found[name]])
        for partition, records in enumerate(found[name]):
            got = [(r.key, r.value, tuple(r.headers)) for r in records]
            compare(verdict, f"{name}/{partition}", got, parts[partition])
    await _count(verdict, line, raw)
    report = await audit(line)
    verdict.contradicted = sum(report.different.values())
    for difference in report.differences:
        verdict.note(str(difference))
    verdict.outputs = sum(len(part) for part in found["aggregates"])
    verdict.late = sum(len(part) for part in found["late"])
    verdict.letters = sum(len(part) for part in found["deadletters"])
    verdict.revisions = sum(
        not dict(r.headers)["ce_id"].endswith(b"/0") for part in found["aggregates"] for r in part
    )
    committed = verdict.outputs + verdict.late + verdict.letters
    verdict.aborted = await _uncommitted(line) - committed
    return verdict


async def audit(line: Pipeline) -> Report:
    """Return what a second program says, that shares no code with the fold: of every field of everything."""
    place = Place(
        options=line.broker.reader_options(),
        prefix=line.broker.prefix,
        partitions=range(line.broker.partitions),
    )
    rule = Rule(partitions=line.broker.partitions, subjects_max=SUBJECTS_MAX, sample=None)
    return await audited(place, rule, lambda *_: None)


def compare(verdict: Verdict, place: str, got: list[Said], wanted: list[Said]) -> None:
    """Compare one partition of one topic by id, which for a window holds its revision; a late event may come twice, and is told twice."""
    if got == wanted:
        return
    ids = [dict(said[2])["ce_id"] for said in got]
    due = [dict(said[2])["ce_id"] for said in wanted]
    missing, extra = Counter(due) - Counter(ids), Counter(ids) - Counter(due)
    verdict.missing += missing.total()
    doubled = sum(n for name, n in extra.items() if name in due)
    verdict.doubled += doubled
    verdict.extra += extra.total() - doubled
    surplus = Counter(got) - Counter(wanted)
    wrong = [said for said in surplus if dict(said[2])["ce_id"] not in extra]
    verdict.wrong += len(wrong)
    for kind in KINDS:
        mark = f"{kind}/".encode()
        mine = [said for said, name in zip(got, ids, strict=True) if name.startswith(mark)]
        order = [said for said, name in zip(wanted, due, strict=True) if name.startswith(mark)]
        if mine != order and Counter(mine) == Counter(order):
            verdict.disordered += 1
            first = next(a for a, b in zip(mine, order, strict=True) if a != b)
            verdict.note(f"{place}: {dict(first[2])['ce_id'].decode()} comes too early")
    if missing or extra or wrong:
        verdict.note(f"{place}: missing {missing}, extra {extra}, wrong {wrong[:1]}")


async def _count(
    verdict: Verdict, line: Pipeline, raw: dict[Kind, list[list[ConsumerRecord]]]
) -> None:
    """End offset less start offset is the sum of the counters, by the broker's own offsets."""
    metas: dict[tuple[str, int], Meta] = {}
    for partition, records in enumerate(await line.read("streams-state-changelog")):
        for record in records:
            if record.key.endswith(b"|meta") and record.value:
                kind = record.key.decode().split("|")[1]
                metas[kind, partition] = msgspec.json.decode(record.value, type=Meta)
    for kind, parts in raw.items():
        async with line._reader(raw_topic(kind)) as (consumer, places):
            begins, ends = (
                await consumer.beginning_offsets(places),
                await consumer.end_offsets(places),
            )
        for place in places:
            meta, due = metas.get((kind, place.partition)), ends[place] - begins[place]
            counted = meta.counters.total() if meta else 0
            if counted != due or len(parts[place.partition]) != due:
                verdict.uncounted += 1
                verdict.note(f"{kind}/{place.partition}: {due} records, {counted} counted")


async def _uncommitted(line: Pipeline) -> int:
    """Return how many output records there are, those of aborted transactions included."""
    options = line.broker.reader_options() | {"isolation_level": "read_uncommitted"}
    names = [line.broker.topic(name) for name in OUTPUTS]
    places = [TopicPartition(n, p) for n in names for p in range(line.broker.partitions)]
    count = 0
    async with AIOKafkaConsumer(**options, auto_offset_reset="earliest") as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        left = {place for place in places if ends[place]}
        while left:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                count += len(records)
            left = {place for place in left if await consumer.position(place) < ends[place]}
    return count
