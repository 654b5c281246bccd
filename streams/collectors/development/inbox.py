"""Deliveries into observations: all of one or nothing, and never more than there is room for."""

import asyncio
from collections.abc import Callable, Mapping

from streams.collectors.coverage import Coverage
from streams.collectors.port import Clock, Observation, Refused

from .deliveries import Delivery
from .grading import grade_of_others
from .looking import Looker
from .repository import Repository


class Inbox:
    """Takes what the webhooks of one source's repositories tell."""

    def __init__(
        self,
        source: str,
        *,
        repositories: Mapping[str, Repository],
        coverage: Coverage,
        looker: Looker,
        queue: "asyncio.Queue[Observation | Exception]",
        look_now: Callable[[Repository], None],
        now_ms: Clock,
    ) -> None:
        """Take the source's parts. ``look_now`` has a repository looked at without waiting for its turn."""
        self._source, self._repositories, self._coverage = source, repositories, coverage
        self._looker, self._queue, self._look_now = looker, queue, look_now
        self._now_ms = now_ms

    def delivered(self, delivery: Delivery) -> bool | None:
        """Take a delivery; False if there is no room for it, None if it is of no repository that is followed."""
        repository = self._of(delivery)
        if repository is None:
            return None
        room = self._queue.maxsize - self._queue.qsize()
        if len(delivery.found) * len(repository.subjects) > room:
            return False
        covered_ms = self._coverage.covered_ms(repository.name)
        sifted = repository.history.sift(delivery.found, covered_ms, whole=False, based=True)
        for observation in self._looker.sifted(repository, sifted, grade_of_others(cut=False)):
            self._queue.put_nowait(observation)
        if delivery.look:
            self._look_now(repository)
        return True

    def undelivered(self, message: str, original: bytes, delivery: str) -> bool:
        """Refuse what was signed and cannot be read; False if there is no room to say so."""
        if self._queue.full():
            return False
        self._queue.put_nowait(
            Refused(
                reason="invalid",
                message=message,
                original=original,
                origin=f"{self._source}/webhook/{delivery}",
                received_ms=self._now_ms(),
            )
        )
        return True

    def _of(self, delivery: Delivery) -> Repository | None:
        """Return the repository with that number; by its name only as long as no number is known."""
        name = delivery.full_name.lower()
        for repository in self._repositories.values():
            if repository.id is not None:
                if repository.id == delivery.repository_id:
                    return repository
            elif repository.name.lower() == name:
                return repository
        return None
