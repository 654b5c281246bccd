"""The agent role's objects."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from zlib import crc32

import structlog
from aiokafka.errors import KafkaError

from agents.account.books import Books
from agents.account.recovery import MARGIN_MS, Entry
from agents.account.terms import SIZE_MS
from agents.analyst import Analyst
from agents.ask.breakers import Breakers
from agents.journal import Journal, acts, entries_since
from agents.orders import Orders
from agents.worker import Worker
from deploy.reporting import part_name
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from topics import PipelineError
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .agent_budget import BudgetSeen
from .agent_cache import create_cache
from .agent_excerpts import create_readings, posts_read
from .agent_models import create_desk
from .agent_parts import agent_parts

log = structlog.get_logger()


async def run_agent(settings: Settings, *, lifeline: int | None) -> None:
    """Analyse aggregates until told to stop."""
    sender = Sender(settings.broker)
    journal = Journal(settings.broker, sender)
    breakers = create_breakers(settings)
    desk = create_desk(settings.agent, settings.broker.prefix, breakers, journal)
    cache = None if desk is None else create_cache(settings.agent, settings.broker.prefix)
    readings = create_readings(settings.agent, desk, breakers)
    analyst = Analyst(settings.agent, desk, now_ms=now_ms, cache=cache, readings=readings)
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
            ending.push_async_callback(desk.close)
            if cache is not None:
                ending.push_async_callback(cache.close)
                await cache.begin()
            beside = [
                asyncio.create_task(_watch_books(desk.books, settings.broker, budget)),
                asyncio.create_task(orders.run()),
            ]
            ending.push_async_callback(_end_all, beside)
            if cache is not None:
                beside.append(asyncio.create_task(cache.follow()))
            await ending.enter_async_context(posts_read(settings.agent, settings.broker, readings))
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


async def _watch_books(books: Books, broker: BrokerSettings, budget: BudgetSeen) -> None:
    """Keep the day's account in view, end what nobody ended, and open books that are closed."""
    while True:
        try:
            asked_ms = now_ms()
            shown = budget.shown = await books.ledger.show(asked_ms)
            budget.read_ms = asked_ms
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
