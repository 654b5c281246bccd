"""Which candidates are worth the question about posts: deep dives that posts have a part in. PURE."""

from agents.decide.candidate import Candidate
from agents.decide.worth import UNUSUAL, unusual

REASON = "social_spike"
"""The gate's word for more posts than usual."""


def concerns_posts(candidate: Candidate) -> bool:
    """Return whether a candidate is a deep dive that was made by posts, or has unusually many among its facts.

    Unusual is what the deep dive's own question tells as such (`agents.decide.worth`): the same measure on the same
    facts. Then the analysis speaks of posts, and what they are matters. The tone of posts is no cause: it is theirs to set.
    """
    if candidate.product != "deep_dive":
        return False
    if REASON in candidate.reasons:
        return True
    return any(fact.metric == "posts" and unusual(fact) >= UNUSUAL for fact in candidate.facts)
