"""What the model is told of one asset for a deep dive. PURE."""

import msgspec

from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from agents.decide.printing import label_of, printed
from topics import Fact


def asked_of(candidate: Candidate) -> dict[str, object]:
    """Return the question about a candidate, as it is sent but for its marker."""
    return {
        "asset": candidate.asset,
        "reasons": list(candidate.reasons),
        "facts": [_told(slot, fact) for slot, fact in slots_of(candidate.facts).items()],
        "data": {
            "completeness": candidate.quality.completeness,
            "words": candidate.quality.words or "nothing known to be missing",
        },
    }


def _told(slot: str, fact: Fact) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "slot": slot,
        "label": label_of(fact),
        "value": printed(fact),
    }
    if fact.baseline is not None:
        usual = msgspec.structs.replace(fact, value=fact.baseline)
        told |= {"usual": printed(usual), "windows": fact.sample_size}
    return told
