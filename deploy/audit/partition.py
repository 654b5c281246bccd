"""The audit of one partition of one raw topic: raw records and outputs in, differences out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from topics.catalog import raw_topic

from .compare import STATE_FIELDS, Difference, Found, differences_of, identity_of, with_body
from .kinds import RULES
from .outputs import Expected
from .pairing import Pair, Pairing
from .recompute import COUNTED, Recomputation
from .report import Part, Report
from .routing import asset_of, partition_of
from .sample import Sample

_BOUNDS = {"aggregates": "aggregates", "late": "late", "deadletters": "dead_letters"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the streams role says of itself in its state: where it is, and what it has counted."""

    first_offset: int | None
    next_offset: int | None
    counters: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to audit by."""

    partitions: int
    subjects_max: int
    epoch: int = 0
    sample: int | None = None
    """Aggregates of one stratum to compare field by field; None compares all."""


class PartitionAudit:
    """Folds a partition again and holds every record that came of it against what must have come of it."""

    def __init__(
        self,
        kind: str,
        partition: int,
        rule: Rule,
        *,
        first_offset: int,
        told: Told | None = None,
        cut: frozenset[str] = frozenset(),
        strays: bool = True,
    ) -> None:
        """Begin where the raw log does.

        Without ``told`` everything counts as folded. ``cut`` names the topics of outputs that no longer begin
        at their start; ``strays`` says whether to report records that do not say what they came of.
        """
        self.part = Part(kind, partition, first_offset=first_offset, end_offset=first_offset)
        self.report = Report(parts=[self.part])
        self._topic = raw_topic(kind)  # type: ignore[arg-type]
        self._rule, self._told, self._cut, self._strays = rule, told, cut, strays
        self._fold = Recomputation(
            kind,
            partition,
            partitions=rule.partitions,
            subjects_max=rule.subjects_max,
            epoch=rule.epoch,
        )
        self._pairing = Pairing()
        self._sample = Sample(rule.sample or 0)
        self._met: dict[str, int] = {}
        """By topic of outputs, the raw offset that made the first record found there."""
        began = first_offset if told is None or told.first_offset is None else told.first_offset
        self._is_partial = first_offset != (began if told is not None else 0)
        """Whether what the streams role knew before the first record is not known here."""
        self._settled_ms: int | None = None
        self._settled_offset: int | None = None if self._is_partial else first_offset

    @property
    def waits(self) -> bool:
        """Whether something that must be there has not been found yet."""
        return bool(self._pairing.expected)

    @property
    def ahead(self) -> int:
        """How many records were found that nobody has asked for yet."""
        return len(self._pairing.found)

    def feed(
        self,
        offset: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> None:
        """Take the next raw record."""
        if offset != self.part.end_offset:
            text = f"offsets {self.part.end_offset} to {offset - 1} hold no record"
            self.report.add([Difference("hole", f"{self._topic}/{self.part.partition}", text)])
        self._note_folded(offset)
        self.part.end_offset = offset + 1
        self.part.records += 1
        outputs = self._fold.feed(offset, timestamp_ms, key, value, headers)
        self._settle(offset)
        for expected in outputs:
            if self._is_early(expected):
                continue
            if (pair := self._pairing.expect(expected)) is not None:
                self._pair(pair)

    def find(self, found: Found) -> None:
        """Take the next record of a topic of outputs; those of other raw topics are passed over."""
        found = with_body(found)
        identity = identity_of(found)
        if identity is None:
            stage = dict(found.headers).get("tapereader.stage")
            if self._strays and (found.topic != "deadletters" or stage in (None, b"fold")):
                text = "the record does not say what it came of"
                self.report.add([Difference("stray", found.where, text)])
            return
        topic, name = identity
        if topic != self._topic:
            return
        if found.topic == "aggregates" and _epoch_of(name) != self._rule.epoch:
            return
        if self._settled_ms is not None and self._was_early(found, name):
            self.part.left_out += 1
            return
        met = self._pairing.find(name, found)
        if isinstance(met, Difference):
            self.report.add([met])
        elif met is not None:
            self._pair(met)

    def finish(self) -> Report:
        """Return what was found, when both sides have come to their end."""
        self._note_folded(self.part.end_offset)
        self.part.counts = self.part.counts or dict(self._fold.counts)
        expected, found = self._pairing.left()
        for one in expected:
            self._missing(one)
        for other in found:
            self._extra(other)
        sampled = self._sample.pairs().values()
        for pair in sampled:
            self._compare(pair)
        if self._rule.sample is not None:
            self.part.compared = len(sampled)
            self.part.strata = self._sample.sizes()
        self.report.add(self._counter_differences())
        return self.report

    # What the raw log tells of itself

    def _note_folded(self, offset: int) -> None:
        """Keep the counts as they are where the streams role has come to."""
        if self._told is not None and offset == (self._told.next_offset or self.part.first_offset):
            self.part.counts = dict(self._fold.counts)

    def _is_unfolded(self, offset: int) -> bool:
        return self._told is not None and offset >= (self._told.next_offset or 0)

    def _settle(self, offset: int) -> None:
        """Where the raw log has lost its start, trust nothing before a horizon after the first watermark."""
        watermark_ms = self._fold.clock.watermark_ms
        if self._settled_offset is not None or watermark_ms is None:
            return
        if self._settled_ms is None:
            rules = RULES[self.part.kind]
            spans = max(size for size, _ in rules.sizes) if self.part.kind == "volume" else 0
            self._settled_ms = watermark_ms + rules.horizon_ms + spans
        if watermark_ms >= self._settled_ms:
            self._settled_offset = offset + 1

    def _is_early(self, expected: Expected) -> bool:
        start_ms = (expected.body or {}).get("window_start_ms")
        return self._is_before_settled(expected.topic, start_ms, expected.offset)

    def _was_early(self, found: Found, name: str) -> bool:
        """Return whether a record came of what the raw log has told too little of, as far as it has been read."""
        last = name.rpartition("/")[2]
        offset = int(last) if last.isdigit() else 0
        if found.topic != "aggregates" and offset >= self.part.end_offset:
            return False
        start_ms = (found.body or {}).get("window_start_ms")
        return self._is_before_settled(found.topic, start_ms, offset)

    def _is_before_settled(self, topic: str, start_ms: object, offset: int) -> bool:
        if not self._is_partial:
            return False
        if topic == "aggregates" and isinstance(start_ms, int):
            return self._settled_ms is None or start_ms < self._settled_ms
        return self._settled_offset is None or offset < self._settled_offset

    # What pairs and what does not

    def _pair(self, pair: Pair) -> None:
        expected, _ = pair
        first = self._met.get(expected.topic, expected.offset)
        self._met[expected.topic] = min(first, expected.offset)
        counted = _BOUNDS[expected.topic]
        setattr(self.part, counted, getattr(self.part, counted) + 1)
        if expected.topic != "aggregates" or self._rule.sample is None:
            self.part.compared += expected.topic == "aggregates"
            self._compare(pair)
        else:
            self._sample.offer(pair)

    def _compare(self, pair: Pair) -> None:
        rests_on_more = self._is_partial and pair.expected.topic == "aggregates"
        leaving_out = STATE_FIELDS if rests_on_more else frozenset[str]()
        self.report.add(differences_of(*pair, leaving_out=leaving_out))

    def _missing(self, expected: Expected) -> None:
        if self._is_unfolded(expected.offset):
            self.part.to_come += 1
        elif expected.topic in self._cut and self._is_before_met(expected):
            self.part.left_out += 1
        else:
            place = f"{self._topic}/{self.part.partition} at {expected.offset}"
            text = f"{expected.name} is missing; {place} must have made it"
            where = f"{expected.topic}/{self.part.partition}"
            self.report.add([Difference("missing", where, text)])

    def _is_before_met(self, expected: Expected) -> bool:
        first = self._met.get(expected.topic)
        return first is None or expected.offset < first

    def _extra(self, found: Found) -> None:
        _, name = identity_of(found) or ("", "")
        if self._was_early(found, name):
            self.part.left_out += 1
            return
        text = f"{name} must not be there"
        asset = asset_of(str((found.body or {}).get("subject", "")))
        home = partition_of(asset, self._rule.partitions)
        if found.topic != "deadletters" and home != found.partition:
            text += f": {asset} belongs in partition {home}"
        self.report.add([Difference("extra", found.where, text)])

    def _counter_differences(self) -> Iterator[Difference]:
        told, part = self._told, self.part
        if told is None or told.next_offset is None or told.first_offset is None:
            part.unfolded = part.records if told is not None else 0
            return
        part.unfolded = max(0, part.end_offset - max(told.next_offset, part.first_offset))
        where = f"the state of {self._topic}/{part.partition}"
        folded = told.next_offset - told.first_offset
        counted = sum(told.counters.get(name, 0) for name in COUNTED)
        if counted != folded:
            text = f"its counters add up to {counted}, but it has folded {folded} records"
            yield Difference("sum", where, text)
        if told.next_offset > part.end_offset:
            text = f"it goes on at {told.next_offset}, but the log ends at {part.end_offset}"
            yield Difference("sum", where, text)
        if told.first_offset != part.first_offset:
            return  # it began to count elsewhere
        for name, number in part.counts.items():
            if told.counters.get(name) != number:
                text = f"it counts {told.counters.get(name)} {name.replace('_', ' ')}, not {number}"
                yield Difference("counter", where, text)


def _epoch_of(name: str) -> int:
    """Return the epoch that stands behind an aggregate's id; 0 where none does."""
    last = name.rpartition("/")[2]
    return int(last[1:]) if last[:1] == "e" and last[1:].isdigit() else 0
