"""The rate limits: a token bucket each for requests, input tokens and output tokens, and the headers that tell of them.

A bucket holds a minute's worth and refills evenly; each line of models has its own three. A request takes one
request, its input but for what it reads from the prompt cache, and its output. If one bucket has too little, nothing
is taken and the answer is a 429 that says when there will be enough. Token remainders are rounded to thousands, as
the API rounds them: they correct an estimate, they do not replace one.

Whether the API wants room for ``max_tokens`` before it answers, or only for what the answer has, its public texts do
not agree on; ``reserves_max_tokens`` plays either.
"""

from math import ceil

from msgspec import Struct

from .errors import rate_limited
from .rfc3339 import rfc3339
from .usage import Usage

ROUNDED_TO = 1_000
"""Tokens."""
MINUTE_S = 60

_WORDS = {
    "requests": "requests",
    "input-tokens": "input tokens",
    "output-tokens": "output tokens",
}


class Limits(Struct, frozen=True, kw_only=True):
    """What one organization may use of a line of models in a minute."""

    requests: int
    input_tokens: int
    output_tokens: int
    reserves_max_tokens: bool = False

    def by_bucket(self) -> dict[str, int]:
        """Return the limits by the names the headers have for them."""
        return {
            "requests": self.requests,
            "input-tokens": self.input_tokens,
            "output-tokens": self.output_tokens,
        }


class Buckets:
    """The levels of all lines of models. Time is an argument, in seconds since the epoch."""

    def __init__(self, limits: Limits) -> None:
        """Begin full."""
        self._limits = limits
        self._levels: dict[str, dict[str, float]] = {}
        self._filled_s: dict[str, float] = {}

    def take(self, line: str, usage: Usage, max_tokens: int, now_s: float) -> dict[str, str]:
        """Take what a request uses and return the twelve ``anthropic-ratelimit-*`` headers after it.

        Raises:
            ApiError: 429, with the headers as they stand, where a bucket has too little.
        """
        levels = self._refilled(line, now_s)
        taken = {
            "requests": 1,
            "input-tokens": usage.total_input_tokens - usage.cache_read_tokens,
            "output-tokens": usage.output_tokens,
        }
        needed = dict(taken)
        if self._limits.reserves_max_tokens:
            needed["output-tokens"] = max_tokens
        self._check(levels, needed, now_s)
        for name, amount in taken.items():
            levels[name] -= amount
        return self._headers(levels, now_s)

    def clear(self) -> None:
        """Fill every bucket."""
        self._levels.clear()
        self._filled_s.clear()

    def _refilled(self, line: str, now_s: float) -> dict[str, float]:
        limits = self._limits.by_bucket()
        levels = self._levels.setdefault(line, {name: float(n) for name, n in limits.items()})
        passed_s = max(now_s - self._filled_s.get(line, now_s), 0.0)  # the clock may be set back
        for name, limit in limits.items():
            levels[name] = min(levels[name] + limit * passed_s / MINUTE_S, float(limit))
        self._filled_s[line] = now_s
        return levels

    def _check(self, levels: dict[str, float], needed: dict[str, int], now_s: float) -> None:
        """Refuse what a bucket has too little for; what no full bucket would hold waits for a full one."""
        waits_s = {
            name: (min(needed[name], limit) - levels[name]) * MINUTE_S / limit
            for name, limit in self._limits.by_bucket().items()
            if needed[name] > levels[name]
        }
        if not waits_s:
            return
        name = max(waits_s, key=lambda of: waits_s[of])
        limit = self._limits.by_bucket()[name]
        message = (
            "This request would exceed your organization's rate limit of"
            f" {limit} {_WORDS[name]} per minute"
        )
        raise rate_limited(
            message,
            max(ceil(waits_s[name]), 1),
            headers=self._headers(levels, now_s),
        )

    def _headers(self, levels: dict[str, float], now_s: float) -> dict[str, str]:
        limits = self._limits.by_bucket()
        shown = {
            name: (limit, levels[name], 1 if name == "requests" else ROUNDED_TO)
            for name, limit in limits.items()
        }
        both = ("input-tokens", "output-tokens")
        shown["tokens"] = (
            sum(limits[name] for name in both),
            sum(levels[name] for name in both),
            ROUNDED_TO,
        )
        told: dict[str, str] = {}
        for name, (limit, level, grain) in shown.items():
            remaining = min(round(int(level) / grain) * grain, limit)
            full_s = ceil(now_s + MINUTE_S * (limit - level) / limit)
            told[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            told[f"anthropic-ratelimit-{name}-remaining"] = str(remaining)
            told[f"anthropic-ratelimit-{name}-reset"] = rfc3339(full_s)
        return told
