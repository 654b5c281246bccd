"""The agent's path of one partition without servers: a log that is read, topics that are written, lives that end."""

from collections import Counter
from collections.abc import Callable, Iterable

from agents.analyst import Analyst
from agents.decide.answered import Said
from agents.decide.candidate import Candidate
from agents.decide.inbox import Inbox, Put
from agents.decide.partition import PartitionDecider
from agents.decide.standing import Standing
from agents.publisher import Publisher
from agents.settings import AgentSettings, GateSettings
from agents.trail import Trail
from topics import BY_NAME, Aggregate, Alert, Analysis, Decision, Tally
from topics.record import OutRecord
from topics.settings import BrokerSettings

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0))
_DECODE = {f"t.{name}": BY_NAME[name].decoder().decode for name in ("analyses", "decisions")}


class NoOutlet:
    """Is never asked: the test takes what waits to be written."""

    async def deliver(self, records: list[OutRecord]) -> None:
        """Fail."""
        raise AssertionError(records)


class Partition:
    """What outlives a process: the log, what is written of it, and how far it is committed."""

    def __init__(self, log: Iterable[Aggregate]) -> None:
        self.log = list(log)
        self.told: list[Analysis | Decision | Tally] = []
        self.alerts: list[Alert] = []
        self.committed = 0
        self.lives = 0

    @property
    def analyses(self) -> dict[str, Analysis]:
        """Return what is said, by id; the first of an id counts."""
        found: dict[str, Analysis] = {}
        for told in self.told:
            if isinstance(told, Analysis):
                found.setdefault(told.analysis_id, told)
        return found

    @property
    def superseding(self) -> dict[str, tuple[str, str | None]]:
        """Return how each analysis that takes the place of another stands, and what caused it."""
        return {
            name: (found.status, found.revised_by)
            for name, found in self.analyses.items()
            if found.supersedes is not None
        }

    def decided(self) -> set[str]:
        """Return the analyses that a decision names."""
        decisions = [told for told in self.told if isinstance(told, Decision)]
        return {d.analysis_id for d in decisions if d.analysis_id is not None}

    def accounted(self) -> Counter[int]:
        """Return how often each offset is accounted for: by decisions once, and by tallies."""
        decided = {
            told.last_offset
            for told in self.told
            if isinstance(told, Decision) and told.alert_id is None
        }
        tallied = Counter[int]()
        for told in self.told:
            if isinstance(told, Tally):
                inside = range(told.first_offset, told.last_offset + 1)
                counted = [offset for offset in inside if offset not in decided]
                assert len(counted) == told.folded + told.uninteresting
                tallied.update(counted)
        return Counter(decided) + tallied

    def twice(self) -> list[str]:
        """Return the ids that were written more than once."""
        ids = Counter(
            [f"analysis {a.analysis_id}" for a in self.told if isinstance(a, Analysis)]
            + [f"decision {d.decision_id}" for d in self.told if isinstance(d, Decision)]
            + [t.tally_id for t in self.told if isinstance(t, Tally)]
        )
        return [name for name, count in ids.items() if count > 1]


class Life:
    """One process that has the partition."""

    def __init__(self, partition: Partition) -> None:
        partition.lives += 1
        self.partition = partition
        said, standing = Said(), Standing()
        for told in partition.told:
            said.take(told)
            standing.take(told)
        self.ours = PartitionDecider(
            SETTINGS,
            0,
            read_from=0,
            decide_from=partition.committed,
            tenure=partition.lives,
            said=said,
            standing=standing,
        )
        self.publisher = Publisher(NoOutlet())
        self.analyst = Analyst(SETTINGS, None, now_ms=lambda: 5)
        self.trail = Trail(
            BrokerSettings(prefix="t."), self.publisher, {0: self.ours}, now_ms=lambda: 5
        )
        self.waiting: list[Candidate] = []
        self.inbox = Inbox(99)

    def act(self, letter: str, number: int) -> None:
        """Do one thing: read, answer, let one take over, drop, publish, tally, commit."""
        acts: dict[str, Callable[[], None]] = {
            "r": lambda: self.read(number),
            "a": lambda: self.answer(number),
            "o": self.coalesce,
            "d": self.drop,
            "p": lambda: self.publish(number),
            "t": self.tally,
            "c": self.commit,
        }
        acts[letter]()

    def read(self, count: int = 1) -> None:
        """Read the next windows; what they ask for waits, whatever else waits of the asset."""
        for _ in range(count):
            offset = self.ours.next_offset
            if offset >= len(self.partition.log):
                return
            self._offer(self.ours.take(offset, self.partition.log[offset], 0.0))
            self.trail.tell_superseding(self.ours)

    def hear(self, alert: Alert) -> None:
        """Read an alert."""
        self._offer(self.ours.take_alert(alert, 0.0))
        if alert.state == "retracted":
            self.ours.corrections.retract(alert)
            self.trail.tell_superseding(self.ours)

    def _offer(self, made: Candidate | None) -> None:
        if made is None:
            return
        if (said := self.ours.analysis_of(made)) is not None:
            self.trail.tell_said(made, said)
            return
        self.waiting.append(made)
        if len(self.waiting) > 1 and self.waiting[-2].heir is not None:
            self.coalesce()

    def coalesce(self) -> None:
        """Let the newest that waits take over the one before it, if it is of the same asset."""
        if len(self.waiting) > 1 and self.waiting[-1].asset == self.waiting[-2].asset:
            newer, older = self.waiting.pop(), self.waiting.pop()
            self.inbox.put(older)
            self.trail.tell_put(self.inbox.put(newer))
            self.waiting += self.inbox.remove_partition(0)

    def drop(self) -> None:
        """Let the newest that waits go without an answer."""
        if self.waiting and self.waiting[-1].heir is None:
            self.trail.tell_put(Put(self.waiting[-1], shed=self.waiting.pop()))

    def answer(self, number: int = 0) -> None:
        """Let rules answer one of those that wait."""
        ready = [made for made in self.waiting if made.heir is None]
        if ready:
            made = ready[number % len(ready)]
            self.waiting.remove(made)
            self.trail.tell(made, *self.analyst.decline(made, "no_model"))

    def publish(self, count: int = 1, *, half: bool = False) -> None:
        """Write what waits to be written; ``half``: of one more only the analysis, and nobody hears of it."""
        for _ in range(count):
            if not len(self.publisher):
                return
            outgoing = self.publisher._queue.get_nowait()
            self._write(outgoing.first)
            self._write(outgoing.then)
            outgoing.done()
        if half and len(self.publisher):
            self._write(self.publisher._queue.get_nowait().first)

    def tally(self) -> None:
        """Tell what made no candidate."""
        self.trail.tell_tallies([self.ours])

    def commit(self) -> None:
        """Commit what is finished."""
        self.partition.committed = max(self.partition.committed, self.ours.offsets.committable)

    def finish(self) -> None:
        """Read to the end, answer everything, write everything, commit."""
        for alert in self.partition.alerts:
            self.hear(alert)
        self.read(len(self.partition.log))
        while self.waiting:
            self.answer()
        self.publish(9_999)  # what waits for an acknowledgement may be tallied only then
        self.tally()
        self.publish(9_999)
        self.commit()

    def _write(self, records: Iterable[OutRecord]) -> None:
        self.partition.told += [_DECODE[record.topic](record.value or b"") for record in records]


def at_once(partition: Partition) -> Partition:
    """Return the partition once each window is answered, written and committed before the next is read."""
    life = Life(partition)
    for _ in partition.log:
        life.read()
        while life.waiting:
            life.answer()
        life.publish(9_999)
    life.finish()
    return partition
