"""Which record is which: what must be there and what is, joined by name as both come along."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from .compare import Difference, Found
from .outputs import Expected


class Pair(NamedTuple):
    """A record that must be there, and is."""

    expected: Expected
    found: Found


class _First(NamedTuple):
    where: str
    digest: bytes


class Pairing:
    """Holds of both sides only what the other has not brought yet; of what was found, a digest by name.

    Both come in the same order, so that next to nothing waits unless something is wrong.
    """

    def __init__(self) -> None:
        """Begin with neither."""
        self.expected: dict[str, Expected] = {}
        """What has not been found yet."""
        self.found: dict[str, Found] = {}
        """What nobody has asked for yet."""
        self._firsts: dict[bytes, _First] = {}

    def expect(self, expected: Expected) -> Pair | None:
        """Take a record that must be there, and return it with the one that is, if it has come."""
        found = self.found.pop(_key(expected.topic, expected.name), None)
        if found is None:
            self.expected[_key(expected.topic, expected.name)] = expected
            return None
        return Pair(expected, found)

    def find(self, name: str, found: Found) -> Pair | Difference | None:
        """Take a record that is there. Of several with one name the first counts; others are a difference."""
        key = _key(found.topic, name)
        digest = _digest(found)
        first = self._firsts.setdefault(key.encode(), _First(found.where, digest))
        if first.where != found.where:
            how = "the same" if first.digest == digest else "with other contents"
            text = f"{name} stands there a second time, {how}; the first is {first.where}"
            return Difference("doubled", found.where, text)
        expected = self.expected.pop(key, None)
        if expected is None:
            self.found[key] = found
            return None
        return Pair(expected, found)

    def left(self) -> tuple[Iterator[Expected], Iterator[Found]]:
        """Return what never found its other half."""
        return iter(self.expected.values()), iter(self.found.values())


def _key(topic: str, name: str) -> str:
    return f"{topic} {name}"


def _digest(found: Found) -> bytes:
    whole = repr((found.key, found.value, sorted(found.headers))).encode()
    return blake2b(whole, digest_size=16).digest()
