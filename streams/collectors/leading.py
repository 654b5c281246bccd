"""Keeps asking for one lease, and tells at once when it is won or lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from msgspec import Struct

from .lease import Heard, Lease, LeaseError, LeaseStore, State
from .port import Clock

ASK_S = 0.25
"""Between two tries of one that stands by."""
LONG_S = 3_600.0
"""No lease lasts so long."""

log = structlog.get_logger()


class Terms(Struct, frozen=True, kw_only=True):
    """How long a lease lasts, and how often it is renewed."""

    length_s: float = 3.0
    renew_s: float = 0.75


class Leadership:
    """One replica's part in one lease."""

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        token: str,
        terms: Terms,
        *,
        now_ms: Clock,
        monotonic_s: Callable[[], float],
    ) -> None:
        """Prepare; nothing is asked before `keep`. ``token`` is this process's alone."""
        self._store, self._name, self._token, self._terms = store, name, token, terms
        self._now_ms, self._monotonic_s = now_ms, monotonic_s
        self.lease = Lease(length_s=terms.length_s, now_s=monotonic_s())
        self._changed = asyncio.Event()
        self._state: State = "standby"
        self.heard: Callable[[], Heard | None] = lambda: None
        """What the log says, if it was read just now."""

    @property
    def state(self) -> State:
        """leads, leads_alone or standby."""
        return self.lease.state(self._monotonic_s())

    def leads(self) -> bool:
        """Return whether anything may be sent now, by the clock and not by what was last noticed."""
        return self.lease.leads(self._monotonic_s())

    def leads_in(self, epoch: int) -> bool:
        """Return whether anything may be sent now in this epoch: another may have led since."""
        return self.leads() and self.lease.epoch == epoch

    async def keep(self) -> None:
        """Ask, and ask again, until cancelled."""
        while True:
            await self._ask()
            self._notice()
            leads_s = self.lease.left_s(self._monotonic_s())
            wait_s = self._terms.renew_s if self.leads() else ASK_S
            await asyncio.sleep(max(0.0, min(wait_s, leads_s if leads_s > 0 else wait_s)))
            self._notice()

    async def won(self) -> int:
        """Return the epoch when this one leads."""
        while not self.leads():
            self._changed.clear()
            await self._changed.wait()
        return self.lease.epoch or 0

    async def lost(self, epoch: int) -> None:
        """Return when this one does not lead any more in this epoch."""
        while self.leads_in(epoch):
            self._changed.clear()
            # An end comes by the clock too, whoever is late to notice it.
            left_s = self.lease.left_s(self._monotonic_s())
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, left_s) if left_s < LONG_S else None):
                    await self._changed.wait()

    async def leave(self) -> None:
        """Give the lease back, so that nobody waits for its end."""
        if self.lease.held:
            self.lease.refused()
            with suppress(LeaseError):
                await self._store.leave(self._name, self._token)

    async def _ask(self) -> None:
        asked_s, terms = self._monotonic_s(), self._terms
        try:
            if self.lease.held and self.leads():
                if await self._store.renew(self._name, self._token, terms.length_s):
                    self.lease.renewed(asked_s)
                else:
                    self.lease.refused()
                return
            epoch = await self._store.take(
                self._name, self._token, terms.length_s, epoch_min=self._epoch_min()
            )
        except LeaseError as error:
            now_s = self._monotonic_s()
            self.lease.unanswered(now_s, str(error))
            self.lease.consider(now_s, self.heard())
            return
        if epoch is None:
            self.lease.refused()
        else:
            self.lease.granted(epoch, asked_s)

    def _epoch_min(self) -> int:
        """Return what no epoch may be below: a Redis that was emptied has forgotten them, and the fold has not."""
        heard = self.heard()
        told = -1 if heard is None else heard.epoch
        return max(self._now_ms() // 1_000, told + 1, (self.lease.epoch or 0) + 1)

    def _notice(self) -> None:
        state = self.state
        if state != self._state:
            self._state = state
            log.warning("lease", name=self._name, state=state, why=self.lease.why)
        self._changed.set()
