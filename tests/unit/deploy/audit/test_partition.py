"""What the audit must find: each planted defect by its name, and nothing where there is none."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from deploy.audit.compare import Found
from deploy.audit.partition import PartitionAudit, Rule, Told
from deploy.audit.report import Report
from streams.processors.aggregate import AggregateProgram
from streams.windows import checks, history, kinds, outputs, seen
from streams.windows.fold import Fold
from streams.windows.market import MarketBlock
from streams.windows.schedule import Schedule
from streams.windows.seen import Digests, Verdict
from streams.windows.subject import Subject
from tests.everything import Record, everything
from topics import KINDS, Kind, partition_of, raw_topic
from topics.record import Labels
from topics.settings import BrokerSettings

BROKER = BrokerSettings(prefix="a.", partitions=1)
LOGGED_MS = 2_000_000_000_000
RULE = Rule(partitions=1, subjects_max=100)


@dataclass
class _Raw:
    """A raw record, as the program is given it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Labels = ()


@cache
def logged(kind: Kind, seed: int) -> tuple[Record, ...]:
    """A log that holds everything."""
    return tuple(everything(kind, "BTC", seed=seed, steps=45))


def folded(kind: Kind, log: Sequence[Record], *, first: int = 0) -> tuple[list[Found], Told]:
    """What the streams role writes, in its order, and what it counts."""
    program = AggregateProgram(BROKER, 0, {}, subjects_max=100)
    program.feed(
        BROKER.topic(raw_topic(kind)),
        [_Raw(at, LOGGED_MS, *record) for at, record in enumerate(log, first)],
    )
    checkpoint = program.take()
    found = [
        Found(
            topic=record.topic.removeprefix(BROKER.prefix),
            partition=record.partition,
            offset=offset,
            key=record.key,
            value=record.value or b"",
            headers=record.headers,
        )
        for offset, record in enumerate(checkpoint.outputs if checkpoint else ())
    ]
    fold = program.folds[kind]
    counters = {name: getattr(fold.counters, name) for name in fold.counters.__struct_fields__}
    return found, Told(
        first_offset=fold.first_offset, next_offset=fold.next_offset, counters=counters
    )


def audited(
    kind: Kind,
    log: Sequence[Record],
    found: list[Found],
    *,
    told: Told | None = None,
    rule: Rule = RULE,
    first: int = 0,
    cut: frozenset[str] = frozenset(),
) -> Report:
    """The report on what was found of a log that begins at ``first``."""
    one = PartitionAudit(kind, 0, rule, first_offset=first, told=told, cut=cut)
    for offset, (key, value) in enumerate(log, first):
        one.feed(offset, LOGGED_MS, key, value)
    for record in found:
        one.find(record)
    return one.finish()


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_fold_says_is_as_it_must_be(kind: Kind) -> None:
    """Over a log that holds everything; and everything is in it."""
    log = logged(kind, 1)
    found, told = folded(kind, log)
    report = audited(kind, log, found, told=told)
    assert [str(d) for d in report.differences] == []
    (part,) = report.parts
    assert part.aggregates + part.late + part.dead_letters == len(found)
    assert part.compared == part.aggregates > 60
    assert min(part.counts.values()) > 0
    bodies = [json.loads(f.value) for f in found if f.topic == "aggregates"]
    assert {b["completeness"]["state"] for b in bodies} >= {"holed", "unverifiable"}
    assert any(b["scores"] for b in bodies)
    assert any(b["revision"] > 1 for b in bodies)
    assert "everything agrees" in list(report.lines(10))


# Defects of the fold itself


def _nth(call: Callable[..., Any], number: int, instead: Callable[..., Any]) -> Callable[..., Any]:
    calls = iter(range(10**9))

    def planted(*arguments: Any, **named: Any) -> Any:
        return (instead if next(calls) == number else call)(*arguments, **named)

    return planted


def drop_an_event(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MarketBlock, "add", _nth(MarketBlock.add, 40, lambda *_: None))


def mistake_the_side(patch: pytest.MonkeyPatch) -> None:
    add = MarketBlock.add

    def wrong(block: MarketBlock, trade: Any, rules: Any) -> None:
        trade.side = "sell" if trade.side == "buy" else "buy"
        add(block, trade, rules)

    patch.setattr(MarketBlock, "add", _nth(add, 40, wrong))


def end_windows_early(patch: pytest.MonkeyPatch) -> None:
    ended = Fold.has_ended
    patch.setattr(
        Fold, "has_ended", lambda self, w: ended(self, w) or w.end_ms <= _reached(self) + 1
    )


def _reached(fold: Fold) -> int:
    """The watermark as it would be half a minute later."""
    return (fold.clock.watermark_ms or 0) + 29_999


def take_an_end_as_inside(patch: pytest.MonkeyPatch) -> None:
    blocks = Fold._blocks

    def one_more(self: Fold, subject: Subject, window: Any) -> Any:
        after = subject.blocks.between(window.end_ms, window.end_ms + 60_000, 60_000)
        return blocks(self, subject, window) + after

    patch.setattr(Fold, "_blocks", one_more)


def count_duplicates(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Digests, "add", lambda *_: Verdict.NEW)


def take_a_new_one_as_duplicate(patch: pytest.MonkeyPatch) -> None:
    add = seen.Intervals.add

    def wrong(self: seen.Intervals, number: int) -> Verdict:
        verdict = add(self, number)
        return Verdict.DUPLICATE if number == 70 else verdict

    patch.setattr(seen.Intervals, "add", wrong)


def take_late_as_duplicate(patch: pytest.MonkeyPatch) -> None:
    event = Fold._event

    def wrong(self: Fold, *arguments: Any) -> None:
        late, length = self.counters.late, len(self.outputs)
        event(self, *arguments)
        if self.counters.late > late:
            self.counters.late = late
            self.counters.duplicates += 1
            del self.outputs[length:]

    patch.setattr(Fold, "_event", wrong)


def skip_a_revision(patch: pytest.MonkeyPatch) -> None:
    take = Schedule.take_pending
    patch.setattr(Schedule, "take_pending", lambda self: [(w, n + (n > 1)) for w, n in take(self)])


def forget_a_correction(patch: pytest.MonkeyPatch) -> None:
    take = Schedule.take_pending
    patch.setattr(Schedule, "take_pending", lambda self: take(self)[1:])


def widen_the_horizon(patch: pytest.MonkeyPatch) -> None:
    class Wide(kinds.KindRules, frozen=True, kw_only=True):
        pass

    rules = kinds.KIND_RULES["market"]
    fields = {name: getattr(rules, name) for name in rules.__struct_fields__}
    patch.setitem(kinds.KIND_RULES, "market", Wide(**(fields | {"horizon_ms": 1_300_000})))


def let_absurd_times_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checks, "AHEAD_MS_MAX", 10**13)


def score_against_itself(patch: pytest.MonkeyPatch) -> None:
    scores = history.scores_of
    patch.setattr(outputs, "scores_of", lambda kind, row, told: scores(kind, row, [*told, row]))


FOLD_DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], set[str], str]] = {
    "an event dropped": (drop_an_event, {"field"}, r"values\.trades is \d+, not \d+"),
    "the wrong side": (mistake_the_side, {"field"}, r"values\.taker_buy_volume is"),
    "windows ended early": (end_windows_early, {"extra", "field"}, "must not be there"),
    "an end taken as inside": (take_an_end_as_inside, {"field"}, r"values\.trades is \d+, not"),
    "duplicates counted": (count_duplicates, {"field", "counter"}, r"duplicates, not \d+"),
    "a new one taken as a duplicate": (
        take_a_new_one_as_duplicate,
        {"field", "counter"},
        r"it counts \d+ applied, not \d+",
    ),
    "late taken as duplicate": (
        take_late_as_duplicate,
        {"missing", "counter"},
        r"raw\.market/0/\d+ is missing",
    ),
    "a revision skipped": (skip_a_revision, {"missing", "extra"}, r"/2 is missing"),
    "a correction forgotten": (forget_a_correction, {"missing"}, r"is missing; raw\.market/0 at"),
    "a wider horizon": (widen_the_horizon, {"missing", "counter"}, "late, not"),
    "absurd times let pass": (let_absurd_times_pass, {"missing", "counter"}, "dead letters, not"),
    "scores against themselves": (score_against_itself, {"field"}, r"scores\.\w+\.median is"),
}


@pytest.mark.parametrize("name", FOLD_DEFECTS)
def test_a_defect_of_the_fold_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted into the code that the streams role runs; told by what it made wrong."""
    plant, whats, words = FOLD_DEFECTS[name]
    log = logged("market", 2)
    plant(monkeypatch)
    found, told = folded("market", log)
    assert_found(audited("market", log, found, told=told), whats, words)


# Defects of what stands in the topics


def _first(found: list[Found], topic: str, text: bytes = b"") -> int:
    return next(i for i, f in enumerate(found) if f.topic == topic and text in f.value)


def _edited(found: list[Found], at: int, **changes: Any) -> list[Found]:
    return [replace(f, **changes) if i == at else f for i, f in enumerate(found)]


def _with(found: list[Found], text: bytes, edit: Callable[[dict[str, Any]], None]) -> list[Found]:
    at = _first(found, "aggregates", text)
    body = json.loads(found[at].value)
    edit(body)
    return _edited(found, at, value=json.dumps(body).encode())


def lose(topic: str) -> Callable[[list[Found]], list[Found]]:
    return lambda found: [f for i, f in enumerate(found) if i != _first(found, topic)]


def double(found: list[Found]) -> list[Found]:
    return [*found, replace(found[_first(found, "aggregates")], offset=len(found))]


def double_otherwise(found: list[Found]) -> list[Found]:
    first = found[_first(found, "aggregates")]
    return [*found, replace(first, offset=len(found), value=first.value + b" ")]


def invent(found: list[Found]) -> list[Found]:
    first = found[_first(found, "aggregates")]
    value = first.value.replace(b'/0"', b'/7"', 1).replace(b'"revision":0', b'"revision":7')
    return [*found, replace(first, offset=len(found), value=value)]


def off_by_one(body: dict[str, Any]) -> None:
    body["values"]["volume"] = round(body["values"]["volume"] + 1e-8, 8)


def in_the_last_digits(body: dict[str, Any]) -> None:
    body["values"]["log_return"] *= 1 + 1e-11


def made_whole(body: dict[str, Any]) -> None:
    body["completeness"]["state"] = "complete"


def scored_otherwise(body: dict[str, Any]) -> None:
    body["scores"]["volume"]["z"] += 1e-9


def headers_without(name: str, found: list[Found]) -> list[Found]:
    at = _first(found, "aggregates")
    return _edited(found, at, headers=[h for h in found[at].headers if h[0] != name])


def header_changed(topic: str, name: str, value: bytes) -> Callable[[list[Found]], list[Found]]:
    def plant(found: list[Found]) -> list[Found]:
        at = _first(found, topic)
        told = [(n, value if n == name else v) for n, v in found[at].headers]
        return _edited(found, at, headers=told)

    return plant


TOPIC_DEFECTS: dict[str, tuple[Callable[[list[Found]], list[Found]], str, str]] = {
    "an aggregate lost": (lose("aggregates"), "missing", r"/\d+ is missing; raw\.market/0 at \d+"),
    "an aggregate doubled": (double, "doubled", "stands there a second time, the same"),
    "an aggregate doubled otherwise": (double_otherwise, "doubled", "with other contents"),
    "an aggregate nobody made": (invent, "extra", "/7 must not be there"),
    "a late event lost": (lose("late"), "missing", r"raw\.market/0/\d+ is missing"),
    "a dead letter lost": (lose("deadletters"), "missing", r"raw\.market/0/\d+ is missing"),
    "a value off by one unit of the grid": (
        lambda f: _with(f, b'"vwap"', off_by_one),
        "field",
        r"values\.volume is [\d.]+, not [\d.]+",
    ),
    "a logarithm off by 1e-11": (
        lambda f: _with(f, b'"log_return":-0.', in_the_last_digits),
        "field",
        r"values\.log_return is .* \(within ",
    ),
    "a wrong completeness": (
        lambda f: _with(f, b'"state":"holed"', made_whole),
        "field",
        r"completeness\.state is complete, not holed",
    ),
    "a wrong score": (
        lambda f: _with(f, b'"scores":{"volume"', scored_otherwise),
        "field",
        r"scores\.volume\.z is",
    ),
    "a reason changed": (
        lambda f: _with(f, b'"reason":"corrected"', lambda b: b.update(reason="closed")),
        "field",
        "reason is closed, not corrected",
    ),
    "a value nobody specified": (
        lambda f: _with(f, b'"vwap"', lambda b: b["values"].update(mood=1)),
        "field",
        r"values\.mood is 1, and must not be there",
    ),
    "a value left out": (
        lambda f: _with(f, b'"vwap"', lambda b: b["values"].pop("vwap")),
        "field",
        r"values\.vwap is missing",
    ),
    "a header missing": (
        lambda f: headers_without("ce_time", f),
        "header",
        "header ce_time is missing; it must be 2023-",
    ),
    "a trace of something else": (
        header_changed("aggregates", "traceparent", b"00-0-0-01"),
        "header",
        "header traceparent is 00-0-0-01, not 00-",
    ),
    "a dead letter with another reason": (
        header_changed("deadletters", "tapereader.reason", b"invalid"),
        "header",
        r"header tapereader\.reason is invalid, not malformed",
    ),
    "a dead letter of nowhere": (
        lambda f: [replace(x, headers=()) if x.topic == "deadletters" else x for x in f],
        "stray",
        "does not say what it came of",
    ),
    "a late event of no kind": (
        lambda f: _edited(
            f,
            (at := _first(f, "late")),
            value=f[at].value.replace(b'"kind":"market"', b'"kind":"x"'),
        ),
        "stray",
        "does not say what it came of",
    ),
    "another key": (
        lambda f: _edited(f, _first(f, "aggregates"), key=b"ETH"),
        "key",
        "its key is b'ETH', not b'BTC'",
    ),
    "a late event of other bytes": (
        lambda f: _edited(
            f,
            (at := _first(f, "late")),
            value=f[at].value.replace(b'"side":"buy"', b'"side":"sell"')
            if b'"side":"buy"' in f[at].value
            else f[at].value.replace(b'"side":"sell"', b'"side":"buy"'),
        ),
        "field",
        "event is not the record's bytes",
    ),
    "no JSON": (
        lambda f: _edited(f, _first(f, "aggregates"), value=b"{"),
        "stray",
        "does not say what it came of",
    ),
}


@pytest.mark.parametrize("name", TOPIC_DEFECTS)
def test_a_defect_in_the_topics_is_found(name: str) -> None:
    """One record lost, doubled, moved or changed: named with its place and how it differs."""
    plant, what, words = TOPIC_DEFECTS[name]
    log = logged("market", 2)
    found, told = as_folded()
    assert_found(audited("market", log, plant(list(found)), told=told), {what}, words)


@cache
def as_folded() -> tuple[list[Found], Told]:
    """What the fold as it is says of the log that defects are planted in."""
    return folded("market", logged("market", 2))


def test_a_record_in_another_partition_is_named_with_its_own() -> None:
    """The audit of that partition says where it belongs; that of its own misses it."""
    found, _ = as_folded()
    moved = replace(found[_first(found, "aggregates")], partition=3)
    one = PartitionAudit("market", 3, Rule(partitions=4, subjects_max=9), first_offset=0)
    one.find(moved)
    home = partition_of("BTC", 4)
    assert home != 3
    assert_found(one.finish(), {"extra"}, f"must not be there: BTC belongs in partition {home}")


def assert_found(report: Report, whats: set[str], words: str) -> None:
    """The report says these sorts of difference, one of them in these words."""
    assert not report.agrees
    told = [str(difference) for difference in report.differences]
    assert whats <= report.different.keys(), told[:5]
    assert any(re.search(words, line) for line in told), told[:10]
    assert list(report.lines(5))[-1].startswith(f"{sum(report.different.values())} difference")
