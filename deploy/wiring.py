"""The composition root: every role's objects built and handed over, by name. No containers, no globals."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from agents.account.ledger import Ledger, LedgerError
from agents.analyst import Analyst, Desk
from agents.ask.breaker import CircuitBreaker
from agents.settings import AgentSettings
from agents.worker import Worker
from streams import app as streams_app
from streams.collectors.runner import Runner
from streams.collectors.table import create_sources
from streams.engine.fatal import end_process
from streams.metrics import STREAMS
from topics import SettingsError

from .agent_parts import agent_parts
from .reporting import Part
from .role import run_role
from .settings import Settings
from .streams_parts import streams_parts

log = structlog.get_logger()


def now_ms() -> int:
    """Return the wall clock in milliseconds."""
    return time.time_ns() // 1_000_000


async def run_collect(settings: Settings, names: Sequence[str], *, lifeline: int | None) -> None:
    """Run the named sources until all are finished or told to stop. One's failure is its own.

    Raises:
        SettingsError: A name is not among the settings' sources.
    """
    unknown = [name for name in names if name not in settings.collect.sources]
    if unknown or not names:
        known = ", ".join(sorted(settings.collect.sources)) or "none"
        msg = f"collect.sources: no source named {', '.join(unknown) or 'at all'}; configured: {known}"
        raise SettingsError(msg)
    epoch = now_ms() // 1000
    runners = [
        Runner(source, settings.broker, epoch=epoch, now_ms=now_ms, monotonic_s=time.monotonic)
        for name in names
        for source in create_sources(name, settings.collect, settings.broker, now_ms=now_ms)
    ]

    def parts() -> list[Part]:
        return [
            Part(
                f"{runner.source.name}/{runner.source.kind}",
                runner.state,
                runner.words,
                {
                    "sent": float(runner.outbound.tally.sent),
                    "refused": float(runner.outbound.tally.refused),
                    "queued": float(runner.queue.qsize()),
                    "gaps_detected": float(runner.outbound.tally.gaps_detected),
                    "through_ms": float(runner.outbound.through_ms or 0),
                },
            )
            for runner in runners
        ]

    async def main(stop: asyncio.Event) -> None:
        outcomes = await asyncio.gather(
            *(runner.run(stop) for runner in runners), return_exceptions=True
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failed:
            raise failed[0]

    def ready() -> str | None:
        waiting = [r.source.name for r in runners if r.state == "connecting"]
        return f"connecting: {', '.join(waiting)}" if waiting else None

    await run_role("collect", settings, main, parts=parts, ready=ready, lifeline=lifeline)


async def run_streams(settings: Settings, *, lifeline: int | None) -> None:
    """Fold raw events into windows until told to stop."""
    ownership = streams_app.create_ownership(
        settings.streams, settings.broker, fatal=end_process, observer=STREAMS
    )
    app = streams_app.create_app(
        settings.streams,
        settings.broker,
        ownership,
        instance_id=f"streams-{settings.instance}",
        data_dir=str(settings.state_dir.expanduser()),
    )

    def ready() -> str | None:
        return None if ownership.loaded else "no partitions are assigned and loaded yet"

    async def main(stop: asyncio.Event) -> None:
        await streams_app.run(app, stop)

    await run_role(
        "streams",
        settings,
        main,
        parts=lambda: streams_parts(ownership, now_ms()),
        ready=ready,
        lifeline=lifeline,
    )


async def run_agent(settings: Settings, *, lifeline: int | None) -> None:
    """Analyse aggregates until told to stop."""
    desk = create_desk(settings.agent, settings.broker.prefix)
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
        watching = asyncio.create_task(_watch_spend(desk.ledger, spend))
        try:
            await worker.run(stop)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await desk.model.close()
            await desk.ledger.close()

    await run_role(
        "agent",
        settings,
        main,
        parts=lambda: agent_parts(worker, settings.agent, spend, time.monotonic()),
        ready=lambda: None if worker.ready else "partitions are not assigned or not warm yet",
        lifeline=lifeline,
    )


def create_desk(settings: AgentSettings, prefix: str) -> Desk | None:
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

    return Desk(
        Claude(
            provider=model.provider,
            name=model.name,
            base_url=model.base_url,
            api_key=model.api_key.get_secret_value(),
        ),
        CircuitBreaker(settings.breaker),
        Ledger(
            settings.budget.redis_url,
            prefix=prefix,
            scope=settings.budget.scope,
            cap_nano_usd=round(settings.budget.usd_per_day * 10**9),
        ),
    )


async def _watch_spend(ledger: Ledger, spend: dict[str, float]) -> None:
    """Keep the day's account in view."""
    while True:
        try:
            account = await ledger.spend(now_ms())
            spend.update(settled=float(account.settled), reserved=float(account.reserved))
        except LedgerError as error:
            log.warning("the ledger does not answer", error=str(error))
        await asyncio.sleep(1.0)
