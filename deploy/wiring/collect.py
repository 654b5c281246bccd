"""The collect role's objects."""

import asyncio
import time
from collections.abc import Sequence

from deploy.reporting import Part
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from streams.collectors.port import Context
from streams.collectors.runner import Runner
from topics import SettingsError


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
    began_ms = now_ms()
    epoch, pace = began_ms // 1000, settings.collect.pace
    context = Context(
        broker=settings.broker, now_ms=now_ms, pace=None if pace is None else pace.pace(began_ms)
    )
    runners = [
        Runner(source, settings.broker, epoch=epoch, now_ms=now_ms, monotonic_s=time.monotonic)
        for name in names
        for source in settings.collect.create(name, context)
    ]

    async def main(stop: asyncio.Event) -> None:
        outcomes = await asyncio.gather(
            *(runner.run(stop) for runner in runners), return_exceptions=True
        )
        failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failed:
            raise failed[0]

    def ready() -> str | None:
        waiting = [
            f"{runner.source.name} is {runner.state}"
            for runner in runners
            if runner.state in ("connecting", "disconnected", "failed")
        ]
        return ", ".join(waiting) or None

    await run_role(
        "collect",
        settings,
        main,
        parts=lambda: [_part(runner) for runner in runners],
        ready=ready,
        lifeline=lifeline,
    )


def _part(runner: Runner) -> Part:
    tally = runner.outbound.tally
    return Part(
        f"{runner.source.name}/{runner.source.kind}",
        runner.state,
        runner.words,
        {
            "sent": float(tally.sent),
            "refused": float(tally.refused),
            "queued": float(runner.queue.qsize()),
            "gaps_detected": float(tally.gaps_detected),
            "through_ms": float(runner.outbound.through_ms or 0),
        },
    )
