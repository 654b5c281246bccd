"""The agent role's objects."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from zlib import crc32

import structlog
from aiokafka.errors import KafkaError

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.account.recovery import MARGIN_MS, Entry
from agents.account.terms import SIZE_MS, terms_of
from agents.analyst import Analyst
from agents.ask.breakers import Breakers
from agents.ask.cache_watch import CacheWatch
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.prompt import version
from agents.desk import Desk
from agents.journal import Journal, acts, entries_since
from agents.orders import Orders
from agents.settings import AgentSettings
from agents.worker import Worker
from deploy.reporting import part_name
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from topics import PipelineError, SettingsError
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_budget import BudgetSeen
from .agent_parts import agent_parts

log = structlog.get_logger()


async def run_agent(settings: Settings, *, lifeline: int | None) -> None:
    """Analyse aggregates until told to stop."""
    sender = Sender(settings.broker)
    journal = Journal(settings.broker, sender)
    breakers = create_breakers(settings)
    desk = create_desk(settings.agent, settings.broker.prefix, breakers, journal)
    analyst = Analyst(settings.agent, desk, now_ms=now_ms)
    worker = Worker(
        settings.agent,
        settings.broker,
        analyst,
        instance_id=f"agent-{settings.instance}",
        now_ms=now_ms,
    )
    orders = Orders(settings.broker, {"force_breaker": breakers.heed}, now_ms=now_ms)
    budget = BudgetSeen()

    async def main(stop: asyncio.Event) -> None:
        if desk is None:
            log.info("no model is configured; rules answer everything")
            await worker.run(stop)
            return
        async with AsyncExitStack() as ending:
            ending.push_async_callback(sender.close)
            ending.push_async_callback(journal.close)
            ending.push_async_callback(desk.ledger.close)
            ending.push_async_callback(desk.model.close)
            beside = [
                asyncio.create_task(_watch_books(desk.books, settings.broker, budget)),
                asyncio.create_task(orders.run()),
            ]
            ending.push_async_callback(_end_all, beside)
            for task in beside:
                task.add_done_callback(lambda _: stop.set())  # by itself, by a defect only
            await orders.caught_up(stop)
            if not stop.is_set():
                await worker.run(stop)

    await run_role(
        "agent",
        settings,
        main,
        parts=lambda: agent_parts(worker, settings.agent, breakers, budget, time.monotonic()),
        ready=lambda: None if worker.ready else "partitions are not assigned or not warm yet",
        lifeline=lifeline,
    )


async def _end_all(tasks: list[asyncio.Task[None]]) -> None:
    """End what runs beside the worker, and raise what it ended by itself with."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def create_breakers(settings: Settings) -> Breakers:
    """Return the breakers of this process, with a jitter of its own, under the names their parts are told by."""
    agent = settings.agent
    seed = crc32(settings.instance.encode())
    return Breakers(agent.breaker, agent.quality, seed=seed, told_as=part_name)


def create_desk(
    settings: AgentSettings, prefix: str, breakers: Breakers, journal: Journal
) -> Desk | None:
    """Return what it takes to ask the model, or None when none is configured.

    Raises:
        SettingsError: A model is configured, but not what bounds its cost.
    """
    model = settings.model
    if model.base_url is None:
        if model.api_key is not None:
            log.warning(
                "a key is configured, but agent.model.base_url, the address to call, is not:"
                " rules answer everything"
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
    now_s = time.monotonic()
    return Desk(
        model=claude,
        breaker=breakers.of_model(model.provider, model.name, now_s),
        quality=breakers.of_prompt(version(), now_s),
        # A call gives its slot back however it ends, and may wait for the brokers as long as they take.
        slots=ConcurrencyLimit(model.concurrency, lost_s=math.inf),
        books=Books(ledger, journal.write, now_ms=now_ms),
        cached=CacheWatch(model.uncached_calls_max),
    )


async def _watch_books(books: Books, broker: BrokerSettings, budget: BudgetSeen) -> None:
    """Keep the day's account in view, end what nobody ended, and open books that are closed."""
    while True:
        try:
            shown = budget.shown = await books.ledger.show(now_ms())
            if not shown.open:
                outcome = await books.ledger.rebuild(_recorded(broker), now_ms())
                log.info("the ledger was lost or new", outcome=outcome)
            await books.tend()
            budget.wrong = None
        except (PipelineError, KafkaError) as error:
            budget.wrong = str(error) or repr(error)
            log.warning("the ledger does not answer, or cannot be rebuilt", error=budget.wrong)
        await asyncio.sleep(1.0)


async def _recorded(broker: BrokerSettings) -> AsyncIterator[Entry]:
    """Yield what the books are rebuilt from: operators' caps, and the attempts of every window that is open."""
    async for act in acts(broker):
        yield act
    async for entry in entries_since(broker, now_ms() - SIZE_MS["day"] - MARGIN_MS):
        yield entry
