"""What the view counts. PURE."""

from msgspec import Struct


class Counts(Struct):
    """How many of each have been seen since the view began."""

    raw_events: int = 0
    heartbeats: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_permanent: int = 0
    late: int = 0
    dead_letters: int = 0
    aggregates: int = 0
    revisions: int = 0
    analyses: int = 0
    """Each id once: of several with one id the first counts."""
    by_model: int = 0
    """Analyses in a model's words,"""
    said_again: int = 0
    """and of these in words that it had said before, of the same state."""
    decisions: int = 0
    """Records; after a crash of the agent those in flight come twice."""
    decided: int = 0
    """Aggregates that decisions account for. A revision of several analyses has one for each; an alert's has none."""
    tallied: int = 0
    unreadable: int = 0
    evicted: int = 0
    """Offsets that the broker had deleted before they were read."""
    forgotten: int = 0
    """Windows, parts and feeds that had to make room for others."""
