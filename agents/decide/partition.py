"""One partition of the aggregates, read in order: context, gate, and what became of every record. PURE."""

from collections import deque

from msgspec import Struct
from msgspec.structs import replace

from agents.settings import AgentSettings
from topics import Aggregate, Alert, Analysis, Severity, Tally
from topics.analysis import Product, analysis_id
from topics.offsets import Offsets

from .alerts import AlertBook, alert_reason, candidate_id_of
from .answered import Said
from .candidate import AlertCause, Candidate
from .context import AssetContext, Context, Labels, Noted
from .corrections import Corrections
from .facts import are_latest, earlier_of, facts_of
from .gate import Gate, Verdict, is_asked, may_ask
from .quality import quality_of
from .standing import Standing, root_id_of
from .superseding import Superseding


class _Count(Struct):
    first: int
    last: int
    folded: int = 0
    uninteresting: int = 0
    offsets: list[int] = []


class PartitionDecider:
    """Folds one partition. Below ``decide_from`` it folds and remembers without deciding."""

    def __init__(
        self,
        settings: AgentSettings,
        partition: int,
        *,
        read_from: int,
        decide_from: int,
        tenure: int = 0,
        said: Said | None = None,
        standing: Standing | None = None,
    ) -> None:
        """Begin at ``read_from``, a fixed horizon before the committed offset ``decide_from``.

        ``tenure`` is the number of this assignment: candidates carry it, and are nobody's under a later one.
        What was ``said`` by who had the partition before is not said again, and of it what is ``standing`` may be
        superseded.
        """
        self.alerts = AlertBook()
        self.standing = Standing() if standing is None else standing
        self._said = Said() if said is None else said
        self.partition, self.tenure = partition, tenure
        self.offsets = Offsets(decide_from)
        self.corrections = Corrections(
            settings,
            partition,
            tenure,
            standing=self.standing,
            said=self._said,
            finish=self.offsets.finish,
            tally=self._tally_apart,
        )
        self.next_offset = read_from
        self._decide_from = decide_from
        self._settings = settings
        self._context = Context(int(settings.gate.baseline_s * 1000))
        self._gate = Gate(settings.gate)
        self._count: _Count | None = None
        self._counts: deque[_Count] = deque()
        """Those that are not added to any more."""

    @property
    def warm(self) -> bool:
        """Whether it has folded up to where it decides."""
        return self.next_offset >= self._decide_from

    def take(self, offset: int, aggregate: Aggregate, now_s: float) -> Candidate | None:
        """Fold the next aggregate, and return the candidate it makes, if any."""
        deciding = self._begin(offset)
        context = self._context.of(aggregate.asset)
        is_new = context is not None and context.take(aggregate)
        is_held = (
            context is not None
            and not is_new
            and self.corrections.take(offset, aggregate, context, deciding=deciding)
        )
        verdict = None if context is None else self._verdict(aggregate, context, is_new=is_new)
        if is_held:
            self._break_count()
            return None
        if context is None or verdict is None:
            asked = may_ask(aggregate, context, is_new=is_new)
            self._tally(offset, deciding=deciding, asked=asked)
            return None
        made_id = analysis_id(verdict.product, aggregate.asset, aggregate.window_end_ms)
        if verdict.grounds:
            as_of_ms, grounds = aggregate.window_end_ms, verdict.grounds
            self.corrections.found(aggregate.asset, made_id, as_of_ms, grounds)
            context.note(verdict.shown)
        context.label(made_id, verdict.labels)
        if not deciding:
            return None
        if self._said.is_decided(made_id):
            self.offsets.finish(offset)
            return None
        made = self._candidate(
            made_id,
            context,
            now_s,
            lead=verdict.lead or aggregate.subject,
            product=verdict.product,
            as_of_ms=aggregate.window_end_ms,
            severity=verdict.severity,
            reasons=verdict.reasons,
            offsets=(offset,),
            shown=verdict.shown,
            labels=verdict.labels,
        )
        self.corrections.expect(made)
        return made

    def take_alert(self, alert: Alert, now_s: float) -> Candidate | None:
        """Return the candidate that a firing alert makes the first time; the gate is not asked, nor told."""
        made_id = candidate_id_of(alert.alert_id)
        # A data gap says that nothing can be said: nobody is paid to say it again.
        asks = alert.state == "firing" and alert.kind == "market"
        if not asks or not self.alerts.begin(alert.alert_id):
            return None
        if self._said.is_decided(made_id):
            return None
        context = self.context_of(alert.asset)
        cause = AlertCause(
            alert_id=alert.alert_id, severity=alert.severity, since_ms=alert.since_ms
        )
        made = self._candidate(
            made_id,
            context,
            now_s,
            lead=alert.subject,
            product="deep_dive",
            as_of_ms=alert.as_of_ms,
            severity=alert.severity,
            reasons=(alert_reason(alert.rule),),
            alerts=(cause,),
        )
        self.corrections.expect(made)
        return made

    def next_superseding(self) -> Superseding | None:
        """Return the next analysis that takes the place of another, or None."""
        found = self.corrections.next(self.next_offset)
        if found is None or found.before.product != "state":  # a state is never withdrawn
            return found
        before, context = found.before, self.context_of(found.before.asset)
        labels = context.labels.get(root_id_of(before), ())
        main = self._gate.told_as_now(before.asset, before.as_of_ms, labels)
        # A window that is not the latest was not looked at again for the words: they may not hold of it as revised.
        if main is None or not are_latest(found.candidate.facts, context, (main, before.asset)):
            return found
        return replace(found, labels=labels, lead=main)

    def analysis_of(self, candidate: Candidate) -> Analysis | None:
        """Return what was published of a candidate by who had the partition before, without its decision."""
        return self._said.analysis_of(candidate.candidate_id)

    def context_of(self, asset: str) -> AssetContext:
        """Return what is known of an asset: nothing of one that is not."""
        return self._context.assets.get(asset) or AssetContext(asset)

    @property
    def forgotten(self) -> int:
        """What was not kept because a bound was reached: windows, alerts, answers, what may be superseded."""
        kept_by = (self.alerts, self._said, self.corrections, self._gate)
        return self._context.refused + sum(book.forgotten for book in kept_by)

    def _candidate(
        self,
        candidate_id: str,
        context: AssetContext,
        now_s: float,
        *,
        lead: str,
        product: Product,
        as_of_ms: int,
        severity: Severity,
        reasons: tuple[str, ...],
        offsets: tuple[int, ...] = (),
        alerts: tuple[AlertCause, ...] = (),
        shown: tuple[Noted, ...] = (),
        labels: Labels = (),
    ) -> Candidate:
        earlier = earlier_of(context, shown)
        return Candidate(
            candidate_id=candidate_id,
            asset=context.asset,
            product=product,
            as_of_ms=as_of_ms,
            severity=severity,
            reasons=reasons,
            facts=facts_of(context, lead, earlier),
            quality=quality_of(context, earlier),
            aggregate_ids=(*(one.latest.aggregate_id for one in earlier), *context.latest_ids()),
            partition=self.partition,
            offsets=offsets,
            tenure=self.tenure,
            enqueued_s=now_s,
            deadline_s=now_s + self._settings.asking_s,
            alerts=alerts,
            read_to=self.next_offset,
            lead=lead,
            shown=shown,
            labels=labels,
            heir=self._said.heir_of(candidate_id),
        )

    def skip(self, offset: int) -> bool:
        """Note a record that cannot be used, and return whether its dead letter is to finish it.

        One from before is finished: its dead letter was written when it was read first.
        """
        return self._begin(offset)

    def reach(self, position: int) -> None:
        """Note that everything below a position has been taken, or carries no record."""
        if position <= self.next_offset:
            return
        self.next_offset = position
        self.offsets.pass_to(position)

    def take_tally(self, now_ms: int) -> tuple[Tally, list[int]] | None:
        """Return a tally of what made no candidate and is in none yet, and the offsets that it finishes; None without any.

        No tally's span has a revision in it that caused something: a start would take it for counted.
        """
        self._break_count()
        if not self._counts:
            return None
        count = self._counts.popleft()
        tally = Tally(
            tally_id=f"tally/{self.partition}/{count.first}",
            aggregates_partition=self.partition,
            first_offset=count.first,
            last_offset=count.last,
            folded=count.folded,
            uninteresting=count.uninteresting,
            decided_ms=now_ms,
        )
        return tally, count.offsets

    def _begin(self, offset: int) -> bool:
        """Note that an offset is read, and return whether it is to be decided on."""
        self.next_offset = offset + 1
        if offset < self._decide_from:
            return False
        self.offsets.read(offset)
        return True

    def _verdict(
        self, aggregate: Aggregate, context: AssetContext, *, is_new: bool
    ) -> Verdict | None:
        """Put a window to the gate, if it is of the smallest of its kind, and its family is kept."""
        if not (is_asked(aggregate) and context.knows(aggregate)):
            return None
        if is_new:
            return self._gate.consider(aggregate, context)
        return self._gate.consider_late(aggregate, context)

    def _break_count(self) -> None:
        if self._count is not None:
            self._counts.append(self._count)
        self._count = None

    def _tally_apart(self, offset: int) -> None:
        """Count a revision that was held and has changed nothing."""
        self._break_count()
        self._tally(offset, deciding=True, asked=False)
        self._break_count()

    def _tally(self, offset: int, *, deciding: bool, asked: bool) -> None:
        if not deciding:
            return
        if self._said.is_tallied(offset):
            self.offsets.finish(offset)
            return
        if self._count is None:
            self._count = _Count(offset, offset)
        self._count.last = offset
        self._count.folded += not asked
        self._count.uninteresting += asked
        self._count.offsets.append(offset)
