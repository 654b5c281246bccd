"""Calls that are sent together in one message batch: reserved whole or not at all, and ended one by one.

A batch lives for a day, longer than most processes: what is confirmed stays open when its process ends, and whoever
goes on takes it up from its intent in the journal. Its lease is as long as it may take.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar

from msgspec import Struct

from topics import Intent, Result, Usage

from .books import Books, Reserved
from .budget import Use
from .call import Call, Denied, Told, result_of
from .pricing import Quote, Tariff, cost_of
from .recovery import use_of

_T = TypeVar("_T")

TOGETHER_MAX = 50
"""Steps that wait for brokers and ledger at once."""


class Held(Struct, frozen=True):
    """One call of a batch, confirmed: it may have been sent."""

    call: Call
    quoted: Quote
    at_ms: int

    @property
    def until_ms(self) -> int:
        """When its lease ends."""
        return self.at_ms + (self.call.lease_ms or 0)


def held_of(intent: Intent, tariff: Tariff) -> Held:
    """Return what an intent says of its call, priced as it was: the tariff is not in the journal."""
    call = Call(
        attempt_id=intent.attempt_id,
        item_key=intent.item_key,
        asset=intent.asset,
        product=intent.product,
        priority=intent.priority,
        provider=intent.provider,
        model=intent.model,
        tariff=tariff,
        prompt_version=intent.prompt_version,
        schema_version=intent.schema_version,
        input_tokens_max=intent.reserved_tokens,
        output_tokens_max=0,
        context_tokens_max=intent.context_tokens_max,
        lease_ms=intent.lease_ms,
        batch=intent.batch,
    )
    quoted = Quote(
        provider=tariff.provider,
        model=tariff.model,
        input_tokens=intent.reserved_tokens,
        output_tokens=0,
        nano_usd=intent.reserved_nano_usd,
        at_ms=intent.at_ms,
        price_version=intent.price_version,
        permille=tariff.permille,
        batch=tariff.batch,
    )
    return Held(call, quoted, intent.at_ms)


async def held_whole(books: Books, calls: Iterable[Call]) -> list[Held] | Denied:
    """Reserve all calls, write their intents and confirm them, or leave nothing reserved; nothing is sent yet.

    Raises:
        Exception: Whatever the journal raises; the reservations are then released.
    """
    reserved: list[Reserved] = []
    ended: set[str] = set()
    whole = False
    try:
        for call in calls:
            one = await books.reserve(call)
            if isinstance(one, Denied):
                return one
            reserved.append(one)
        for some in together(reserved):
            told = await _each(one.confirm() for one in some)
            denied = {
                one.call.attempt_id: said
                for one, said in zip(some, told, strict=True)
                if isinstance(said, Denied)
            }
            if denied:
                ended |= denied.keys()
                return next(iter(denied.values()))
        whole = True
        return [Held(one.call, one.quoted, one.at_ms) for one in reserved]
    finally:
        if not whole:
            left = [one for one in reserved if one.call.attempt_id not in ended]
            await asyncio.shield(_released(left))


def together(all_of_them: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield as many at a time as may wait for brokers and ledger at once."""
    for first in range(0, len(all_of_them), TOGETHER_MAX):
        yield all_of_them[first : first + TOGETHER_MAX]


async def settled(books: Books, held: Held, told: Told) -> Result:
    """Book what a call of a batch cost, and return what the journal has of it.

    One whose lease is over was charged in full, and stays so.
    """
    is_late = books.now_ms() >= held.until_ms
    cost = held.quoted.nano_usd if is_late else cost_of(held.quoted, told.usage)
    return await _ended(books, held, told, "charged_unknown" if is_late else "settled", cost)


async def released(books: Books, held: Held, outcome: str) -> Result:
    """Give back what was reserved for a call that was not sent, or is not billed; not once its lease is over."""
    if books.now_ms() >= held.until_ms:
        return await charged(books, held, outcome)
    return await _ended(books, held, _nothing(books, held, outcome), "released", 0)


async def charged(books: Books, held: Held, outcome: str) -> Result:
    """Book a call in full: nobody knows what it cost."""
    told = _nothing(books, held, outcome)
    return await _ended(books, held, told, "charged_unknown", held.quoted.nano_usd)


async def tell(books: Books, result: Result) -> None:
    """Tell the ledger again what the journal has: who wrote it may have ended before the ledger knew."""
    match result.known:
        case "settled":
            await books.end(result.attempt_id, "settled", use_of(result))
        case "released":
            await books.end(result.attempt_id, "released", Use())
        case "charged_unknown":
            await books.end(result.attempt_id, "charged", Use())


async def _each(steps: Iterable[Awaitable[_T]]) -> list[_T]:
    """Return what all steps say, once all have ended; the first error is raised then."""
    said = await asyncio.gather(*steps, return_exceptions=True)
    for one in said:
        if isinstance(one, BaseException):
            raise one
    return [one for one in said if not isinstance(one, BaseException)]


async def _released(reserved: Sequence[Reserved]) -> None:
    """Release all, whatever becomes of each; what cannot be told is left to its lease."""
    for some in together(reserved):
        await asyncio.gather(*(one.release() for one in some), return_exceptions=True)


def _nothing(books: Books, held: Held, outcome: str) -> Told:
    ended_ms = max(books.now_ms(), held.at_ms)
    return Told(outcome=outcome, usage=Usage(), started_ms=held.at_ms, ended_ms=ended_ms)


async def _ended(
    books: Books,
    held: Held,
    told: Told,
    known: Literal["settled", "charged_unknown", "released"],
    cost: int,
) -> Result:
    """Write a result, and tell the ledger of it: the journal first, as a lease of a day is in no hurry."""
    call = held.call
    result = result_of(
        call,
        outcome=told.outcome,
        known=known,
        usage=told.usage,
        cost_nano_usd=cost,
        stop_reason=told.stop_reason,
        request_id=told.request_id,
        answer=told.answer,
        started_ms=told.started_ms,
        ended_ms=max(told.ended_ms, told.started_ms),
    )
    await books.write(result)
    await tell(books, result)
    return result
