"""Does this asset deserve an analysis now? A pure fold of a partition's aggregates by event time.

So the verdicts are the same whatever the restarts, as long as the fold begins far enough back. How far that is has
a bound: what is usual is worked out of the last `baseline_s`, and the memory of an asset begins anew each
`memory_s` of event time, at instants of the asset's own. Without the second, cool-downs and expiries would follow
upon each other for ever, and a fold begun later would count them from elsewhere. What is owed outlives one such
instant, and no two: of an asset that was silent for longer it is let go.

What comes late is not lost: a window behind younger ones, or a revision, is looked at as long as its analysis would be
valid (`state_valid_s` of event time from its end; of longer ago nobody would be told in time), and asks, or is owed to
the next window, if it shows what no edition of it had.
"""

from msgspec import Struct

from agents.settings import GateSettings
from topics import Aggregate, MarketValues, Severity
from topics.analysis import Product
from topics.identity import murmur2

from .candidate import SEVERITIES, SHOWN_MAX, is_at_least
from .context import AssetContext, Family, Labels, Noted, Series, family_of
from .editions import Edition
from .findings import Ground, findings, grounds_of, is_doubtful
from .fingerprint import differs
from .memory import MINUTE_MS, AssetGate

FIRST_EDITION: Edition = (0, 0)
"""Of a window that has not been there before, in whatever order it comes."""
ASKED_MS = {"market": 60_000, "social": 300_000, "development": 3_600_000}
"""The windows that are put to the gate, by kind; volume only adds to the context."""
LATE_FLOOR: Severity = "warning"
"""From here on it matters what a window shows that was missed when it was new."""


class Verdict(Struct, frozen=True):
    """The gate's yes: which product, how severe, and why."""

    product: Product
    severity: Severity
    reasons: tuple[str, ...]
    grounds: tuple[Ground, ...] = ()
    """What the reasons rest on; a state's rest on nothing that a revision could undo."""
    labels: Labels = ()
    """How the asset is, in coarse words."""
    main: str | None = None
    """The instrument that these are of."""

    @property
    def lead(self) -> str | None:
        """The subject it is about: of the worst that was found, the last; of a state, the instrument it is told by.

        What is owed from the minute before is asked with the next window of any instrument, which may be a calm one.
        """
        worst = self.shown[:1]
        return worst[0].latest.subject if worst else self.main

    @property
    def shown(self) -> tuple[Noted, ...]:
        """The windows it stands on, at most `SHOWN_MAX`: those of the worst first, of these the one found last."""
        order = sorted(self.grounds, key=lambda ground: SEVERITIES.index(ground.severity))
        windows: dict[str, Noted] = {}
        for ground in reversed(order):
            windows.setdefault(ground.window, ground.noted)
        return tuple(windows.values())[:SHOWN_MAX]


class Gate:
    """Decides for one partition."""

    def __init__(self, settings: GateSettings) -> None:
        """Begin with nothing remembered."""
        self._settings = settings
        self._assets: dict[str, AssetGate] = {}
        self.forgotten = 0
        """Findings beyond a bound."""

    def consider(self, aggregate: Aggregate, context: AssetContext) -> Verdict | None:
        """Return why the asset deserves an analysis now that this window has come, or None.

        ``aggregate`` is the latest of its family, and new.
        """
        as_of_ms = aggregate.window_end_ms
        memory = self._memory(context.asset, as_of_ms)
        family = family_of(aggregate)
        series = context.series[family]
        memory.state.take(aggregate, context, self._settings)
        found = self._found(memory, family, aggregate, series)
        if found:
            self.forgotten += memory.remember(found, self._past_ms(context))
        verdict = self._dive(memory, as_of_ms, memory.owed + found)
        if verdict is None and not memory.owed and isinstance(aggregate.values, MarketValues):
            verdict = self._state(memory, as_of_ms)
        if verdict is not None:
            memory.speak(as_of_ms)
        return verdict

    def consider_late(self, aggregate: Aggregate, context: AssetContext) -> Verdict | None:
        """Return why the asset deserves an analysis because of a window that is not new in its family, or None.

        It has to show what none of its editions had, at the full threshold, of at least `LATE_FLOOR`; and its analysis
        would have to be valid yet, which it is for `state_valid_s` from its end. A first edition asks by itself, unless
        its minute or a later one was asked about. A revision never does: its offset may be that of what it supersedes
        (`corrections`). What it shows is owed, and the next window asks.
        """
        as_of_ms, past_ms = aggregate.window_end_ms, self._past_ms(context)
        memory = self._memory(context.asset, as_of_ms)
        memory.state.take(aggregate, context, self._settings)
        memory.revise_owed(aggregate, self._settings)
        memory.let_go(aggregate, self._settings)
        if as_of_ms <= past_ms:
            return None
        found = self._found_late(memory, aggregate, context)
        if not found:
            return None
        self.forgotten += memory.remember(found, past_ms)
        if aggregate.edition == FIRST_EDITION:
            verdict = self._dive(memory, as_of_ms, memory.owed + found)
            if verdict is not None:
                memory.speak(as_of_ms)
            return verdict
        if memory.is_news(found) or self._is_rested(memory, as_of_ms):
            self.forgotten += memory.owe(memory.owed + found)
        return None

    def told_as_now(self, asset: str, as_of_ms: int, labels: Labels) -> str | None:
        """Return the instrument of a state that was told at a time in these words, if they are those of now.

        None where other words hold since a revision, or the asset has been spoken of since.
        """
        memory = self._assets.get(asset)
        if memory is None or memory.state_ms != as_of_ms:
            return None
        return memory.state.main if memory.state.labels == labels else None

    def _dive(self, memory: AssetGate, as_of_ms: int, found: tuple[Ground, ...]) -> Verdict | None:
        """Return the deep dive that findings are worth now; what may be one only later is owed."""
        is_news = memory.is_news(found)
        if found and self._may_ask(memory, as_of_ms, is_news=is_news):
            memory.ask(as_of_ms, found, rested=self._is_rested(memory, as_of_ms))
            reasons = tuple(dict.fromkeys(ground.reason for ground in found))
            state = memory.state
            return Verdict("deep_dive", memory.severity, reasons, found, state.labels, state.main)
        if is_news and memory.is_too_soon(as_of_ms):
            self.forgotten += memory.owe(found)
        return None

    def _past_ms(self, context: AssetContext) -> int:
        """Return when a window ended whose analysis would not be valid any more."""
        return context.event_ms() - int(self._settings.state_valid_s * 1000)

    def _found_late(
        self, memory: AssetGate, aggregate: Aggregate, context: AssetContext
    ) -> tuple[Ground, ...]:
        """Return what a window that is not new shows for the first time, with what it rests on."""
        noted = context.series[family_of(aggregate)].past_of(aggregate)
        found = {
            reason: grade
            for reason, grade in findings(aggregate, noted, self._settings, {})
            if is_at_least(grade, LATE_FLOOR)
        }
        return grounds_of(aggregate, noted, memory.news_of(aggregate, found), {})

    def _memory(self, asset: str, as_of_ms: int) -> AssetGate:
        """Return what is remembered of an asset in its present era; a late window belongs to that one too.

        The instants at which eras begin are spread by the asset's name: not all speak in the same minute.
        """
        memory_ms = int(self._settings.memory_s * 1000)
        shift_ms = murmur2(asset.encode()) % memory_ms
        era = (as_of_ms + shift_ms) // memory_ms
        memory = self._assets.get(asset)
        if memory is None or era > memory.era:
            before, since_ms = memory or AssetGate(), era * memory_ms - shift_ms
            owed = before.owed if before.era == era - 1 else ()
            memory = self._assets[asset] = AssetGate(
                era=era, since_ms=since_ms, owed=owed, shown=before.shown
            )
        return memory

    def _found(
        self, memory: AssetGate, family: Family, aggregate: Aggregate, series: Series
    ) -> tuple[Ground, ...]:
        """Return a window's findings, and hold them for the next: what was found is let go later than it fired."""
        held = memory.held.get(family, {})
        found = findings(aggregate, series, self._settings, held)
        # A gap may hide that something goes on: what was held is neither found there nor forgotten.
        memory.held[family] = (held if is_doubtful(aggregate) else {}) | dict(found)
        return grounds_of(aggregate, series, found, held)

    def _may_ask(self, memory: AssetGate, as_of_ms: int, *, is_news: bool) -> bool:
        """Not twice in a market minute; and within the cool-down only for news: a worse thing, or another critical one.

        A crash behind a jump is as critical, and no repetition. News that come in the same minute, of another
        instrument say, are owed to the next.
        """
        if memory.is_too_soon(as_of_ms):
            return False
        return is_news or self._is_rested(memory, as_of_ms)

    def _is_rested(self, memory: AssetGate, as_of_ms: int) -> bool:
        """Return whether the cool-down of the last deep dive is over."""
        if memory.asked_ms is None:
            return True
        return as_of_ms >= memory.asked_ms + self._settings.cool_down_s * 1000

    def _state(self, memory: AssetGate, as_of_ms: int) -> Verdict | None:
        """Return the word on how the asset is, where one is due."""
        state = memory.state
        reason = self._state_reason(memory, as_of_ms, changed=differs(state.labels, memory.said))
        if reason is None:
            return None
        return Verdict("state", "info", (reason,), labels=state.labels, main=state.main)

    def _state_reason(self, memory: AssetGate, as_of_ms: int, *, changed: bool) -> str | None:
        """Say how the asset is when that has changed, or when the last word is no longer valid."""
        if as_of_ms < memory.since_ms:
            return None
        if memory.state_ms is None:
            return "state_first"
        if as_of_ms < memory.state_ms + MINUTE_MS:
            return None
        if as_of_ms >= memory.state_ms + self._settings.state_valid_s * 1000:
            return "state_expired"
        return "state_changed" if changed else None


def is_asked(aggregate: Aggregate) -> bool:
    """Only the smallest windows are put to the gate."""
    return ASKED_MS.get(aggregate.kind) == aggregate.window_ms == aggregate.step_ms


def may_ask(aggregate: Aggregate, context: AssetContext | None, *, is_new: bool) -> bool:
    """Return whether a window may ask by itself: one that is new, or comes first behind younger ones.

    None may of an asset or a family beyond the bound: nothing is known there to compare it with.
    """
    if context is None or not context.knows(aggregate):
        return False
    return is_asked(aggregate) and (is_new or aggregate.edition == FIRST_EDITION)
