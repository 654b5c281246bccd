"""How fast a model may be asked: requests, input and output tokens a minute, as buckets that refill all the time. PURE.

A soft limit beside the budget: it may estimate, since the provider's own refusal is the worst that follows, and it
never lets through what the budget refuses. Levels are integers in sixty-thousandths, so that a rate of r a minute
adds exactly r each millisecond, here and in Redis alike.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

SCALE = 60_000
"""Milliseconds in a minute, and parts in a token."""
RATE_MAX = 100_000_000
"""A minute. With a day of refill it stays below 2^53, up to where a double counts exactly."""
REFILL_MS_MAX = 86_400_000
"""Longer silence adds no more: any debt there can be is paid by then."""
PAUSE_MS_MAX = 3_600_000
"""A provider that asks for more silence is asked again after this: one wrong header must not stop a day's work."""

BACK_MS_MAX = 10_000
"""Workers' clocks are less apart than this. A time that is more ahead was a wrong clock's, and is given up: a bucket
that waits for it would not refill until then."""


class Amounts(Struct, frozen=True):
    """Requests, input tokens and output tokens: of one call, or a minute's worth of them."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __iter__(self) -> Iterator[int]:
        return iter((self.requests, self.input_tokens, self.output_tokens))


class Rates(Struct, frozen=True):
    """What an operator allows a minute; 0 is no limit of ours."""

    per_min: Amounts = Amounts()
    burst_permille: int = 100
    """Of a minute's worth that may be used at once: providers enforce shorter intervals than the minute."""


class Told(Struct, frozen=True):
    """What an answer's headers say of the provider's own buckets; None where they are silent."""

    limits: tuple[int | None, int | None, int | None] = (None, None, None)
    remaining: tuple[int | None, int | None, int | None] = (None, None, None)


NOTHING_TOLD = Told()


class Bucket:
    """One of the three."""

    def __init__(self, per_min: int, burst_permille: int) -> None:
        """Begin full."""
        self._own_per_min, self._burst_permille = per_min, burst_permille
        self._told_per_min = 0
        self.level = self.burst * SCALE

    @property
    def per_min(self) -> int:
        """The lower of what the operator allows and what the provider said; 0 is no limit."""
        both = [rate for rate in (self._own_per_min, self._told_per_min) if rate]
        return min(both, default=0)

    @property
    def burst(self) -> int:
        """What may be used at once, of a bucket that is full."""
        return max(1, self.per_min * self._burst_permille // 1000)

    def refill(self, span_ms: int) -> None:
        """Add what comes back in a time."""
        added = self.per_min * min(span_ms, REFILL_MS_MAX)
        self.level = min(self.burst * SCALE, self.level + added)

    def wait_ms(self, amount: int) -> int:
        """Return how long until an amount may be taken. More than the burst goes when the bucket is full."""
        if not self.per_min:
            return 0
        lacks = min(amount, self.burst) * SCALE - self.level
        return max(0, -(-lacks // self.per_min))

    def take(self, amount: int) -> None:
        """Take an amount; after one larger than the burst the level is below nothing for a while."""
        if self.per_min:
            self.level -= amount * SCALE

    def give_back(self, amount: int) -> None:
        """Return what was taken and not used, or take what was used beyond it."""
        if self.per_min:
            self.level = min(self.burst * SCALE, self.level + amount * SCALE)

    def heed(self, limit: int | None, remaining: int | None) -> None:
        """Take over what the provider says: it may lower the level and the operator's rate, and raise neither."""
        if limit is not None:
            fresh = not self.per_min
            self._told_per_min = min(max(1, limit), RATE_MAX)
            self.level = self.burst * SCALE if fresh else min(self.level, self.burst * SCALE)
        if remaining is not None and self.per_min:
            self.level = min(self.level, min(max(0, remaining), RATE_MAX) * SCALE)


class Pacing:
    """The three buckets of one model, and the silence it asked for."""

    def __init__(self, rates: Rates) -> None:
        """Begin full and not paused."""
        self.buckets = tuple(Bucket(rate, rates.burst_permille) for rate in rates.per_min)
        self._at_ms = self._paused_until_ms = 0

    def take(self, need: Amounts, now_ms: int) -> int:
        """Take all three amounts and return 0, or take nothing and return how many milliseconds to wait."""
        self._refill(now_ms)
        waits = [bucket.wait_ms(amount) for bucket, amount in zip(self.buckets, need, strict=True)]
        wait_ms = max(self._paused_until_ms - self._at_ms, *waits)
        if wait_ms > 0:
            return wait_ms
        for bucket, amount in zip(self.buckets, need, strict=True):
            bucket.take(amount)
        return 0

    def give_back(self, unused: Amounts, now_ms: int) -> None:
        """Return what a call did not use of what it took; less than nothing where it used more."""
        self._refill(now_ms)
        for bucket, amount in zip(self.buckets, unused, strict=True):
            bucket.give_back(amount)

    def heed(self, told: Told, now_ms: int) -> None:
        """Correct the buckets by an answer's headers."""
        self._refill(now_ms)
        for bucket, limit, left in zip(self.buckets, told.limits, told.remaining, strict=True):
            bucket.heed(limit, left)

    def pause(self, retry_after_ms: int, now_ms: int) -> None:
        """Let nothing through for as long as a 429 asks, bounded by `PAUSE_MS_MAX`; a pause is never shortened."""
        self._refill(now_ms)
        until_ms = self._at_ms + min(max(0, retry_after_ms), PAUSE_MS_MAX)
        self._paused_until_ms = max(self._paused_until_ms, until_ms)

    def _refill(self, now_ms: int) -> None:
        """Bring the levels up to now. Time that goes back, between workers, adds nothing and takes nothing."""
        if self._at_ms - now_ms > BACK_MS_MAX:
            self._at_ms = now_ms
            self._paused_until_ms = min(self._paused_until_ms, now_ms + PAUSE_MS_MAX)
        span_ms = max(0, now_ms - self._at_ms)
        for bucket in self.buckets:
            bucket.refill(span_ms)
        self._at_ms += span_ms


def told_of(headers: Mapping[str, str]) -> Told:
    """Return what `anthropic-ratelimit-*` headers say, their names in lower case. A value that is no number says nothing."""

    def numbers(what: str) -> tuple[int | None, int | None, int | None]:
        names = ("requests", "input-tokens", "output-tokens")
        found = [_number(headers.get(f"anthropic-ratelimit-{name}-{what}")) for name in names]
        return (found[0], found[1], found[2])

    return Told(numbers("limit"), numbers("remaining"))


def _number(text: str | None) -> int | None:
    word = (text or "").strip()
    return (
        int(word) if word.isascii() and word.isdigit() and len(word) <= len(str(RATE_MAX)) else None
    )
