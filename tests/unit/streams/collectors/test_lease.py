"""Never two who lead and do not say so, and never none for long."""

import asyncio
from collections.abc import Callable

import pytest

from streams.collectors.leading import Leadership, Terms
from streams.collectors.lease import (
    ALONE_S,
    ALONE_SILENT_S,
    Heard,
    Lease,
    LeaseError,
)

LENGTH_S = 3.0
OTHERS = Heard(epoch=99, silent_s=0.0)
NOBODY = Heard(epoch=-1, silent_s=1e9)


def lease() -> Lease:
    return Lease(length_s=LENGTH_S, now_s=0.0)


def test_a_lease_ends_for_its_holder_before_it_ends_for_others() -> None:
    """From when it was asked for, not from when the answer came."""
    mine = lease()
    mine.granted(7, asked_s=10.0)
    assert mine.leads(12.6)
    assert not mine.leads(12.7)
    mine.renewed(asked_s=12.0)
    assert mine.leads(14.6)
    assert (mine.state(14.6), mine.state(14.8)) == ("leads", "standby")


def test_anothers_lease_ends_ours_at_once() -> None:
    """A renewal that says so comes before our own clock does."""
    mine = lease()
    mine.granted(7, asked_s=10.0)
    mine.refused()
    assert not mine.leads(10.1)
    assert mine.why == "another leads"


@pytest.mark.parametrize(
    ("heard", "leads"),
    [(Heard(7, 0.0), True), (NOBODY, True), (Heard(8, 0.0), False), (None, False)],
)
def test_the_last_leader_goes_on_alone_unless_the_log_has_another(
    heard: Heard | None, leads: bool
) -> None:
    """Not before another would have taken over and been heard; and not if the log cannot be read."""
    mine = lease()
    mine.granted(7, asked_s=10.0)
    end_s = 10.0 + 0.9 * LENGTH_S
    mine.unanswered(11.0, "away")
    assert mine.leads(11.0)
    for now_s in (end_s, end_s + ALONE_S - 0.1):
        mine.unanswered(now_s, "away")
        mine.consider(now_s, heard)
        assert not mine.leads(now_s)
    mine.consider(end_s + ALONE_S, heard)
    assert mine.leads(end_s + ALONE_S) is leads
    assert mine.state(1e9) == ("leads_alone" if leads else "standby")
    assert mine.epoch == 7


@pytest.mark.parametrize(
    ("heard", "leads"),
    [(NOBODY, True), (Heard(9, ALONE_SILENT_S), True), (Heard(9, 1.0), False), (None, False)],
)
def test_who_never_led_leads_alone_if_the_log_is_silent(heard: Heard | None, leads: bool) -> None:
    """Later than the last leader would; in an epoch that the fold takes for newer."""
    mine = lease()
    mine.unanswered(1.0, "away")
    mine.consider(ALONE_SILENT_S - 0.1, heard)
    assert not mine.leads(ALONE_SILENT_S - 0.1)
    mine.consider(ALONE_SILENT_S, heard)
    assert mine.leads(ALONE_SILENT_S) is leads
    if leads and heard is not None:
        assert mine.epoch == heard.epoch + 1


def test_an_answer_ends_leading_alone() -> None:
    """Whoever is asked again decides: another's lease, or a new one of ours."""
    for answer in ("refused", "granted"):
        mine = lease()
        mine.consider(ALONE_SILENT_S, NOBODY)
        assert mine.state(ALONE_SILENT_S) == "leads_alone"
        if answer == "refused":
            mine.refused()
            assert mine.state(30.0) == "standby"
        else:
            mine.granted(12, asked_s=30.0)
            assert (mine.state(30.0), mine.epoch) == ("leads", 12)


class Leases:
    """A store in this process, with a clock of its own; it may be away."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._epochs: dict[str, int] = {}
        self.away = False

    async def take(self, name: str, token: str, length_s: float, *, epoch_min: int) -> int | None:
        if self._holder(name) not in (None, token):
            return None
        self._epochs[name] = max(self._epochs.get(name, 0) + 1, epoch_min)
        self._held[name] = (token, self._clock() + length_s)
        return self._epochs[name]

    async def renew(self, name: str, token: str, length_s: float) -> bool:
        if self._holder(name) != token:
            return False
        self._held[name] = (token, self._clock() + length_s)
        return True

    async def leave(self, name: str, token: str) -> None:
        if self._holder(name) == token:
            del self._held[name]

    def _holder(self, name: str) -> str | None:
        if self.away:
            msg = "away"
            raise LeaseError(msg)
        token, until_s = self._held.get(name, ("", float("-inf")))
        return token if self._clock() < until_s else None


class Replicas:
    """Two of one entry, on one store."""

    def __init__(self, length_s: float = 0.4) -> None:
        clock = asyncio.get_running_loop().time
        self.clock = clock
        self.store = Leases(clock)
        terms = Terms(length_s=length_s, renew_s=length_s / 4)
        self.both = [
            Leadership(self.store, "e", token, terms, now_ms=lambda: 5_000, monotonic_s=clock)
            for token in ("a", "b")
        ]
        self.keeping = [asyncio.create_task(one.keep()) for one in self.both]

    async def close(self) -> None:
        for task in self.keeping:
            task.cancel()
        await asyncio.gather(*self.keeping, return_exceptions=True)


async def test_one_leads_and_the_other_takes_over_when_it_is_gone() -> None:
    """In a greater epoch, within its length and a look; and at once if it gives the lease back."""
    replicas = Replicas()
    first, second = replicas.both
    async with asyncio.timeout(5):
        assert await first.won() == 5  # the clock's seconds, as of a process without a lease
        assert not second.leads()
        replicas.keeping[0].cancel()
        begun_s = replicas.clock()
        assert await second.won() == 6
        assert replicas.clock() - begun_s < 0.4 + 0.25 + 2.0
        assert not first.leads()
        await first.lost(5)
        await second.leave()
        assert not second.leads()
    await replicas.close()


async def test_a_leader_without_answers_stops_before_its_lease_ends() -> None:
    """By its own clock; the other does not lead while nobody answers, and one does again when Redis does."""
    replicas = Replicas()
    first, second = replicas.both
    async with asyncio.timeout(5):
        epoch = await first.won()
        replicas.store.away = True
        await first.lost(epoch)
        held = replicas.store._held["e"][1]
        assert replicas.clock() < held
        await asyncio.sleep(0.5)
        assert not first.leads()
        assert not second.leads()
        assert first.lease.why == second.lease.why == "away"
        replicas.store.away = False
        await asyncio.wait(
            [asyncio.create_task(one.won()) for one in replicas.both],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [first.leads(), second.leads()].count(True) == 1
    await replicas.close()


async def test_a_lease_that_was_anothers_meanwhile_is_another_leadership() -> None:
    """Also where it was ours again before anybody looked: what runs in the old epoch must end."""
    mine = Leadership(
        Leases(lambda: 0.0), "e", "a", Terms(), now_ms=lambda: 0, monotonic_s=lambda: 0.0
    )
    mine.lease.granted(7, 0.0)
    assert mine.leads_in(7)
    mine.lease.granted(9, 0.0)
    assert mine.leads()
    assert not mine.leads_in(7)
    async with asyncio.timeout(1):
        await mine.lost(7)
