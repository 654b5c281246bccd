"""How long a value is said again. PURE.

Values that were made together would else run out together, and be paid for together: each has a time of its own,
decided by its name, so that all workers come to the same.
"""

from hashlib import blake2b

from msgspec import Struct

from agents.settings import CacheSettings

JITTER = 0.1
"""Of the time a value is fresh: so much shorter or longer at most."""
LATE_MS = 600_000
"""What was asked for before a tombstone may be kept so long after it: no call is given longer."""
_UNITS = 2**64


class Lifetime(Struct, frozen=True):
    """Fresh, then stale: said only to those who would else get nothing, and marked."""

    ttl_ms: int
    stale_ms: int
    """After the time it is fresh."""

    def fresh_ms(self, name: str) -> int:
        """Return for how long a value is fresh, from when it was made."""
        drawn = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        return round(self.ttl_ms * (1 + JITTER * (2 * drawn / _UNITS - 1)))

    def kept_ms(self, name: str) -> int:
        """Return for how long a value is kept."""
        return self.fresh_ms(name) + self.stale_ms

    def barred_until_ms(self, now_ms: int) -> int:
        """Return until when a tombstone that is put up now must stand: no value of before is kept anywhere by then."""
        return now_ms + round(self.ttl_ms * (1 + JITTER)) + self.stale_ms + LATE_MS


def kept_s_max(settings: CacheSettings) -> float:
    """Return for how long any value is kept at most."""
    return settings.ttl_s * (1 + JITTER) + settings.stale_s


def lifetime_of(settings: CacheSettings) -> Lifetime:
    """Return what settings say."""
    return Lifetime(round(settings.ttl_s * 1000), round(settings.stale_s * 1000))
