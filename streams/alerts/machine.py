"""The alerts of one partition number: its aggregates in the order they are published in, transitions out. PURE.

A function of those aggregates alone: no clock, no I/O, no batch shows in it. docs/alerts.md specifies it.
"""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import astuple

from streams.windows.kinds import KIND_RULES, WindowSize
from streams.windows.timeline import Timeline
from topics import KINDS, Aggregate, Alert, Kind, asset_of

from .instance import (
    Instance,
    Step,
    due_ms,
    empty,
    is_forgotten,
    read,
    retract,
    step,
    undone,
)
from .rules import Family, Rule
from .writing import gap_alert, market_alert

Key = tuple[str, str]
"""A rule's name and a subject."""

_FIRST_MS: dict[Kind, int] = {
    kind: min(size.window_ms for size in KIND_RULES[kind].sizes) for kind in KINDS
}


class Counts(Struct):
    """What became of it all; a part of state, so that a restart counts nothing twice."""

    judged: int = 0
    """Windows read, times the rules that read them."""
    past: int = 0
    """Of these, windows before the latest one: they change nothing."""
    refused: int = 0
    """Windows of subjects beyond the bound."""
    forgotten: int = 0
    fired: int = 0
    cleared: int = 0
    retracted: int = 0
    gaps: int = 0
    """Data gaps raised."""

    def plus(self, other: "Counts") -> "Counts":
        """Return the sums of both."""
        mine, theirs = astuple(self), astuple(other)
        return Counts(*(one + two for one, two in zip(mine, theirs, strict=True)))


class Alerts:
    """The rules over one partition."""

    def __init__(self, rules: Iterable[Rule], *, instances_max: int, kinds_apart_ms: int) -> None:
        """Begin with nothing read.

        ``instances_max`` bounds rules times subjects. ``kinds_apart_ms``: see `AlertsSettings.kinds_apart_s`.
        """
        self.rules = {rule.name: rule for rule in sorted(rules, key=lambda rule: rule.name)}
        self.instances: dict[Key, Instance] = {}
        self.clocks: dict[Kind, int] = {}
        """By kind, how far its windows have come: the end of the smallest window that begins like the newest one."""
        self.trailing: set[Kind] = set()
        """Kinds that came in last far behind the others: they are caught up with, not silent, and have time of their own."""
        self.counts = Counts()
        self.outputs: list[Alert] = []
        self.dirty: set[Key] = set()
        self.changed = False
        """Whether anything has, since the state was written."""
        self._instances_max, self._kinds_apart_ms = instances_max, kinds_apart_ms
        self._readers: dict[Family, list[tuple[Rule, list[int]]]] = _readers(self.rules.values())
        self._of_asset: dict[Key, set[str]] = defaultdict(set)
        """By rule and asset, the instruments it is judged for."""
        self._due: dict[frozenset[Kind], Timeline[Key]] = {
            kinds: Timeline()
            for kinds in sorted({r.kinds for r in self.rules.values()}, key=sorted)
        }
        self._waiting: dict[Key, int] = {}
        """When each instance is looked at though nothing comes."""

    def feed(self, aggregate: Aggregate) -> None:
        """Take the next aggregate of the partition."""
        self.changed = True
        kind: Kind = aggregate.kind
        came_ms = aggregate.window_start_ms + _FIRST_MS[kind]
        moved = came_ms > self.clocks.get(kind, 0)
        if moved:
            self.clocks[kind] = came_ms
            self._note_trailing(kind)
        family = kind, WindowSize(aggregate.window_ms, aggregate.step_ms)
        for rule, numbers in self._readers.get(family, ()):
            for subject in self._subjects(rule, aggregate):
                self._read(rule, subject, numbers, aggregate)
        if moved:
            self._look()

    def hold(self, key: Key, one: Instance) -> None:
        """Keep an instance, as state has it."""
        name, subject = key
        self.instances[key] = one
        self._of_asset[name, asset_of(subject)].add(subject)

    def await_all(self) -> None:
        """Look at every instance again when it is due; to be called once state is held and the clocks are set."""
        for key in sorted(self.instances):
            self._await(self.rules[key[0]], key)

    def now_ms(self, kinds: Iterable[Kind]) -> int:
        """Return the partition's time for a rule on these kinds.

        A kind's time is how far its windows have come. Of one that is silent, the other kinds' goes on for it, a
        fixed span behind.
        """
        others_ms = max(self.clocks.values(), default=0) - self._kinds_apart_ms
        return max(
            mine if kind in self.trailing else max(mine, others_ms)
            for kind in kinds
            for mine in (self.clocks.get(kind, 0),)
        )

    def _note_trailing(self, kind: Kind) -> None:
        trails = self.clocks[kind] < max(self.clocks.values()) - self._kinds_apart_ms
        if trails == (kind in self.trailing):
            return
        self.trailing ^= {kind}
        # Its time may have gone back: everything of it is looked at again, and waits anew.
        for key in sorted(self.instances):
            rule = self.rules[key[0]]
            if kind in rule.kinds:
                self._waiting.pop(key, None)
                self.dirty.add(key)
                self._step(rule, key)

    def _subjects(self, rule: Rule, aggregate: Aggregate) -> list[str]:
        """Return whom a rule judges by a window; a new subject is taken up by a window of its own."""
        subject = aggregate.subject
        if rule.of_instruments and aggregate.kind != "market":
            return sorted(self._of_asset.get((rule.name, aggregate.asset), ()))
        key = rule.name, subject
        if key in self.instances:
            return [subject]
        if not rule.selects(subject):
            return []
        if len(self.instances) >= self._instances_max:
            self.counts.refused += 1
            return []
        self.hold(key, empty(rule))
        return [subject]

    def _read(self, rule: Rule, subject: str, numbers: list[int], aggregate: Aggregate) -> None:
        key = rule.name, subject
        one = self.instances[key]
        self.counts.judged += 1
        self.dirty.add(key)
        # Every condition takes it, whatever the others say.
        is_undone = [undone(rule, one, number, aggregate) for number in numbers]
        is_latest = [read(rule, one, number, aggregate) for number in numbers]
        if any(is_undone):
            self._take(rule, key, retract(one))
        if any(is_undone) or any(is_latest):
            self._step(rule, key)
        else:
            self.counts.past += 1

    def _look(self) -> None:
        """Step every instance whose deadline has passed, in the order of rules and subjects."""
        passed: set[Key] = set()
        for kinds, timeline in self._due.items():
            for at_ms, key in timeline.take_until(self.now_ms(kinds) - 1):
                if self._waiting.get(key) == at_ms:
                    del self._waiting[key]
                    passed.add(key)
        for key in sorted(passed):
            self.dirty.add(key)
            self._step(self.rules[key[0]], key)

    def _step(self, rule: Rule, key: Key) -> None:
        one = self.instances[key]
        now_ms = self.now_ms(rule.kinds)
        if is_forgotten(rule, one, now_ms):
            self._forget(rule, key)
            return
        for told in step(rule, one, now_ms):
            self._take(rule, key, told)
        self._await(rule, key)

    def _take(self, rule: Rule, key: Key, told: Step) -> None:
        one, subject = self.instances[key], key[1]
        if told.of == "data_gap":
            self.outputs.append(gap_alert(rule, subject, one, told, self.now_ms(rule.kinds)))
            self.counts.gaps += told.state == "firing"
            return
        self.outputs.append(market_alert(rule, subject, one, told))
        self.counts.fired += told.state == "firing"
        self.counts.cleared += told.state == "cleared"
        self.counts.retracted += told.state == "retracted"

    def _forget(self, rule: Rule, key: Key) -> None:
        one, (name, subject) = self.instances[key], key
        if one.fires:
            self._take(rule, key, Step("market", "cleared", "forgotten"))
        if one.lacks:
            self._take(rule, key, Step("data_gap", "cleared", "forgotten"))
        del self.instances[key]
        self._waiting.pop(key, None)
        self._of_asset[name, asset_of(subject)].discard(subject)
        self.counts.forgotten += 1

    def _await(self, rule: Rule, key: Key) -> None:
        at_ms = due_ms(rule, self.instances[key], self.now_ms(rule.kinds))
        waits = self._waiting.get(key)
        if waits is None or at_ms < waits:
            self._waiting[key] = at_ms
            self._due[rule.kinds].add(at_ms, key)


def _readers(rules: Iterable[Rule]) -> dict[Family, list[tuple[Rule, list[int]]]]:
    """Return by family of windows the rules that read it, each with the numbers of its conditions."""
    found: dict[Family, list[tuple[Rule, list[int]]]] = defaultdict(list)
    for rule in rules:
        mine: dict[Family, list[int]] = defaultdict(list)
        for number, condition in enumerate(rule.conditions):
            mine[condition.kind, condition.size].append(number)
        for family, numbers in mine.items():
            found[family].append((rule, numbers))
    return dict(found)
