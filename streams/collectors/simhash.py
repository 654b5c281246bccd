"""A fingerprint of a text that near copies share, but for a few bits: PURE."""

import re
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

BITS = 64
KNOWN_MAX = 1 << 14
"""Features whose votes are remembered; each takes about 400 bytes."""
_LANE = 32
"""Bits for the count of one bit's votes: more than any text has features."""
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f"
"""Kana, Han, Hangul and Thai, for a class of a pattern: words of these are not told apart by spaces."""
_WORD = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W_]|\$)+")
_LANE_MASK = (1 << _LANE) - 1


def simhash(text: str) -> str:
    """Return the 64-bit simhash of a text (Charikar 2002), as 16 hexadecimal digits.

    Features are the words in small letters and the pairs of neighbours, each time they occur; where a script
    does not part words, each character is one. Each feature votes with the bits of its 8-byte BLAKE2b digest,
    big-endian: 1 is +1, 0 is -1. A bit is set where the sum of the votes is above 0. A text without words is 0.
    """
    words = _WORD.findall(text.lower())
    features = words + [f"{left} {right}" for left, right in pairwise(words)]
    ones = sum(map(_ones_of, features))
    number = 0
    for bit in range(BITS):
        if 2 * (ones >> bit * _LANE & _LANE_MASK) > len(features):
            number |= 1 << bit
    return f"{number:016x}"


@lru_cache(maxsize=KNOWN_MAX)
def _ones_of(feature: str) -> int:
    """Return the bits of a feature's digest, each in a lane of its own, so that votes are counted by adding."""
    said = feature.encode(errors="replace")
    digest = int.from_bytes(blake2b(said, digest_size=BITS // 8).digest(), "big")
    return sum(1 << bit * _LANE for bit in range(BITS) if digest >> bit & 1)
