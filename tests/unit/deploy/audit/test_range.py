"""What the audit leaves out and what it does not: logs that have lost their start, lag, samples, epochs."""

import json
from dataclasses import replace

import pytest

from deploy.audit.compare import Found
from deploy.audit.partition import PartitionAudit, Rule, Told
from deploy.audit.recompute import Recomputation
from deploy.audit.report import Report
from tests.everything import everything
from topics import KINDS, Kind

from .test_partition import LOGGED_MS, RULE, audited, folded, logged


def without_fields(found: list[Found], at: int) -> list[Found]:
    """The same with another volume in one aggregate."""
    body = json.loads(found[at].value)
    body["values"]["trades"] += 1
    return [
        replace(f, value=json.dumps(body).encode()) if i == at else f for i, f in enumerate(found)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_that_has_lost_its_start_is_compared_where_that_can_be(kind: Kind) -> None:
    """The first windows are left out and counted; a later one that is wrong is found."""
    log, first = everything(kind, "BTC", seed=5, steps=130), 120
    found, told = folded(kind, log)
    report = audited(kind, log[first:], found, told=told, first=first)
    assert [str(d) for d in report.differences] == []
    (part,) = report.parts
    assert part.left_out > 0
    assert part.aggregates > 50
    assert any("left out: a log no longer begins" in line for line in report.lines(3))
    if kind == "market":
        last = max(i for i, f in enumerate(found) if f.topic == "aggregates")
        wrong = audited(kind, log[first:], without_fields(found, last), told=told, first=first)
        assert set(wrong.different) == {"field"}


def test_a_log_that_begins_where_the_fold_began_is_compared_whole() -> None:
    """A raw topic may have been cut before the streams role first read it."""
    log = logged("market", 2)
    found, told = folded("market", log, first=500)
    report = audited("market", log, found, told=told, first=500)
    assert report.agrees
    assert report.total("left_out") == 0
    assert report.total("compared") == sum(f.topic == "aggregates" for f in found)


def test_outputs_that_have_lost_their_start_are_no_defect() -> None:
    """What was deleted before the first that is left; nothing behind it."""
    log = logged("market", 2)
    found, told = folded("market", log)
    aggregates = [f for f in found if f.topic == "aggregates"]
    left = [f for f in found if f.topic != "aggregates"] + aggregates[40:]
    assert not audited("market", log, left, told=told).agrees
    report = audited("market", log, left, told=told, cut=frozenset({"aggregates"}))
    assert report.agrees
    assert report.total("left_out") == 40
    behind = [f for f in left if f is not aggregates[60]]
    report = audited("market", log, behind, told=told, cut=frozenset({"aggregates"}))
    assert report.different == {"missing": 1}


def test_what_is_not_folded_yet_is_no_defect() -> None:
    """Whether or not some of its outputs have come meanwhile; what had to be there must be."""
    log = logged("market", 2)
    found, _ = folded("market", log)
    early, told = folded("market", log[:300])
    for there in (early, found):
        report = audited("market", log, there, told=told)
        assert [str(d) for d in report.differences] == []
        assert report.total("unfolded") == len(log) - 300
        assert report.folded == 300
    assert audited("market", log, early, told=told).total("to_come") == len(found) - len(early)
    assert audited("market", log, early[:-1], told=told).different == {"missing": 1}


def test_the_sum_is_checked_with_the_state_and_with_the_broker() -> None:
    """Counters that do not add up, a state beyond the log, a log with a hole."""
    log = logged("market", 2)
    found, told = folded("market", log)
    assert told.next_offset is not None
    more = replace(told, counters=told.counters | {"applied": told.counters["applied"] + 1})
    assert audited("market", log, found, told=more).different == {"sum": 1, "counter": 1}
    beyond = Told(first_offset=0, next_offset=told.next_offset + 5, counters=told.counters)
    assert "sum" in audited("market", log, found, told=beyond).different
    one = PartitionAudit("market", 0, RULE, first_offset=0)
    one.feed(0, LOGGED_MS, *log[0])
    one.feed(3, LOGGED_MS, *log[1])
    assert "offsets 1 to 2 hold no record" in str(one.finish().differences[0])


def sampled(found: list[Found], told: Told, size: int) -> Report:
    rule = Rule(partitions=1, subjects_max=100, sample=size)
    paused = [replace(f, after_pause=i % 50 == 0) for i, f in enumerate(found)]
    return audited("market", logged("market", 2), paused, told=told, rule=rule)


def test_a_sample_has_some_of_each_stratum_and_the_set_is_compared_whole() -> None:
    """The same in every run; a lost record is seen though no field of it would have been compared."""
    found, told = folded("market", logged("market", 2))
    report = sampled(found, told, 4)
    assert report.agrees
    (part,) = report.parts
    assert part.strata == dict.fromkeys(
        ("revised", "incomplete", "hopping", "after a pause", "random"), 4
    )
    assert 4 <= part.compared <= 20
    assert part == sampled(found, told, 4).parts[0]
    last = max(i for i, f in enumerate(found) if f.topic == "aggregates")
    assert sampled(found[:last] + found[last + 1 :], told, 0).different == {"missing": 1}
    wrong = without_fields(found, last)
    assert sampled(wrong, told, 0).agrees
    assert sampled(wrong, told, len(found)).different == {"field": 1}


def test_a_rebuilds_epoch_is_in_the_ids() -> None:
    """And in nothing else but what derives from the id."""
    log = logged("market", 2)
    found, told = folded("market", log)
    rule = Rule(partitions=1, subjects_max=100, epoch=2)
    report = audited("market", log, found, told=told, rule=rule)
    # Another epoch's aggregates are none of this one's, missing or too many.
    lost = sum(f.topic == "aggregates" for f in found)
    assert report.different == {"missing": lost}
    names: list[list[str]] = []
    for epoch in (0, 2):
        fold = Recomputation("market", 0, partitions=1, subjects_max=9, epoch=epoch)
        made = [e for n, (k, v) in enumerate(log) for e in fold.feed(n, LOGGED_MS, k, v)]
        names.append([e.name for e in made if e.topic == "aggregates"])
    assert names[1] == [f"{name}/e2" for name in names[0]]
