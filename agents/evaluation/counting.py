"""Counts by words of an open vocabulary, bounded: a stranger's words cannot make them grow. PURE."""

from collections import Counter

WORDS_MAX = 200
"""Words told apart in one count: several times what our own code writes."""
OTHER = "other"
"""What further ones are counted as."""


def count(counts: Counter[str], word: str) -> None:
    """Count a word, or another one beyond the bound."""
    counts[word if word in counts or len(counts) < WORDS_MAX else OTHER] += 1
