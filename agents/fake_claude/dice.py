"""Choices that look arbitrary and are a function of their seed and their name."""

from hashlib import blake2b


class Dice:
    """Throws that depend on the seed and on what is thrown for, never on the order of throws."""

    def __init__(self, seed: bytes) -> None:
        """Take the seed, at most 64 bytes."""
        self._seed = seed

    def throw(self, name: str, sides: int) -> int:
        """Return a number of [0, ``sides``)."""
        thrown = blake2b(name.encode(), key=self._seed, digest_size=8).digest()
        return int.from_bytes(thrown, "big") % sides

    def order(self, name: str, size: int) -> list[int]:
        """Return the numbers of [0, ``size``) in an order of their own."""
        return sorted(range(size), key=lambda at: (self.throw(f"{name}/{at}", 2**32), at))
