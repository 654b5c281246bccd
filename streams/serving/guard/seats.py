"""How many may be there at once, of one client and of all. PURE."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .problem import Problem

RETRY_S = 10
"""Someone may have gone by then."""


class Seats:
    """Seats that clients take while they are there."""

    def __init__(self, most: int, of_client_max: int) -> None:
        """Begin with all of them free."""
        self._most, self._of_client_max = most, of_client_max
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many are taken."""
        return self._taken.total()

    def refusal(self, client: str) -> Problem | None:
        """Return why a client gets no seat; None: it may take one."""
        if len(self) < self._most and self._taken[client] < self._of_client_max:
            return None
        return Problem(
            status=429,
            code="rate_limited",
            detail="too many pages are open",
            allowed=f"{self._of_client_max} of one address, {self._most} of all",
            retry_after_s=RETRY_S,
        )

    @contextmanager
    def seat(self, client: str) -> Iterator[None]:
        """Take a seat for as long as it lasts."""
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
