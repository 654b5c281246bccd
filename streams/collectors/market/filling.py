"""Holes are filled by asking the venue: again where it fails, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable

import stamina

from streams.collectors.asking import DeniedError
from streams.collectors.port import SourceError

from .venues import Ask, Filled, Filling, Reply

ATTEMPTS_MAX = 6
"""For one page."""
PAGE_S_MAX = 120.0
"""For one page, waits included."""
WAIT_S_MAX = 60.0
"""Of what the venue asks us to wait; if it asks for more, the hole is given up."""
WAIT_FIRST_S, WAIT_MOST_S = 0.2, 10.0

Asking = Callable[[Ask], Awaitable[Reply]]


async def fill(filling: Filling, ask: Asking) -> Filled:
    """Ask page after page, and return what was found; if a page cannot be had, what was found until then."""
    reason = ""
    try:
        question = next(filling)
        while True:
            try:
                reply = await _page(question, ask)
            except SourceError as error:
                # The venue's reading ends at a page that cannot be read, and hands back what it has.
                reason = str(error)
                reply = Reply(body=b"", received_ms=0)
            question = filling.send(reply)
            if reason:
                filling.close()
                return Filled(trades=[], whole=False, reason=reason[:200])
    except StopIteration as end:
        found: Filled = end.value
        if not reason or found.whole:
            return found
        return Filled(trades=found.trades, whole=False, reason=reason[:200])


async def _page(question: Ask, ask: Asking) -> Reply:
    async for attempt in stamina.retry_context(
        on=_patience,
        attempts=ATTEMPTS_MAX,
        timeout=PAGE_S_MAX,
        wait_initial=WAIT_FIRST_S,
        wait_max=WAIT_MOST_S,
        wait_jitter=WAIT_FIRST_S,
    ):
        with attempt:
            return await ask(question)
    raise asyncio.CancelledError  # never: the last attempt raises


def _patience(error: Exception) -> bool | float:
    """Return whether, or after how many seconds, to ask again."""
    if not isinstance(error, SourceError) or isinstance(error, DeniedError):
        return False
    if error.wait_s is None:
        return True
    return error.wait_s if error.wait_s <= WAIT_S_MAX else False
