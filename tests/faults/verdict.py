"""What the judge found: defects by their sort, examples in words, and figures. PURE."""

from collections import Counter
from typing import Any

from msgspec import Struct, field

SORTS = {
    "unreadable": "records of the agents' topics that are not what the contract says",
    "unaccounted": "aggregates read that nothing speaks of",
    "doubly_accounted": "aggregates that two decisions, tallies or dead letters speak of",
    "miscounted": "tallies whose counts are not those of their offsets",
    "invented": "decisions about aggregates that are not there, or are of something else",
    "orphaned": "coalesced candidates whose survivor has no decision",
    "unanswered": "decisions whose analysis is missing or says otherwise",
    "unheard": "firing alerts without a decision",
    "late": "the share of candidates without an outcome by their deadline is too large",
    "unfit": "analyses in the model's words where the fake had spoilt the answer",
    "oversent": "analyses that took more paid sends than are allowed",
    "unnamed": "attempts on the wire that no decision names, or two do",
    "sent_while_open": "requests of an agent one of whose breakers was open",
    "crowded_probes": "trials with more requests at once than probes are allowed",
    "unintended": "requests without an intent before them, sent twice, or booked as never sent",
    "unended": "attempts without a result, or still reserved at the end",
    "over_cap": "moments at which an account was beyond its cap or a call beyond its reservation",
    "misbooked": "attempts whose cost in the ledger is not what the bill says, or below it",
    "unrecovered": "no answer of the model, or a breaker not closed, in time after the fake had healed",
    "grown": "agents whose memory did not come to rest",
}
"""Every sort of defect. A run without any is faultless."""
EXAMPLES_MAX = 3
"""Of each sort."""


class Verdict(Struct):
    """Defects and figures."""

    defects: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    """By name, units last."""

    @property
    def faultless(self) -> bool:
        """Whether nothing is wrong."""
        return not +self.defects

    def find(self, sort: str, words: str) -> None:
        """Count a defect."""
        if sort not in SORTS:
            raise KeyError(sort)
        self.defects[sort] += 1
        said = self.examples.setdefault(sort, [])
        if len(said) < EXAMPLES_MAX:
            said.append(words[:400])
