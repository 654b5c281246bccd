"""`bench alerts`: the fold of a backlog in memory without rules and with them, in turn; no broker is asked."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import msgspec
from msgspec import Struct

from streams.alerts.rules import Rule
from streams.processors.aggregate import AggregateProgram
from streams.windows.intake import Logged
from topics.settings import BrokerSettings

from .figures import spread
from .tape import START_MS, Tape, Work, backlog

SLICE = 5_000
"""Records given to the fold at a time, as the role is by default."""


class Run(Struct, frozen=True, kw_only=True):
    """One fold of everything."""

    cpu_us_per_event: float
    outputs: int
    alerts: int
    entries: int
    entry_bytes: int
    """Of state, keys and values."""


def measured(work: Work, rules: Sequence[Rule], runs: int) -> dict[str, Any]:
    """Return CPU, outputs and state of each run without rules and with them, and the ratio of each pair.

    It is right if rules only add: every run gives as many other outputs as the first, and as many alerts as any.
    """
    tape = _tape(work)
    pairs = [(_fold(work, tape, ()), _fold(work, tape, rules)) for _ in range(runs)]
    found = {
        "work": work,
        "rules": len(rules),
        "runs": pairs,
        "cpu_ratio": spread([two.cpu_us_per_event / one.cpu_us_per_event for one, two in pairs]),
        "right": is_right(pairs),
    }
    built: dict[str, Any] = msgspec.to_builtins(found)
    return built


def is_right(pairs: Sequence[tuple[Run, Run]]) -> bool:
    """Return whether rules added alerts to the outputs and changed nothing else."""
    windows = {run.outputs - run.alerts for pair in pairs for run in pair}
    alerts = {two.alerts for _, two in pairs}
    return len(windows) == len(alerts) == 1 and not any(one.alerts for one, _ in pairs)


def alerting_summary(found: dict[str, Any]) -> list[str]:
    """Return it in lines for people."""
    lines = []
    for at, name in enumerate(("without rules", f"with {found['rules']} rules")):
        runs = [pair[at] for pair in found["runs"]]
        cpu_us = median(run["cpu_us_per_event"] for run in runs)
        last = runs[-1]
        lines.append(
            f"{name}: CPU {cpu_us:.2f} us/event; {last['outputs']} outputs, {last['alerts']} of them alerts;"
            f" {last['entries']} state entries, {last['entry_bytes']} bytes"
        )
    ratio = found["cpu_ratio"]
    lines.append(
        f"CPU with rules to without: {ratio['median']:.3f} ({ratio['min']:.3f} to {ratio['max']:.3f})"
    )
    if not found["right"]:
        lines.append("WRONG: the rules changed what else comes out of the fold")
    return lines


def _tape(work: Work) -> list[list[Logged]]:
    """Return the log of each partition, made once."""
    logs: list[list[Logged]] = [[] for _ in range(work.partitions)]
    logged_ms = START_MS + work.span_ms
    for record in backlog(Tape(work)):
        log = logs[record.partition]
        log.append(Logged(len(log), logged_ms, record.key, record.value))
    return logs


def _fold(work: Work, logs: list[list[Logged]], rules: Sequence[Rule]) -> Run:
    broker = BrokerSettings(partitions=work.partitions)
    topic, alerts_topic = broker.topic("raw.market"), broker.topic("alerts")
    outputs = alerts = entries = entry_bytes = 0
    began_s = time.process_time()
    for partition, log in enumerate(logs):
        program = AggregateProgram(broker, partition, {}, subjects_max=20_000, rules=rules)
        for begin in range(0, len(log), SLICE):
            program.feed(topic, log[begin : begin + SLICE])
            if (taken := program.take()) is None:
                continue
            outputs += len(taken.outputs)
            alerts += sum(one.topic == alerts_topic for one in taken.outputs)
            entries += len(taken.entries)
            entry_bytes += sum(len(key) + len(value or b"") for key, value in taken.entries)
    return Run(
        cpu_us_per_event=(time.process_time() - began_s) * 1e6 / work.events,
        outputs=outputs,
        alerts=alerts,
        entries=entries,
        entry_bytes=entry_bytes,
    )
