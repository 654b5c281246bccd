"""One paid call, walked through the books in the only order there is.

reserve -> intent (acknowledged) -> confirm -> send -> result (acknowledged) -> settle. What a step hands out is what
the next one needs, so that none can be left out; and whatever ends the block early, a cancellation too, leaves the
attempt accounted for: released where it was surely not sent, charged in full otherwise.

    async with books.attempt(call) as reserved:
        if isinstance(reserved, Reserved):
            sendable = await reserved.confirm()
            if isinstance(sendable, Sendable):
                reply = await model.ask(...)
                settled = await sendable.settle(Told(...))
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeVar

from topics import Intent, Result, Usage
from topics.journal import ABANDONED

from .budget import Granted, Refused, State, Use, Wait
from .call import Call, Denied, Settled, Told, intent_of, result_of
from .connection import LedgerError
from .ledger import Ledger
from .pricing import Quote, UnknownPriceError, cost_of
from .recovery import use_of
from .terms import Ask

UNTOLD_MAX = 10_000
"""Ends of attempts that the ledger has not heard of; beyond it the oldest is left to its lease, and counted."""
ENDING_S = 2.0
"""How long who is cancelled, or fails, waits for the end of its attempt to be told: brokers may be away for longer. An
intent without a result is charged."""
NO_RESULT = Usage()
_T = TypeVar("_T")

Journal = Callable[[Intent | Result], Awaitable[None]]
"""Writes an entry and returns once it is acknowledged by all replicas."""


class Books:
    """The paid calls of one process."""

    def __init__(self, ledger: Ledger, journal: Journal, *, now_ms: Callable[[], int]) -> None:
        """Take the ledger, what writes to the journal, and the wall clock."""
        self.ledger = ledger
        self.dropped = self.overruns = 0
        """Ends given up to the lease, and calls that cost more than was reserved."""
        self._journal, self._now_ms = journal, now_ms
        self._untold: dict[str, tuple[State, Use]] = {}

    @property
    def untold(self) -> int:
        """Ends of attempts that the ledger has not heard of."""
        return len(self._untold)

    @asynccontextmanager
    async def attempt(self, call: Call) -> "AsyncIterator[Reserved | Denied]":
        """Reserve, and give the attempt or why there is none; see to its end, however the block ends."""
        reserved = await self.reserve(call)
        try:
            yield reserved
        finally:
            if isinstance(reserved, Reserved):
                await reserved.ended()

    async def tend(self) -> int:
        """Charge what is open beyond its lease, tell what the ledger has not heard; return how many were charged.

        Raises:
            LedgerError: It does not answer.
        """
        for attempt_id, (state, used) in list(self._untold.items()):
            if await self._close(attempt_id, state, used) == "closed":
                break
            self._untold.pop(attempt_id, None)
        return await self.ledger.sweep(self._now_ms())

    async def end(self, attempt_id: str, state: State, used: Use) -> bool:
        """Tell the ledger how an attempt ended, or keep it to be told; return whether it knows."""
        with suppress(LedgerError):
            if await self._close(attempt_id, state, used) != "closed":
                return True
        self._untold[attempt_id] = (state, used)
        if len(self._untold) > UNTOLD_MAX:
            del self._untold[next(iter(self._untold))]
            self.dropped += 1
        return False

    async def write(self, entry: Intent | Result) -> None:
        """Write to the journal."""
        await self._journal(entry)

    def now_ms(self) -> int:
        """Return the wall clock."""
        return self._now_ms()

    async def reserve(self, call: Call) -> "Reserved | Denied":
        """Reserve, and give the attempt, whose end the caller sees to, or why there is none."""
        now_ms = self._now_ms()
        try:
            quoted = call.quoted(now_ms)
        except UnknownPriceError as error:
            return Denied("price_unknown", str(error), of_model=True)
        ask = Ask(
            attempt_id=call.attempt_id,
            model=f"{call.provider}/{call.model}",
            priority=call.priority,
            nano_usd=quoted.nano_usd,
            input_tokens=quoted.input_tokens,
            output_tokens=quoted.output_tokens,
            lease_ms=call.lease_ms,
        )
        try:
            answer = await self.ledger.reserve(ask, now_ms)
        except LedgerError as error:
            # It may have reserved all the same; nothing was sent.
            await self.end(call.attempt_id, "released", Use())
            return Denied("ledger_down", str(error))
        except asyncio.CancelledError:
            await asyncio.shield(self.end(call.attempt_id, "released", Use()))
            raise
        match answer:
            case Granted():
                return Reserved(self, call, quoted, answer.at_ms)
            case Wait():
                return Denied("paced", retry_ms=answer.wait_ms)
            case Refused(reason="closed" | "clock"):
                return Denied("ledger_closed", f"{answer.reason} {answer.detail}".strip())
            case Refused():
                detail = f"{answer.reason} {answer.detail}".strip()
                return Denied("budget_spent", detail, of_model=answer.is_of_model)

    async def _close(self, attempt_id: str, state: State, used: Use) -> str:
        now_ms = self._now_ms()
        if state == "settled":
            word, overrun = await self.ledger.settle(attempt_id, used, now_ms)
            self.overruns += overrun
            return word
        if state == "released":
            return await self.ledger.release(attempt_id, now_ms)
        return await self.ledger.charge(attempt_id, now_ms)


class Reserved:
    """An amount is set aside; nothing may be sent yet."""

    def __init__(self, books: Books, call: Call, quoted: Quote, at_ms: int) -> None:
        """Made by `Books.reserve` alone."""
        self.call, self.quoted, self.at_ms = call, quoted, at_ms
        self._ending: asyncio.Future[Any] | None = None
        """Begun once; it goes on when who asked for it is cancelled."""
        self._books = books
        self._sendable = self._intended = False

    async def confirm(self) -> "Sendable | Denied":
        """Write the intent, and return what may be sent once the ledger has confirmed it.

        Raises:
            Exception: Whatever the journal raises; the reservation is then released.
        """
        call, quoted = self.call, self.quoted
        self._intended = True  # written or not, nobody can tell if it fails
        scope = self._books.ledger.scope
        await self._books.write(intent_of(call, quoted, scope=scope, at_ms=self.at_ms))
        try:
            word = await self._books.ledger.confirm(call.attempt_id, self._books.now_ms())
        except LedgerError as error:
            return await self._denied("ledger_down", str(error))
        if word != "confirmed":
            return await self._denied("not_confirmed", word)
        self._sendable = True
        return Sendable(self)

    async def release(self, outcome: str = "not_sent") -> None:
        """Give the reservation back: nothing was sent, and nothing will be."""
        await self._end("released", outcome)

    async def ended(self) -> None:
        """Return when its end is told, or after `ENDING_S`.

        Where nobody has ended it, that is as it stands: charged in full if it may have been sent, else released.
        """
        if self._ending is None:
            state: Literal["charged", "released"] = "charged" if self._sendable else "released"
            self._ending = asyncio.ensure_future(self._closed(state, ABANDONED))
        done, _ = await asyncio.wait({self._ending}, timeout=ENDING_S)
        await asyncio.gather(
            *done, return_exceptions=True
        )  # what ended the block is raised, not this

    async def settle(self, told: Told) -> Settled:
        """Write what came back and book what it cost."""
        cost = cost_of(self.quoted, told.usage)
        result = result_of(
            self.call,
            outcome=told.outcome,
            known="settled",
            usage=told.usage,
            cost_nano_usd=cost,
            stop_reason=told.stop_reason,
            request_id=told.request_id,
            answer=told.answer,
            started_ms=told.started_ms,
            ended_ms=told.ended_ms,
        )
        return await self._once(self._settled(result))

    async def charge(self, outcome: str) -> None:
        """Book it in full: it was sent, and nobody knows what it cost."""
        await self._end("charged", outcome)

    async def _denied(self, reason: Literal["ledger_down", "not_confirmed"], detail: str) -> Denied:
        await self._end("released", reason)
        return Denied(reason, detail)

    async def _end(self, state: Literal["charged", "released"], outcome: str) -> None:
        await self._once(self._closed(state, outcome))

    async def _once(self, ending: Coroutine[Any, Any, _T]) -> _T:
        """Begin the end, and return what comes of it; a cancellation leaves it on its way."""
        begun = self._ending = asyncio.ensure_future(ending)
        return await asyncio.shield(begun)

    async def _settled(self, result: Result) -> Settled:
        await self._books.write(result)
        before = self._books.overruns
        known = await self._books.end(self.call.attempt_id, "settled", use_of(result))
        return Settled(result.cost_nano_usd, known, self._books.overruns > before)

    async def _closed(self, state: Literal["charged", "released"], outcome: str) -> None:
        # The ledger first: it is what an unsent reservation holds up. An intent alone is charged by a rebuild.
        await self._books.end(self.call.attempt_id, state, Use())
        if not self._intended:
            return
        await self._books.write(
            result_of(
                self.call,
                outcome=outcome,
                known="charged_unknown" if state == "charged" else "released",
                usage=NO_RESULT,
                cost_nano_usd=self.quoted.nano_usd if state == "charged" else 0,
                started_ms=self.at_ms,
                ended_ms=max(self._books.now_ms(), self.at_ms),
            )
        )


class Sendable:
    """The call may be sent now, once."""

    def __init__(self, reserved: Reserved) -> None:
        """Made by `Reserved.confirm` alone."""
        self._reserved = reserved

    @property
    def reserved_nano_usd(self) -> int:
        """What is set aside for it."""
        return self._reserved.quoted.nano_usd

    async def settle(self, told: Told) -> Settled:
        """Write what came back, and book what it cost. Of a call whose usage is known, whatever its outcome."""
        return await self._reserved.settle(told)

    async def charge(self, outcome: str) -> None:
        """Book it in full: it was sent, and nobody knows what it cost."""
        await self._reserved.charge(outcome)

    async def release(self, outcome: str) -> None:
        """Give it back: it was not sent, as where the breaker gave no permit or nobody took the connection."""
        await self._reserved.release(outcome)
