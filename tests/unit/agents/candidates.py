"""Candidates for tests, out of windows or with the fields that matter."""

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.decide.candidate import Candidate
from agents.decide.context import AssetContext
from agents.decide.facts import facts_of
from agents.decide.quality import quality_of
from tests.strategies.aggregates import calm, market
from topics import Aggregate
from topics.analysis import analysis_id


def context_of(aggregates: Iterable[Aggregate]) -> AssetContext:
    """Return the context that windows of one asset make."""
    told = list(aggregates)
    context = AssetContext(told[0].asset if told else "BTC")
    for aggregate in told:
        context.take(aggregate)
    return context


def candidate_of(aggregates: Iterable[Aggregate], **changes: Any) -> Candidate:
    """Return the candidate that the last of these windows makes, with these changes."""
    told = list(aggregates)
    context, last = context_of(told), told[-1]
    made = Candidate(
        candidate_id=analysis_id("deep_dive", last.asset, last.window_end_ms),
        asset=last.asset,
        product="deep_dive",
        as_of_ms=last.window_end_ms,
        severity="warning",
        reasons=("price_drop",),
        facts=facts_of(context, last.subject),
        quality=quality_of(context),
        aggregate_ids=context.latest_ids(),
        partition=0,
        offsets=(7,),
        tenure=1,
        enqueued_s=0.0,
        deadline_s=20.0,
    )
    return msgspec.structs.replace(made, **changes)


def candidate(**changes: Any) -> Candidate:
    """Return a candidate of a fall after twelve calm minutes, with these changes."""
    fall = market(number=12, last=96.0, low=95.5, volume=30.0)
    return candidate_of([*calm(12), fall], **changes)
