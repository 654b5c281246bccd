"""Times as people compare them."""

from collections.abc import Sequence


def quantile(numbers: Sequence[float], q: float) -> float:
    """Return the least number that at least this share of all does not exceed."""
    line = sorted(numbers)
    return line[min(len(line) - 1, max(0, -int(-q * len(line) // 1) - 1))]


def spread(numbers: Sequence[float]) -> str:
    """Return median, 95th percentile and maximum, in seconds."""
    if not numbers:
        return "-"
    found = (quantile(numbers, 0.5), quantile(numbers, 0.95), max(numbers))
    return " / ".join(f"{number:.2f}" for number in found)
