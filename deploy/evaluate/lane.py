"""The Message Batches lane: some questions sent together, once, and what came of each, whoever asks for it in the end.

Before anything is sent, all of it is reserved and intended (`agents/account/lot.py`); the intents name their batch. A
create whose answer is lost, or whose process ended, is looked for in the provider's list before anything is sent again.
Only a batch that has ended shows its ids, so one that may be ours is waited for. Where it cannot be told, nothing is
sent: the calls stay open in the journal, and are charged in full when their lease is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from agents.account.books import Books
from agents.account.call import Call, Denied, Told
from agents.account.lot import Held, charged, held_of, held_whole, released, settled, tell, together
from agents.account.pricing import Tariff
from agents.ask.batch import Batch, Came, Request, Sought
from agents.ask.batches import BatchError, ClaudeBatches
from agents.ask.claude import reply_of
from agents.evaluation.asked import Asked, Pending
from topics import Result

from .batch_watch import BatchWatch, Patience, UnclearError, unclear
from .reading import EvaluateError

CREATES_MAX = 3
"""Of one run, where the one before was lost and is not in the list; then somebody must look."""


class Lane:
    """Sends batches under one scope's books, and takes up those that were sent."""

    def __init__(
        self,
        api: ClaudeBatches,
        books: Books,
        tariff: Tariff,
        *,
        watch: BatchWatch,
        patience: Patience,
        told: Callable[[str], None],
        opened: Callable[[], Awaitable[None]],
    ) -> None:
        """Take what it needs; ``opened`` opens the books where they are closed, and ``told`` is told what is done."""
        self._api, self._books, self._tariff, self._watch = api, books, tariff, watch
        self._patience, self._told, self._opened = patience, told, opened

    async def send(
        self,
        calls: Callable[[], Sequence[tuple[Call, Request]]],
        others: Callable[[frozenset[str]], Awaitable[Sequence[str]]],
    ) -> list[Result]:
        """Send questions in one batch, and return what came of each once it has ended.

        ``calls`` makes their attempts, anew each time; ``others`` tells, of their ids, which other attempts at the same
        items are open: another evaluation asks the same.

        Raises:
            EvaluateError: Nothing was sent; or it cannot be told what became of it, or not yet.
        """
        for _ in range(CREATES_MAX):
            made = calls()
            held = await self._held([call for call, _ in made], others)
            results = await self._sent(held, [request for _, request in made])
            if results is not None:
                return results
        msg = f"{CREATES_MAX} batches in a row were lost before the provider had them: nothing was sent; try again later"
        raise EvaluateError(msg)

    async def take_up(self, pending: Pending) -> list[Result]:
        """Return what came of the open calls of a batch that another process sent, or meant to.

        Raises:
            EvaluateError: It cannot be told what became of it, or not yet.
        """
        held = [held_of(intent, self._tariff) for intent in pending.open]
        if not pending.is_whole:
            return await self._ended(held, partial(released, outcome="never_created"))
        self._told(f"looking for a batch of {len(pending.keys)} questions that was sent before")
        # Whoever sent it may be at it still: a create takes its time.
        lost_ms = max(one.at_ms for one in held) + int(self._patience.create_s * 1000)
        is_over = self._books.now_ms() >= pending.until_ms
        came = None
        try:
            came = await self._watch.found(Sought(pending.keys, pending.since_ms), lost_ms)
        except UnclearError:
            if not is_over:
                raise
        if came is not None:
            return await self._settled(held, came)
        if is_over:
            return await self._ended(held, partial(charged, outcome="unknown"))
        return await self._ended(held, partial(released, outcome="never_created"))

    async def _held(
        self,
        calls: Sequence[Call],
        others: Callable[[frozenset[str]], Awaitable[Sequence[str]]],
    ) -> list[Held]:
        """Return calls that may be sent: reserved, intended, and nobody else's.

        Raises:
            EvaluateError: They may not; nothing is reserved.
        """
        held = await held_whole(self._books, calls)
        if isinstance(held, Denied):
            msg = f"nothing was sent: {held.reason} ({held.detail}); the whole batch must have room"
            raise EvaluateError(msg)
        # Of two who ask the same at once, each has written its intents before it looks: one sees the other at least.
        try:
            open_ = await others(frozenset(one.call.attempt_id for one in held))
        except BaseException:
            await self._ended(held, partial(released, outcome="not_sent"))
            raise
        if open_:
            await self._ended(held, partial(released, outcome="asked_already"))
            msg = f"nothing was sent: another evaluation asks the same ({open_[0]}); run again when it has ended"
            raise EvaluateError(msg)
        return held

    async def _sent(self, held: Sequence[Held], requests: Sequence[Request]) -> list[Result] | None:
        """Return what came of a batch; None if its create was lost, and surely never arrived.

        Raises:
            EvaluateError: Nothing was sent; or it cannot be told what became of it, or not yet.
        """
        await self._look_again(held[0])
        keys = frozenset(one.call.item_key for one in held)
        sought = Sought(keys, min(one.at_ms for one in held))
        try:
            batch = await self._api.create(requests, timeout_s=self._patience.create_s)
        except BatchError as error:
            if error.was_refused:
                await self._ended(held, partial(released, outcome=error.outcome))
                msg = f"{error}; nothing was sent"
                raise EvaluateError(msg) from None
            self._told(f"{error}; looking whether the provider has it")
            came = await self._watch.found(sought, self._books.now_ms())
        else:
            came = await self._watch.came_of(batch)
            self._check_ours(sought, batch, came)
        if came is None:
            await self._ended(held, partial(released, outcome="never_created"))
            return None
        return await self._settled(held, came)

    async def _look_again(self, first: Held) -> None:
        """Refuse to send what is not confirmed any more: this process may have stood still, and another has gone on.

        Raises:
            EvaluateError: It is not.
        """
        now_ms = self._books.now_ms()
        word = await self._books.ledger.confirm(first.call.attempt_id, now_ms)
        if word != "confirmed":
            msg = f"nothing was sent: the ledger says {word} of what was reserved; run again"
            raise EvaluateError(msg)

    def _check_ours(self, sought: Sought, batch: Batch, came: dict[str, Came]) -> None:
        """Refuse results of other questions than were sent.

        Raises:
            EvaluateError: They are.
        """
        if not sought.is_it(came):
            raise unclear(batch, "its results are of other questions than it was created of")

    async def _settled(self, held: Sequence[Held], came: dict[str, Came]) -> list[Result]:
        """Book what came of each call."""
        await self._opened()
        results: list[Result] = []
        for some in together(held):
            results += await asyncio.gather(
                *(self._one_settled(one, came[one.call.item_key]) for one in some)
            )
        return results

    async def _one_settled(self, held: Held, came: Came) -> Result:
        """Book one call: what did not succeed is not billed, says the API; what cannot be metered is charged in full."""
        if came.kind != "succeeded":
            return await released(self._books, held, came.kind)
        reply = reply_of(came.message, {})
        if reply.usage is None:
            return await charged(self._books, held, reply.outcome)
        told = Told(
            outcome=reply.outcome,
            usage=reply.usage,
            started_ms=held.at_ms,
            ended_ms=self._books.now_ms(),
            stop_reason=reply.stop_reason,
            answer=reply.text,
        )
        return await settled(self._books, held, told)

    async def _ended(
        self, held: Sequence[Held], end: Callable[[Books, Held], Awaitable[Result]]
    ) -> list[Result]:
        """End calls that came to nothing."""
        await self._opened()
        results: list[Result] = []
        for some in together(held):
            results += await asyncio.gather(*(end(self._books, one) for one in some))
        return results


async def taken_up(lane: Lane, asked: Asked, books: Books) -> None:
    """End all that was sent before and has no outcome: what the ledger may not have heard of, then what is under way.

    Raises:
        EvaluateError: It cannot be told what became of a batch, or not yet.
    """
    for result in asked.untold(books.now_ms()):
        await tell(books, result)
    for pending in asked.pending():
        asked.take_results(await lane.take_up(pending))
