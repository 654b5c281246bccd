"""A small faultless run, made by hand: what the judge's tests plant their defects in."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from agents.ask.breaker import State
from tests.strategies.aggregates import MINUTE_MS, market
from topics import Aggregate, Alert, Analysis, DataQuality, Decision, Tally, Trigger, Usage, encode
from topics.journal import Intent, Result

from .evidence import Account, Billed, Change, Evidence, Place, Row, Sample, Send, Terms

BEGIN_MS = 1_000_000
MODEL = "breaker/anthropic/claude-haiku-5-5"
KEY = "0" * 64


class Scene(Struct, kw_only=True):
    """The records before they are encoded, to be changed at will."""

    aggregates: list[Aggregate | bytes]
    decisions: list[Decision]
    tallies: list[Tally]
    analyses: list[Analysis]
    alerts: list[Alert]
    intents: list[Intent] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    letters: list[Place] = field(default_factory=list)
    bill: list[Billed] = field(default_factory=list)
    booked: dict[str, Account] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    memory_mb: dict[str, list[float]]
    late_share: float = 0.5
    step_ms: int = 100
    """Between two records of a log."""
    noise: bytes | None = None
    """A record among the decisions that is none."""

    def attempt(
        self,
        name: str,
        at_s: float,
        *,
        cost: int,
        used: int | None = None,
        fault: str | None = None,
    ) -> None:
        """Add one attempt everywhere: settled, or charged with what it was not known to have ``used``."""
        known = used is None
        at_ms = int(at_s * 1000)
        self.intents.append(_intent(name, at_ms - 20))
        self.results.append(_result(name, at_ms, cost if used is None else used, known=known))
        self.bill.append(Billed(attempt_id=name, cost_nano_usd=cost, charged=True, fault=fault))
        self.booked[name] = Account(
            state="settled" if known else "charged",
            reserved_nano_usd=9,
            used_nano_usd=cost if used is None else used,
        )
        self.sends.append(Send(agent="one", at_s=at_s, ended_s=at_s + 0.2, attempt_id=name))

    def correct(self, number: int, *befores: int, reason: str = "revised") -> None:
        """Add the next revision of a window, and for each of those analyses the one that takes its place."""
        made = market(number=number, revision=1)
        offset = len(self.aggregates)
        self.aggregates.append(made)
        for before in (self.analyses[at] for at in befores):
            name = f"{before.analysis_id}/1"
            decision = decision_of(
                self.aggregates,
                offset,
                "rules",
                reason,
                decision_id=name,
                as_of_ms=before.as_of_ms,
                decided_ms=BEGIN_MS + 60_000,
            )
            self.decisions.append(decision)
            self.analyses.append(
                replace(
                    analysis_of(decision),
                    origin_reason="revised" if reason == "revised" else "trigger_gone",
                    status="current" if reason == "revised" else "withdrawn",
                    supersedes=before.analysis_id,
                    revised_by=made.aggregate_id,
                )
            )

    def say_again(self, attempt_id: str = "a0") -> None:
        """Add the next window, whose analysis says an attempt's answer again."""
        offset = len(self.aggregates)
        self.aggregates.append(market(number=offset))
        whose = {"narrative_attempt_id": attempt_id, "narrative_age_ms": 9}
        decision = decision_of(self.aggregates, offset, "cached", "redis", **whose)
        self.decisions.append(decision)
        self.analyses.append(replace(analysis_of(decision), origin="cache", **whose))

    def evidence(self) -> Evidence:
        """Return what the judge is given."""
        step_ms, noise = self.step_ms, [] if self.noise is None else [self.noise]
        entries = sorted(
            [(i.at_ms, encode(i)) for i in self.intents]
            + [(r.ended_ms, encode(r)) for r in self.results]
        )
        return Evidence(
            terms=Terms(deadline_s=10.0, probes=2, recovery_s=5.0, late_share=self.late_share),
            aggregates=_rows(
                [a if isinstance(a, bytes) else encode(a) for a in self.aggregates], step_ms
            ),
            decisions=_rows(
                [*map(encode, self.decisions), *map(encode, self.tallies), *noise], step_ms
            ),
            analyses=_rows([encode(a) for a in self.analyses], step_ms),
            alerts=_rows([encode(a) for a in self.alerts], step_ms),
            journal=[Row(0, n, at_ms, value) for n, (at_ms, value) in enumerate(entries)],
            letters=self.letters,
            bill=self.bill,
            booked=self.booked,
            samples=self.samples,
            changes=self.changes,
            sends=self.sends,
            healed_s=1003.0,
            memory_mb=self.memory_mb,
        )


def faultless() -> Scene:
    """Return a run of seven aggregates: two answered by the model, one by rules that took another over, one of an alert.

    The breaker opens once, and the fake heals while it is open.
    """
    windows: list[Aggregate | bytes] = [market(number=n) for n in range(7)]
    windows[3] = b"{broken"
    alert = Alert(
        alert_id="crash/BTC/USDT/7",
        rule="crash",
        asset="BTC",
        subject="BTC/USDT",
        state="firing",
        severity="critical",
        since_ms=7,
        as_of_ms=7,
        headline="it fell",
    )
    decisions = [
        decision_of(windows, 0, "called", "answered", attempt_ids=["a0"]),
        decision_of(windows, 4, "coalesced", "newer_candidate", survivor_id="dive/5"),
        decision_of(windows, 5, "rules", "timeout", first_offset=4, attempt_ids=["a1"]),
        decision_of(windows, 6, "called", "answered", decided_ms=1_004_500, attempt_ids=["a2"]),
        decision_of(
            windows,
            2,
            "rules",
            "breaker_open",
            decision_id=f"deep_dive/alert/{alert.alert_id}",
            alert_id=alert.alert_id,
        ),
    ]
    answered = [d for d in decisions if d.outcome != "coalesced"]
    scene = Scene(
        aggregates=windows,
        decisions=decisions,
        tallies=[
            Tally(
                tally_id="tally/0/1",
                aggregates_partition=0,
                first_offset=1,
                last_offset=2,
                folded=1,
                uninteresting=1,
                decided_ms=BEGIN_MS,
            )
        ],
        analyses=[analysis_of(decision) for decision in answered],
        alerts=[alert],
        letters=[Place(0, 3)],
        samples=[Sample(account="day/all/nano_usd", used=8, cap=10)],
        changes=[
            Change(agent="one", breaker=MODEL, at_s=at_s, state=state)
            for at_s, state in (
                (1002.0, State.OPEN),
                (1004.0, State.HALF_OPEN),
                (1005.0, State.CLOSED),
            )
        ],
        memory_mb={"one": [90.0, 100.0, 110.0, 120.0]},
    )
    scene.attempt("a0", 1000.5, cost=5)
    scene.attempt("a1", 1001.0, cost=6, used=9, fault="hang")
    scene.attempt("a2", 1004.2, cost=5)
    return scene


def decision_of(
    windows: Sequence[Aggregate | bytes], offset: int, outcome: Any, reason: str, **changes: Any
) -> Decision:
    """Return the decision of a candidate that one window made."""
    made = windows[offset]
    assert isinstance(made, Aggregate)
    name = changes.pop("decision_id", f"dive/{offset}")
    fields: dict[str, Any] = {
        "decision_id": name,
        "asset": made.asset,
        "product": "deep_dive",
        "as_of_ms": made.window_start_ms + MINUTE_MS,
        "outcome": outcome,
        "reason": reason,
        "analysis_id": None if outcome == "coalesced" else name,
        "severity": "warning",
        "reasons": ["price_drop"],
        "aggregate_ids": [made.aggregate_id],
        "aggregates_partition": 0,
        "first_offset": offset,
        "last_offset": offset,
        "decided_ms": BEGIN_MS + 1_000,
    }
    return Decision(**{**fields, **changes})


def analysis_of(decision: Decision) -> Analysis:
    """Return the analysis that a decision names."""
    return Analysis(
        analysis_id=decision.decision_id,
        asset=decision.asset,
        product=decision.product,
        as_of_ms=decision.as_of_ms,
        produced_ms=decision.decided_ms,
        valid_until_ms=decision.as_of_ms + MINUTE_MS,
        trigger=Trigger(reasons=decision.reasons),
        headline="it fell",
        text="It fell.",
        severity=decision.severity,
        confidence="low",
        confidence_basis="nothing",
        observed_direction="down",
        facts=[],
        data_quality=DataQuality(completeness="complete"),
        origin="rules" if decision.outcome == "rules" else "model",
        origin_reason=decision.reason,
        attempt_ids=decision.attempt_ids,
    )


def _rows(values: Sequence[bytes], step_ms: int) -> list[Row]:
    return [Row(0, n, BEGIN_MS + n * step_ms, value) for n, value in enumerate(values)]


def _intent(name: str, at_ms: int) -> Intent:
    return Intent(
        attempt_id=name,
        item_key=KEY,
        asset="BTC",
        product="deep_dive",
        scope="faults",
        provider="anthropic",
        model="claude-haiku-5-5",
        prompt_version="p",
        schema_version="s",
        price_version="v",
        reserved_nano_usd=9,
        reserved_tokens=9,
        at_ms=at_ms,
    )


def _result(name: str, at_ms: int, cost: int, *, known: bool) -> Result:
    return Result(
        attempt_id=name,
        item_key=KEY,
        outcome="answered" if known else "timeout",
        known="settled" if known else "charged_unknown",
        usage=Usage(),
        cost_nano_usd=cost,
        started_ms=at_ms,
        ended_ms=at_ms + 200,
        asset="BTC",
    )
