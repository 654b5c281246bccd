"""How much one client may ask, with a bounded memory of clients. PURE: time is an argument."""

import math


class Buckets:
    """A bucket of permits for each client, refilled at a constant rate.

    Beyond ``clients_max`` the client longest not heard of makes room: its bucket is full when it comes back.
    """

    def __init__(self, *, rate_per_s: float, burst: float, clients_max: int) -> None:
        """Begin with every bucket full; one holds a permit at least, or nobody would ever get any."""
        self._rate_per_s, self._burst, self._clients_max = rate_per_s, max(1, burst), clients_max
        self._filled: dict[str, tuple[float, float]] = {}
        self.forgotten = 0
        """Clients that made room for others."""

    def __len__(self) -> int:
        return len(self._filled)

    def take(self, client: str, now_s: float) -> float:
        """Take a permit: return 0, or in how many seconds there will be one."""
        permits = self._permits(client, now_s)
        taken = permits >= 1
        self._keep(client, permits - 1 if taken else permits, now_s)
        return 0.0 if taken else (1 - permits) / self._rate_per_s

    def wait_s(self, client: str, now_s: float) -> float:
        """Return in how many seconds there will be a permit, and take none."""
        return max(0.0, (1 - self._permits(client, now_s)) / self._rate_per_s)

    def _permits(self, client: str, now_s: float) -> float:
        permits, then_s = self._filled.get(client, (self._burst, now_s))
        return min(self._burst, permits + max(0.0, now_s - then_s) * self._rate_per_s)

    def _keep(self, client: str, permits: float, now_s: float) -> None:
        self._filled.pop(client, None)
        if len(self._filled) >= self._clients_max:
            del self._filled[next(iter(self._filled))]
            self.forgotten += 1
        self._filled[client] = (permits, now_s)


def whole_seconds(wait_s: float) -> int:
    """Return a wait as `Retry-After` says it: never too short, at least 1."""
    return max(1, math.ceil(wait_s))
