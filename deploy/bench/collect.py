"""`bench collect`: what one collector process carries from a venue on loopback into Kafka, and where its time goes."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deploy.children import Child
from deploy.settings import Settings
from topics import BY_NAME
from topics.settings import BrokerSettings

from .bed import Bed, bed
from .carried import Carried
from .collecting import Collected, Steps, measured_steps
from .figures import percentiles
from .scratch import RAW, BenchError, committed, fresh, scratch_topics

LOOK_S = 0.1
PATIENCE_S = 600.0


class Carrying(Struct, frozen=True, kw_only=True):
    """What is carried."""

    trades: int = 400_000
    """In all, by each run."""
    connections: int = 4
    symbols: int = 5
    """Of each connection."""
    rate: int = 20_000
    """Trades a second of the paced run, in all."""
    partitions: int = 4

    def symbols_of(self, connection: int) -> list[str]:
        """Return the instruments of a connection, none of them another's."""
        return [f"C{connection}A{number}/USDT" for number in range(self.symbols)]

    def sent(self) -> dict[str, int]:
        """Return how many trades the venue prints of each instrument."""
        each = self.trades // self.connections
        return {
            symbol: each // self.symbols + (at < each % self.symbols)
            for connection in range(self.connections)
            for at, symbol in enumerate(self.symbols_of(connection))
        }


class Run(Struct, kw_only=True):
    """One run of the collector, and what the log then held."""

    collected: Collected
    errors: list[str]

    @property
    def per_s(self) -> float:
        """Trades a second."""
        return self.collected.trades / self.collected.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of a trade."""
        return self.collected.cpu_s / self.collected.trades * 1e6


async def run_collect(settings: Settings, carrying: Carrying, *, keep: bool) -> dict[str, Any]:
    """Measure, and return the report.

    Raises:
        BenchError: A process ended, or nothing came.
        TopicsError: The broker cannot be reached.
    """
    with bed(settings) as place:
        control = await _control(place, settings.broker, carrying)
        full = await _run(place, settings, carrying, "full", rate=0, keep=keep)
        paced = await _run(place, settings, carrying, "paced", rate=carrying.rate, keep=keep)
    symbols = carrying.symbols_of(0)
    steps = measured_steps(symbols, settings.broker)
    return _report(carrying, control, full, paced, steps)


async def _control(place: Bed, broker: BrokerSettings, carrying: Carrying) -> Collected:
    place.say("the sources alone ...")
    return await _measured(place, broker, carrying, "control", rate=0, control=True)


async def _run(
    place: Bed, settings: Settings, carrying: Carrying, name: str, *, rate: int, keep: bool
) -> Run:
    place.say(f"the collector, {f'{rate:,} trades/s' if rate else 'at full speed'} ...")
    broker = fresh(settings.broker, "collect", partitions=carrying.partitions)
    with scratch_topics(broker, keep=keep):
        collected = await _measured(place, broker, carrying, name, rate=rate, control=False)
        return Run(collected=collected, errors=await _errors(broker, carrying, collected))


async def _measured(
    place: Bed, broker: BrokerSettings, carrying: Carrying, name: str, *, rate: int, control: bool
) -> Collected:
    each = carrying.trades // carrying.connections
    venue = place.launch(
        f"{name}-venue",
        broker,
        ["venue", "--trades", str(each), "--rate", str(rate // carrying.connections)],
        piped=True,
    )
    port = (await venue.first_line()).decode().strip()
    if not port:
        venue.check()
        msg = "the venue did not start"
        raise BenchError(msg)
    sources = {
        f"bench-{number}": {
            "type": "exchange",
            "venue": "binance",
            "symbols": carrying.symbols_of(number),
            # ccxt tells spot from futures by `/stream` in the address.
            "url": f"ws://127.0.0.1:{port}/stream/ws",
            "silence_s": 300,
        }
        for number in range(carrying.connections)
    }
    file = place.file(f"{name}.json")
    arguments = ["collector", "--trades", str(each * carrying.connections), "--out", str(file)]
    if control:
        arguments.append("--control")
    child = place.launch(f"{name}-collector", broker, arguments, collect={"sources": sources})
    try:
        await _ended(child)
    finally:
        await venue.stop()
    return _read(file)


async def _ended(child: Child) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while child.status is None:  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(LOOK_S)
    if child.status != 0:
        child.check()


def _read(file: Path) -> Collected:
    found = msgspec.json.decode(file.read_bytes(), type=Collected)
    if not found.trades or not found.seconds:
        msg = "no trade came through"
        raise BenchError(msg)
    return found


async def _errors(broker: BrokerSettings, carrying: Carrying, collected: Collected) -> list[str]:
    """Return what is wrong with the log."""
    decode = BY_NAME[RAW].decoder().decode
    carried = Carried(resent=bool(collected.resends))
    async for record in committed(broker, RAW):
        carried.take(decode(record.value))
    letters = sum([1 async for _ in committed(broker, "deadletters")])
    return carried.errors(carrying.sent(), letters=letters)


def _report(
    carrying: Carrying, control: Collected, full: Run, paced: Run, steps: Steps
) -> dict[str, Any]:
    source_us = control.cpu_s / control.trades * 1e6
    report: dict[str, Any] = msgspec.to_builtins(
        {
            "carrying": carrying,
            "right": not full.errors and not paced.errors,
            "trades_per_s": full.per_s,
            "trades_per_cpu_s": 1e6 / full.cpu_us,
            "rss_mb_max": full.collected.rss_mb_max,
            "cpu_us": {
                "all": full.cpu_us,
                "socket, ccxt, tap": source_us - steps.decode_us,
                "decode": steps.decode_us,
                "outbound": steps.outbound_us,
                "batch": steps.batch_us,
                "queue, send, acknowledge": full.cpu_us
                - source_us
                - steps.outbound_us
                - steps.batch_us,
            },
            "control": {
                "trades_per_s": control.trades / control.seconds,
                "cpu_us": source_us,
            },
            "paced": {
                "trades_per_s": paced.per_s,
                "cpu_us": paced.cpu_us,
                "frame_to_kafka_ms": percentiles(paced.collected.latencies_ms or [0.0]),
            },
            "resends": full.collected.resends + paced.collected.resends,
            "errors": full.errors + paced.errors,
        }
    )
    return report


def collect_summary(found: dict[str, Any]) -> list[str]:
    """Return the report in lines for people."""
    paced, control = found["paced"], found["control"]
    spans = ", ".join(f"{at} {ms:.0f} ms" for at, ms in paced["frame_to_kafka_ms"].items())
    return [
        f"one collector: {found['trades_per_s']:,.0f} trades/s into Kafka",
        f"{found['trades_per_cpu_s']:,.0f} a CPU second, {found['rss_mb_max']:.0f} MB",
        f"its sources alone: {control['trades_per_s']:,.0f} trades/s",
        "CPU of a trade: "
        + ", ".join(f"{name} {us:.1f} us" for name, us in found["cpu_us"].items()),
        f"paced at {paced['trades_per_s']:,.0f} trades/s: from frame to acknowledgement {spans}",
        *(found["errors"] or ["result: right, nothing is lost"]),
    ]
