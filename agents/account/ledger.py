"""The books of one budget scope in Redis, shared by every worker that names it.

Each step is one script, whose rules are those of `budget.py` and `pacing.py`. Redis is an index: the journal is the
ledger that lasts. Books that were not rebuilt on the server that answers (it was restarted, emptied, or another took
over) are closed: nothing is reserved, confirmed or settled until one worker has read the journal back.
"""

import time
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Any, Literal, get_args

from .budget import Answer, Granted, Refused, State, Use, Wait
from .connection import CALL_S, Connection, LedgerError
from .pacing import NOTHING_TOLD, Rates, Told
from .recovery import Entry, Recovered, Recovery
from .shown import Shown, Spend, shown_of
from .terms import EXACT_MAX, LEASE_MS_MAX, Ask, Terms, check_cap

REBUILD_LEASE_MS = 15_000
"""A worker that rebuilds and says nothing for so long has died; another may begin."""
_LOADED = 200
"""Attempts put back by one script: a few milliseconds, in which nobody else is answered."""
_SWEPT = 100
Reply = State | Literal["closed", "clock"]
Rebuilt = Literal["rebuilt", "open", "held"]
_REASONS = frozenset(get_args(Refused.__annotations__["reason"]))


class Ledger:
    """One scope's books."""

    def __init__(
        self, url: str, *, prefix: str, scope: str, terms: Terms, call_s: float = CALL_S
    ) -> None:
        """Connect on the first call. ``prefix`` is the pipeline's.

        ``url`` is redis://, rediss:// or unix://, or redis+sentinel://HOST:PORT,HOST:PORT/NAME.

        Raises:
            ValueError: The URL is none of these.
        """
        self.scope, self.terms = scope, terms
        self._connection = Connection(url, f"{prefix}budget:{{{scope}}}:", call_s)
        self._run = self._connection.run
        caps = [word for name, amount in terms.caps.items() for word in (name, amount)]
        self._caps: tuple[str | int, ...] = tuple(caps)

    async def reserve(self, ask: Ask, now_ms: int) -> Answer:
        """Set an amount aside in every window and account and take the pace for it: all of it or nothing.

        Idempotent by attempt: what is reserved is not reserved again, and what has ended never.

        Raises:
            LedgerError: Redis did not answer. It may have reserved; nothing may be sent, and it is to be released.
        """
        terms, rates = self.terms, self.terms.rates.get(ask.model, Rates())
        lease_ms = terms.lease_ms if ask.lease_ms is None else ask.lease_ms
        if not 0 < lease_ms <= LEASE_MS_MAX:
            msg = f"a lease of {lease_ms} ms is not above 0 and up to {LEASE_MS_MAX}"
            raise LedgerError(msg)
        word, detail = await self._run(
            "reserve",
            *(now_ms, terms.clock_ms_max, ask.attempt_id, ask.model, ask.priority),
            *(_exact(ask.nano_usd), _exact(ask.tokens), ask.input_tokens, ask.output_tokens),
            *(lease_ms, terms.open_max, terms.floor_permille),
            *(*rates.per_min, rates.burst_permille, *self._caps),
        )
        if word == "granted":
            return Granted(int(detail))
        if word == "wait":
            return Wait(int(detail))
        if word not in _REASONS:
            msg = f"the ledger answers {word!r}"
            raise LedgerError(msg)
        return Refused(word, detail)

    async def confirm(self, attempt_id: str, now_ms: int) -> Reply:
        """Return `confirmed` if the attempt may be sent now. Any other word: it must not be.

        Raises:
            LedgerError: Redis did not answer.
        """
        reply: Reply = (await self._run("confirm", now_ms, self.terms.clock_ms_max, attempt_id))[0]
        return reply

    async def settle(self, attempt_id: str, used: Use, now_ms: int) -> tuple[Reply, bool]:
        """Book what a call cost; return the attempt's state and whether it went beyond its reservation.

        Raises:
            LedgerError: Redis did not answer; until it is told, the reservation stays.
        """
        told = await self._close(attempt_id, "settled", used, now_ms)
        return told[0], bool(told[1])

    async def release(self, attempt_id: str, now_ms: int) -> Reply:
        """Give back what was reserved for a call that was surely not sent.

        Raises:
            LedgerError: Redis did not answer.
        """
        reply: Reply = (await self._close(attempt_id, "released", Use(), now_ms))[0]
        return reply

    async def charge(self, attempt_id: str, now_ms: int) -> Reply:
        """Book a reservation in full: nobody knows what became of the call.

        Raises:
            LedgerError: Redis did not answer; the lease's end does the same.
        """
        reply: Reply = (await self._close(attempt_id, "charged", Use(), now_ms))[0]
        return reply

    async def sweep(self, now_ms: int) -> int:
        """Charge what is open beyond its lease, at most a hundred; return how many there were.

        Raises:
            LedgerError: Redis did not answer.
        """
        word, number = await self._run("sweep", now_ms, self.terms.clock_ms_max, _SWEPT)
        return int(number) if word == "swept" else 0

    async def heed(
        self,
        model: str,
        now_ms: int,
        *,
        told: Told = NOTHING_TOLD,
        retry_after_ms: int | None = None,
    ) -> None:
        """Correct a model's pace, for all workers, by an answer's headers or a 429's request for silence.

        Raises:
            LedgerError: Redis did not answer.
        """
        rates = self.terms.rates.get(model, Rates())
        pairs = [
            "" if value is None else value
            for pair in zip(told.limits, told.remaining, strict=True)
            for value in pair
        ]
        pause = "" if retry_after_ms is None else retry_after_ms
        words = (now_ms, model, pause, *pairs, *rates.per_min, rates.burst_permille)
        await self._run("heed", *words)

    async def rebuild(
        self, entries: AsyncIterable[Entry] | Iterable[Entry], now_ms: int
    ) -> Rebuilt:
        """Open closed books, with what the journal says of the open windows.

        ``entries`` are intents, results, and operators' acts on this budget, in the order of their logs. They are
        first asked for once no reservation of the old books can be confirmed any more: where they find out the
        journal's end only then, every call that was sent is among them.

        Raises:
            LedgerError: Redis did not answer, drops keys when it is full, or took this worker for dead in the
                meantime; the books stay closed.
            RecoveryError: The journal holds too much.
        """
        word, books = await self._run(
            "rebuild_begin", now_ms, self.terms.clock_ms_max, REBUILD_LEASE_MS
        )
        if word in ("open", "held"):
            return "open" if word == "open" else "held"
        if word == "evicts":
            msg = (
                "the ledger's Redis drops keys when it is full, and with them what was spent; the books"
                f" stay closed until its maxmemory-policy, {books}, is noeviction"
            )
            raise LedgerError(msg)
        if word != "begun":
            msg = f"the ledger's clock is {books} ms behind ours; the books stay closed"
            raise LedgerError(msg)
        recovery = Recovery(self.scope, now_ms=now_ms, lease_ms=self.terms.lease_ms)
        renewed_s = time.monotonic()
        async for entry in _async(entries):
            recovery.take(entry)
            if time.monotonic() - renewed_s > REBUILD_LEASE_MS / 4000:
                await self._load(books, ())
                renewed_s = time.monotonic()
        attempts = recovery.attempts()
        for first in range(0, len(attempts), _LOADED):
            await self._load(books, attempts[first : first + _LOADED])
        caps: list[str | int] = []
        for name, amount in recovery.caps.items():
            caps += [name, "" if amount is None else amount]
        self._check_held(await self._run("rebuild_end", books, *caps))
        return "rebuilt"

    async def show(self, now_ms: int) -> Shown:
        """Return what the books hold of the windows of now, whether they are open or not.

        Raises:
            LedgerError: Redis did not answer.
        """
        return shown_of(await self._run("show", now_ms), self.terms, now_ms)

    async def spend(self, now_ms: int) -> Spend:
        """Return the day's account, of all together.

        Raises:
            LedgerError: Redis did not answer.
        """
        return (await self.show(now_ms)).spend

    async def find(self, attempt_id: str) -> tuple[State, int, int] | None:
        """Return an attempt's state, and nano-dollars reserved and used, or None; for operators and tests.

        Raises:
            LedgerError: Redis did not answer.
        """
        found = await self._run("find", attempt_id)
        return None if found is None else (found[0], int(found[1]), int(found[2]))

    async def set_cap(self, name: str, amount: int | None) -> str | None:
        """Put an operator's cap before every worker's own, or take it away; return what it was.

        Raises:
            CapError: The name or the amount.
            LedgerError: Redis did not answer.
        """
        check_cap(name, amount or 0)
        words = ("uncap", name) if amount is None else ("cap", name, amount)
        before: str | None = await self._run("set", *words)
        return before

    async def reopen(self, model: str) -> str | None:
        """Let a model be asked again after a call of it cost more than was reserved; return what closed it.

        Raises:
            LedgerError: Redis did not answer.
        """
        before: str | None = await self._run("set", "open", model)
        return before

    async def close(self) -> None:
        """Disconnect."""
        await self._connection.close()

    async def _close(self, attempt_id: str, act: str, used: Use, now_ms: int) -> Sequence[Any]:
        amounts = (
            _exact(used.nano_usd),
            _exact(used.tokens),
            used.input_tokens,
            used.output_tokens,
        )
        told: Sequence[Any] = await self._run("close", now_ms, attempt_id, act, *amounts)
        return told

    async def _load(self, books: str, attempts: Sequence[Recovered]) -> None:
        words: list[str | int] = []
        for found in attempts:
            ask, used = found.ask, found.used
            words += [ask.attempt_id, ask.model, ask.priority, ask.nano_usd, ask.tokens]
            words += [found.at_ms, found.until_ms, found.state, used.nano_usd, used.tokens]
            words.append(int(found.opened))
        self._check_held(await self._run("rebuild_load", books, REBUILD_LEASE_MS, *words))

    def _check_held(self, answer: int) -> None:
        if not answer:
            msg = "another worker rebuilds the books, or they were lost again; they stay closed"
            raise LedgerError(msg)


def _exact(amount: int) -> int:
    """Refuse an amount that Redis could not count."""
    if not 0 <= amount <= EXACT_MAX:
        msg = f"{amount} is not from 0 to {EXACT_MAX}"
        raise LedgerError(msg)
    return amount


async def _async(entries: AsyncIterable[Entry] | Iterable[Entry]) -> AsyncIterable[Entry]:
    if isinstance(entries, AsyncIterable):
        async for entry in entries:
            yield entry
    else:
        for entry in entries:
            yield entry
