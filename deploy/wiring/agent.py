"""The agent role's objects."""

import asyncio
import time
from collections.abc import AsyncIterator

import structlog
from aiokafka.errors import KafkaError

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.account.recovery import MARGIN_MS, Entry
from agents.account.terms import SIZE_MS, terms_of
from agents.analyst import Analyst, Desk
from agents.ask.breaker import CircuitBreaker
from agents.journal import Journal, acts, entries_since
from agents.settings import AgentSettings
from agents.worker import Worker
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from topics import PipelineError, SettingsError
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_parts import agent_parts

log = structlog.get_logger()


async def run_agent(settings: Settings, *, lifeline: int | None) -> None:
    """Analyse aggregates until told to stop."""
    sender = Sender(settings.broker)
    journal = Journal(settings.broker, sender)
    desk = create_desk(settings.agent, settings.broker.prefix, journal)
    analyst = Analyst(settings.agent, desk, now_ms=now_ms)
    worker = Worker(
        settings.agent,
        settings.broker,
        analyst,
        instance_id=f"agent-{settings.instance}",
        now_ms=now_ms,
    )
    spend = {"settled": 0.0, "reserved": 0.0}

    async def main(stop: asyncio.Event) -> None:
        if desk is None:
            log.info("no model is configured; rules answer everything")
            await worker.run(stop)
            return
        watching = asyncio.create_task(_watch_books(desk.books, settings.broker, spend))
        try:
            await worker.run(stop)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await desk.model.close()
            await desk.ledger.close()
            await journal.close()
            await sender.close()

    await run_role(
        "agent",
        settings,
        main,
        parts=lambda: agent_parts(worker, settings.agent, spend, time.monotonic()),
        ready=lambda: None if worker.ready else "partitions are not assigned or not warm yet",
        lifeline=lifeline,
    )


def create_desk(settings: AgentSettings, prefix: str, journal: Journal) -> Desk | None:
    """Return what it takes to ask the model, or None when none is configured.

    Raises:
        SettingsError: A model is configured, but not what bounds its cost.
    """
    model = settings.model
    if model.base_url is None:
        if model.api_key is not None:
            log.warning(
                "a key is configured, but agent.model.base_url is not: only a loopback address is called"
                " until the budget is complete, so rules answer everything"
            )
        return None
    if settings.budget.redis_url is None:
        msg = "agent.budget.redis_url: needed with agent.model.base_url; without a ledger nothing is sent"
        raise SettingsError(msg)
    if model.api_key is None:
        msg = "agent.model.api_key: needed with agent.model.base_url (any word for a local server)"
        raise SettingsError(msg)
    from agents.ask.claude import Claude  # noqa: PLC0415 - the SDK takes seconds to import

    try:
        ledger = Ledger(
            settings.budget.redis_url,
            prefix=prefix,
            scope=settings.budget.scope,
            terms=terms_of(settings.budget, settings.pacing, [f"{model.provider}/{model.name}"]),
        )
    except ValueError as error:  # without the URL, in which there may be a password
        msg = f"agent.budget.redis_url: {error}"
        raise SettingsError(msg) from None
    claude = Claude(
        provider=model.provider,
        name=model.name,
        base_url=model.base_url,
        api_key=model.api_key.get_secret_value(),
    )
    return Desk(
        claude, CircuitBreaker(settings.breaker), Books(ledger, journal.write, now_ms=now_ms)
    )


async def _watch_books(books: Books, broker: BrokerSettings, spend: dict[str, float]) -> None:
    """Keep the day's account in view, end what nobody ended, and open books that are closed."""
    while True:
        try:
            shown = await books.ledger.show(now_ms())
            if not shown.open:
                outcome = await books.ledger.rebuild(_recorded(broker), now_ms())
                log.info("the ledger was lost or new", outcome=outcome)
            account = shown.spend
            spend.update(
                settled=float(account.settled), reserved=float(account.reserved + account.charged)
            )
            await books.tend()
        except (PipelineError, KafkaError) as error:
            log.warning("the ledger does not answer, or cannot be rebuilt", error=str(error))
        await asyncio.sleep(1.0)


async def _recorded(broker: BrokerSettings) -> AsyncIterator[Entry]:
    """Yield what the books are rebuilt from: operators' caps, and the attempts of every window that is open."""
    async for act in acts(broker):
        yield act
    async for entry in entries_since(broker, now_ms() - SIZE_MS["day"] - MARGIN_MS):
        yield entry
