"""A fingerprint of a text that near copies share, but for a few bits: PURE."""

import re
from hashlib import blake2b
from itertools import pairwise

BITS = 64

_WORD = re.compile(r"[a-z0-9$]+")


def simhash(text: str) -> str:
    """Return the 64-bit simhash of a text (Charikar 2002), as 16 hexadecimal digits.

    Features are the words in small letters and the pairs of neighbours, each time they occur. Each feature
    votes with the bits of its 8-byte BLAKE2b digest, big-endian: 1 is +1, 0 is -1. A bit is set where the sum
    of the votes is above 0. A text without words is 0.
    """
    words = _WORD.findall(text.lower())
    features = words + [f"{left} {right}" for left, right in pairwise(words)]
    votes = [0] * BITS
    for feature in features:
        digest = int.from_bytes(blake2b(feature.encode(), digest_size=BITS // 8).digest(), "big")
        for bit in range(BITS):
            votes[bit] += 1 if digest >> bit & 1 else -1
    number = sum(1 << bit for bit, vote in enumerate(votes) if vote > 0)
    return f"{number:016x}"
