"""The books of an evaluation: the agent's caps, in a scope of their own, which nobody else opens."""

import asyncio
from collections.abc import AsyncIterator

from agents.account.ledger import Ledger
from agents.account.recovery import MARGIN_MS, Entry
from agents.account.terms import SIZE_MS, terms_of
from agents.journal import acts, entries_since
from agents.settings import AgentSettings
from deploy.role import now_ms
from topics import SettingsError
from topics.settings import BrokerSettings

from .reading import EvaluateError

CALL_S = 5.0
"""Of the ledger: an evaluation can wait longer than a candidate."""
OPENED_S = 60.0
"""For another's rebuild of the books; it gives way after a quarter of this if it has died."""
OPEN_LOOK_S = 0.1


def ledger_of(agent: AgentSettings, prefix: str, scope: str) -> Ledger:
    """Return the books of an evaluation: the agent's caps, in a scope of their own.

    Raises:
        SettingsError: There is no ledger, or its address is none.
    """
    try:
        return Ledger(
            agent.budget.redis_url or "",
            prefix=prefix,
            scope=scope,
            terms=terms_of(agent.budget, agent.pacing, ()),
            call_s=CALL_S,
        )
    except ValueError as error:  # without the URL, in which there may be a password
        msg = f"agent.budget.redis_url: {error}"
        raise SettingsError(msg) from None


async def open_books(ledger: Ledger, broker: BrokerSettings) -> None:
    """Return once the books are open; nobody but an evaluation opens those of its scope.

    Raises:
        LedgerError: Redis does not answer, or is no place for books.
        EvaluateError: Another process rebuilds them, and does not come to an end.
    """
    try:
        async with asyncio.timeout(OPENED_S):
            while not (await ledger.show(now_ms())).open:
                await ledger.rebuild(_recorded(broker), now_ms())
                await asyncio.sleep(OPEN_LOOK_S)
    except TimeoutError:
        msg = f"the books of scope {ledger.scope} are rebuilt by another process, which does not end: try again"
        raise EvaluateError(msg) from None


async def _recorded(broker: BrokerSettings) -> AsyncIterator[Entry]:
    """Yield what the books are rebuilt from: operators' caps, and the attempts of every window that is open."""
    async for act in acts(broker):
        yield act
    async for entry in entries_since(broker, now_ms() - SIZE_MS["day"] - MARGIN_MS):
        yield entry
