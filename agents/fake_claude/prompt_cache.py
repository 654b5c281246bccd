"""The prompt cache: which of a prompt is read from it, which is written to it, and for how long. PURE.

A prompt is cached up to a breakpoint (``cache_control`` on a piece), for a model, if it has the model's least number
of tokens up to there; below that it is silently not cached. A breakpoint finds what was cached up to itself or up to
one of the ``LOOKBACK`` pieces before it. What is found is read, what follows up to the last breakpoint is written,
each part for the time to live of the breakpoint that ends it, and the rest is plain input. Reading begins the time to
live anew. What is written can be read from the moment its answer begins, not before: requests sent together all write.
"""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Struct, structs

from .models import Model
from .prompt import Piece, tokens_of
from .usage import Usage

TTL_S = {"5m": 300.0, "1h": 3_600.0}
LOOKBACK = 20
"""Pieces before a breakpoint at which something cached is looked for, itself included."""
ENTRIES_MAX = 10_000
"""Prefixes kept; beyond it the one not used for longest is forgotten."""


class Prefix(Struct, frozen=True):
    """A prompt up to one of its pieces."""

    key: bytes
    tokens: int
    ttl: str | None
    """That of the breakpoint which ends it; None where none does, or where it is too short to be cached."""


class Split(Struct, frozen=True, kw_only=True):
    """A prompt by how it is paid for."""

    input_tokens: int
    read_tokens: int = 0
    write_5m_tokens: int = 0
    write_1h_tokens: int = 0
    used: tuple[Prefix, ...] = ()
    """What is read or written."""

    def of(self, usage: Usage) -> Usage:
        """Return a usage with the input split so."""
        return structs.replace(
            usage,
            input_tokens=self.input_tokens,
            cache_read_tokens=self.read_tokens,
            cache_write_5m_tokens=self.write_5m_tokens,
            cache_write_1h_tokens=self.write_1h_tokens,
        )


class _Entry(Struct, frozen=True):
    ready_s: float
    until_s: float
    ttl_s: float


class PromptCache:
    """What one organization has cached. Time is an argument, in seconds that never go back."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[bytes, _Entry] = {}

    def split(self, model: Model, pieces: Sequence[Piece], now_s: float) -> Split:
        """Return how a prompt would be paid for now; nothing is changed."""
        prefixes = _prefixes(model, pieces)
        marks = [at for at, prefix in enumerate(prefixes) if prefix.ttl is not None]
        hit = self._hit(prefixes, marks, now_s)
        reached = read = prefixes[hit].tokens if hit is not None else 0
        written = dict.fromkeys(TTL_S, 0)
        for at in marks:
            if hit is None or at > hit:
                prefix = prefixes[at]
                written[prefix.ttl or "5m"] += prefix.tokens - reached
                reached = prefix.tokens
        found = () if hit is None else (prefixes[hit],)
        return Split(
            input_tokens=(prefixes[-1].tokens if prefixes else 0) - reached,
            read_tokens=read,
            write_5m_tokens=written["5m"],
            write_1h_tokens=written["1h"],
            used=(*found, *(_paid(prefixes[at], at, hit) for at in marks if at != hit)),
        )

    def keep(self, split: Split, now_s: float, ready_s: float) -> None:
        """Write what a request wrote, to be read from ``ready_s`` on, and renew what it read."""
        for prefix in split.used:
            entry = self._live(prefix.key, now_s)
            if entry is not None:
                ready_s_of, ttl_s = min(entry.ready_s, ready_s), entry.ttl_s
            elif prefix.ttl is not None:
                ready_s_of, ttl_s = ready_s, TTL_S[prefix.ttl]
            else:
                continue
            self._entries.pop(prefix.key, None)  # the newest stands last
            self._entries[prefix.key] = _Entry(ready_s_of, max(now_s, ready_s_of) + ttl_s, ttl_s)
        while len(self._entries) > ENTRIES_MAX:
            del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        """Return how many prefixes are kept, expired ones included."""
        return len(self._entries)

    def _hit(self, prefixes: list[Prefix], marks: list[int], now_s: float) -> int | None:
        """Return the last piece up to which the prompt can be read, or None."""
        found = [
            at
            for mark in marks
            for at in range(max(mark - LOOKBACK + 1, 0), mark + 1)
            if self._is_readable(prefixes[at].key, now_s)
        ]
        return max(found, default=None)

    def _is_readable(self, key: bytes, now_s: float) -> bool:
        entry = self._live(key, now_s)
        return entry is not None and entry.ready_s <= now_s

    def _live(self, key: bytes, now_s: float) -> _Entry | None:
        entry = self._entries.get(key)
        return entry if entry is not None and now_s < entry.until_s else None


def _paid(prefix: Prefix, at: int, hit: int | None) -> Prefix:
    """Return a prefix that ends before what is read as one that may be renewed, but is not written."""
    return prefix if hit is None or at > hit else structs.replace(prefix, ttl=None)


def _prefixes(model: Model, pieces: Sequence[Piece]) -> list[Prefix]:
    """Return the prompt up to each of its pieces."""
    digest = blake2b(model.id.encode(), digest_size=16).digest()
    tokens, prefixes = 0, []
    for piece in pieces:
        tokens += tokens_of(piece.text)
        told = blake2b(f"{piece.section}\0{piece.text}".encode(), digest_size=16).digest()
        digest = blake2b(digest + told, digest_size=16).digest()
        ttl = None
        if piece.cache_control is not None and tokens >= model.cacheable_tokens_min:
            ttl = piece.cache_control.get("ttl") or "5m"
        prefixes.append(Prefix(digest, tokens, ttl))
    return prefixes
