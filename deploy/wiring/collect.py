"""The collect role's objects."""

import asyncio
import gc
import os
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote

from deploy.reporting import Part
from deploy.role import now_ms, run_role, state_dir
from deploy.settings import Settings
from streams.collectors.entry import Entry
from streams.collectors.leading import Leadership, Terms
from streams.collectors.past import Pasts
from streams.collectors.port import Context, Source
from streams.collectors.settings import CollectSettings
from streams.collectors.spill import Room, Spill
from streams.collectors.supervisor import SENDERS_MAX, Supervised, Surroundings
from topics import Kind, SettingsError
from topics.outbox import Sender

from .collect_lease import RedisLeases


async def run_collect(settings: Settings, names: Sequence[str], *, lifeline: int | None) -> None:
    """Run the named entries until all are finished or told to stop. One source's failure is its own.

    Raises:
        SettingsError: A name is not among the settings' sources.
    """
    unknown = [name for name in names if name not in settings.collect.sources]
    if unknown or not names:
        known = ", ".join(sorted(settings.collect.sources)) or "none"
        msg = f"collect.sources: no source named {', '.join(unknown) or 'at all'}; configured: {known}"
        raise SettingsError(msg)
    collector = Collector(settings, list(dict.fromkeys(names)))
    try:
        await run_role(
            "collect",
            settings,
            collector.run,
            parts=collector.parts,
            ready=collector.ready,
            lifeline=lifeline,
        )
    finally:
        await collector.close()


class Collector:
    """The entries of one process."""

    def __init__(
        self,
        settings: Settings,
        names: Sequence[str],
        *,
        sender: Callable[[], Sender] | None = None,
    ) -> None:
        """Make every source; nothing is connected. ``sender`` makes what sends, in the place of the usual."""
        began_ms = now_ms()
        collect, broker = settings.collect, settings.broker
        pace = None if collect.pace is None else collect.pace.pace(began_ms)
        context = Context(broker=broker, now_ms=now_ms, pace=pace)
        made = {name: collect.create(name, context) for name in names}
        count = sum(map(len, made.values()))
        make = sender or (lambda: Sender(broker))
        self._senders = [make() for _ in range(min(count, SENDERS_MAX))]
        self._around = Surroundings(
            broker=broker,
            now_ms=now_ms,
            monotonic_s=time.monotonic,
            senders=self._senders,
            spill=_spills(settings) if collect.spill_bytes_max else None,
        )
        self._leases = None
        if collect.lease is not None:
            url = collect.lease.redis_url.get_secret_value()
            self._leases = RedisLeases(url, prefix=broker.prefix)
        self._settings = settings
        # Who starts together reads the log together; who stands by, for itself.
        shared = Pasts(broker, now_ms)
        self._pasts = [shared]
        self.entries: list[Entry] = []
        number = 0
        for name, sources in made.items():
            supervised = []
            for source in sources:
                again = _again(collect, name, context, source)
                supervised.append(Supervised(source, again, self._around, number))
                number += 1
            leadership = self._leadership(name)
            pasts = shared if leadership is None else Pasts(broker, now_ms)
            self._pasts.append(pasts)
            self.entries.append(
                Entry(
                    name,
                    supervised,
                    self._around,
                    pasts,
                    epoch=began_ms // 1_000,
                    leadership=leadership,
                )
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Run all entries.

        Raises:
            Exception: What could not be sent, or an entry's defect, the first of them.
        """
        for entry in self.entries:
            for source in entry.sources:
                await source.prepare()
        leave_be()
        outcomes = await asyncio.gather(
            *(entry.run(stop) for entry in self.entries), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def close(self) -> None:
        """Disconnect from everything, at once: each may wait its time for a broker that is away."""
        await asyncio.gather(
            *(sender.close() for sender in self._senders),
            *(pasts.close() for pasts in self._pasts),
            return_exceptions=True,
        )
        if self._leases is not None:
            await self._leases.close()

    def parts(self) -> list[Part]:
        """Return how each source is."""
        return [_part(entry, source) for entry in self.entries for source in entry.sources]

    def ready(self) -> str | None:
        """Return what is not ready; one that stands by is."""
        waiting = [
            f"{source.name} is {source.state}"
            for entry in self.entries
            if entry.standby is None
            for source in entry.sources
            if source.state in ("connecting", "disconnected", "failed")
        ]
        return ", ".join(waiting) or None

    def _leadership(self, name: str) -> Leadership | None:
        lease = self._settings.collect.lease
        if lease is None or self._leases is None:
            return None
        return Leadership(
            self._leases,
            name,
            f"{self._settings.instance}/{os.getpid()}/{time.time_ns()}",
            Terms(length_s=lease.length_s, renew_s=lease.renew_s),
            now_ms=now_ms,
            monotonic_s=time.monotonic,
        )


def leave_be() -> None:
    """Let the collector of garbage pass by what is there now, ccxt's 119 MiB above all, and look less often.

    Trades make no cycles: they go when they are sent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _spills(settings: Settings) -> Callable[[str, Kind], Spill]:
    """Return what opens a source's spill: none but one process of an instance's name can have it."""
    room = Room(settings.collect.spill_bytes_max)
    base = state_dir(settings) / f"{settings.broker.prefix}collect-{settings.instance}-spill"

    def spill(source: str, kind: Kind) -> Spill:
        return Spill(base / f"{quote(source, safe='')}-{kind}", room)

    return spill


def _again(
    collect: CollectSettings, name: str, context: Context, first: Source
) -> Callable[[], Source]:
    """Return what makes a source of an entry anew: one that had a defect is not gone on with."""

    def make() -> Source:
        return next(
            source
            for source in collect.create(name, context)
            if (source.name, source.kind) == (first.name, first.kind)
        )

    return make


def _part(entry: Entry, source: Supervised) -> Part:
    part, standby = f"{source.name}/{source.kind}", entry.standby
    if standby is not None:
        return Part(part, "standby", standby, source.measures)
    words = source.words
    if entry.alone:
        words = f"leads without a lease, as Redis does not answer. {words}".strip()
    return Part(part, source.state, words, source.measures)
