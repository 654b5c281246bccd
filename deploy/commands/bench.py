"""`tapereader bench`: what one worker carries on the broker of the settings."""

import asyncio
import sys
from collections.abc import Coroutine
from json import dumps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from . import fail

bench_app = typer.Typer(
    help="What one worker carries, measured with its result checked.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[Path | None, typer.Option(help="Write the report there.", dir_okay=False)]
Events = Annotated[int, typer.Option(min=1, help="Trades to fold.")]
Assets = Annotated[int, typer.Option(min=1, max=999, help="Of weight 1 / rank^0.9.")]
Partitions = Annotated[int, typer.Option(min=1, max=1000, help="Of every topic.")]
Minutes = Annotated[int, typer.Option(min=1, max=1440, help="Of event time, in all.")]
Seed = Annotated[int, typer.Option(min=0, help="Equal seeds give equal records.")]
Sequence = Annotated[
    bool, typer.Option(help="Whether trades are numbered without holes, as Binance's are.")
]
Keep = Annotated[bool, typer.Option(help="Leave the topics on the broker.")]
Notes = Annotated[Path, typer.Option(hidden=True)]
Lifeline = Annotated[int | None, typer.Option(hidden=True)]
TABLE_COLUMNS = 200
"""Of the table of hit rates, whatever the terminal: a file is to hold it whole."""


@bench_app.command(
    "windows",
    epilog="Examples: tapereader bench windows --json out.json; tapereader bench windows --events 100000 --runs 1",
)
def bench_windows(  # noqa: PLR0917 - typer's: every one is an option
    events: Events = 1_000_000,
    runs: Annotated[int, typer.Option(min=1, max=100, help="Of each, in turn.")] = 5,
    assets: Assets = 200,
    partitions: Partitions = 4,
    minutes: Minutes = 10,
    seed: Seed = 1,
    stock_events: Annotated[
        int, typer.Option(min=0, help="For stock Faust, which is slow; 0: without it.")
    ] = 20_000,
    json: Json = None,
    sequence: Sequence = True,  # noqa: FBT002 - a flag
    controls: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option(help="Measure the ceiling and stock Faust too.")
    ] = True,
    keep: Keep = False,  # noqa: FBT002 - a flag
) -> None:
    """The streams role over a backlog: events/s, CPU, memory, state; exit 1 if a window is wrong."""
    from deploy.bench.tape import Work  # noqa: PLC0415
    from deploy.bench.windows import Plan, run_windows, summary  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    _folder_there(json)
    work = Work(
        events=events,
        seed=seed,
        assets=assets,
        partitions=partitions,
        minutes=minutes,
        sequences=sequence,
    )
    plan = Plan(work=work, runs=runs, stock_events=stock_events, controls=controls, keep=keep)
    found = _measure(run_windows(load(), plan))
    _tell(found, summary(found), json)


@bench_app.command("alerts", epilog="Example: tapereader bench alerts --runs 5 --json out.json")
def bench_alerts(  # noqa: PLR0917 - typer's: every one is an option
    events: Events = 200_000,
    runs: Annotated[int, typer.Option(min=1, max=100, help="Of each, in turn.")] = 3,
    assets: Assets = 200,
    minutes: Minutes = 10,
    seed: Seed = 1,
    json: Json = None,
) -> None:
    """What the rules in force cost the fold, in memory: CPU without and with them. Exit 1: they changed a window."""
    from deploy.alerting.reading import rules_in_force  # noqa: PLC0415
    from deploy.bench.alerting import alerting_summary, measured  # noqa: PLC0415
    from deploy.bench.tape import Work  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    _folder_there(json)
    rules = rules_in_force(load().streams.alerts)
    work = Work(events=events, seed=seed, assets=assets, partitions=1, minutes=minutes)
    found = measured(work, rules, runs)
    _tell(found, alerting_summary(found), json)


@bench_app.command(
    "latency",
    epilog="Examples: tapereader bench latency; tapereader bench latency --rate 1000 --seconds 300 --json out.json",
)
def bench_latency(  # noqa: PLR0917 - typer's: every one is an option
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="Events a second.")] = 5_000,
    seconds: Annotated[
        int, typer.Option(min=5, max=86_400, help="Windows end with the last, and each 60 before.")
    ] = 60,
    assets: Assets = 200,
    partitions: Partitions = 4,
    seed: Seed = 1,
    json: Json = None,
    keep: Keep = False,  # noqa: FBT002 - a flag
) -> None:
    """How soon a window can be read at a steady pace; exit 1 if a window is wrong."""
    from deploy.bench.latency import Pace, latency_summary, run_latency  # noqa: PLC0415
    from deploy.bench.tape import Work  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    _folder_there(json)
    pace = Pace(rate=rate, seconds=seconds)
    work = Work(events=rate * seconds, seed=seed, assets=assets, partitions=partitions)
    found = _measure(run_latency(load(), pace, work, keep=keep))
    _tell(found, latency_summary(found), json)


@bench_app.command(
    "backlog",
    epilog="Examples: tapereader bench backlog; tapereader bench backlog --events 2000000 --minutes 20",
)
def bench_backlog(  # noqa: PLR0917 - typer's: every one is an option
    events: Events = 10_000_000,
    minutes: Minutes = 100,
    assets: Assets = 200,
    partitions: Partitions = 4,
    seed: Seed = 1,
    json: Json = None,
    keep: Keep = False,  # noqa: FBT002 - a flag
) -> None:
    """A long backlog: memory over time, rebalances; exit 1 if a window is wrong or the group was lost."""
    from deploy.bench.catch_up import backlog_summary, run_backlog  # noqa: PLC0415
    from deploy.bench.tape import Work  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    _folder_there(json)
    work = Work(events=events, seed=seed, assets=assets, partitions=partitions, minutes=minutes)
    found = _measure(run_backlog(load(), work, keep=keep))
    _tell(found, backlog_summary(found), json)


@bench_app.command(
    "cache",
    epilog="Examples: tapereader bench cache; tapereader bench cache --seed 7 --days 1 --json cache.json",
)
def bench_cache(
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Of a market; again for more. Default: 101 to 103."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="From a cold cache.")] = 2,
    assets: Annotated[int, typer.Option(min=1, max=999)] = 50,
    json: Json = None,
) -> None:
    """How often a state was told before, over invented markets on a virtual clock: no broker, no model, a minute or two a seed.

    Hit rate = (l1 + redis) / (l1 + redis + joined + miss), of state changes that passed the gate; what is told again
    unchanged, a journal's and stale answers stand apart. With the shipped settings, whatever is set. Every call is
    taken to end well after 2 s, and the cache's Redis to forget nothing early.
    """
    from rich.console import Console  # noqa: PLC0415

    from deploy.bench.cache_report import run_cache, table_of  # noqa: PLC0415

    _folder_there(json)
    found = run_cache(seed or [101, 102, 103], days=days, assets=assets, tell=typer.echo)
    if json is not None:
        json.write_text(dumps(found, indent=2) + "\n", encoding="utf-8")
    console = Console(width=TABLE_COLUMNS)
    console.print(table_of(found))


@bench_app.command(
    "collect",
    epilog="Examples: tapereader bench collect; tapereader bench collect --trades 1000000 --json out.json",
)
def bench_collect(  # noqa: PLR0917 - typer's: every one is an option
    trades: Annotated[int, typer.Option(min=1_000, help="Of each run.")] = 400_000,
    rate: Annotated[int, typer.Option(min=100, help="Trades a second of the paced run.")] = 20_000,
    connections: Annotated[int, typer.Option(min=1, max=100, help="To the venue.")] = 4,
    symbols: Annotated[int, typer.Option(min=1, max=200, help="Of each connection.")] = 5,
    partitions: Partitions = 4,
    json: Json = None,
    keep: Keep = False,  # noqa: FBT002 - a flag
) -> None:
    """One collector process, from a venue's websocket on this machine into Kafka; exit 1 if a trade is lost."""
    from deploy.bench.collect import Carrying, collect_summary, run_collect  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    _folder_there(json)
    carrying = Carrying(
        trades=trades, rate=rate, connections=connections, symbols=symbols, partitions=partitions
    )
    found = _measure(run_collect(load(), carrying, keep=keep))
    _tell(found, collect_summary(found), json)


@bench_app.command("venue", hidden=True)
def bench_venue(
    trades: Annotated[int, typer.Option()],
    rate: Annotated[int, typer.Option()] = 0,
    lifeline: Lifeline = None,
) -> None:
    """A venue on loopback; it prints its port."""
    from deploy.bench.venue import Printing, run_venue  # noqa: PLC0415

    asyncio.run(run_venue(Printing(trades=trades, rate=rate), typer.echo, lifeline=lifeline))


@bench_app.command("collector", hidden=True)
def bench_collector(
    trades: Annotated[int, typer.Option()],
    out: Annotated[Path, typer.Option()],
    control: Annotated[bool, typer.Option()] = False,  # noqa: FBT002 - a flag
    lifeline: Lifeline = None,
) -> None:
    """The collect role with a stopwatch, or its sources alone."""
    from deploy import logs  # noqa: PLC0415
    from deploy.bench.collecting import run_collector, run_control  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    logs.configure(settings.log, role="collect", instance=settings.instance)
    asyncio.run((run_control if control else run_collector)(settings, trades, out, lifeline))


@bench_app.command("worker", hidden=True)
def bench_worker(notes: Notes, lifeline: Lifeline = None) -> None:
    """The streams role with a stopwatch."""
    from deploy import logs  # noqa: PLC0415
    from deploy.bench.worker import run_watched_streams  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    logs.configure(settings.log, role="streams", instance=settings.instance)
    asyncio.run(run_watched_streams(settings, notes, lifeline=lifeline))


@bench_app.command("ceiling", hidden=True)
def bench_ceiling(
    topic: Annotated[str, typer.Option()], notes: Notes, lifeline: Lifeline = None
) -> None:
    """Fetch and decode a topic, and fold nothing."""
    from deploy.bench.ceiling import run_ceiling  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    asyncio.run(run_ceiling(load().broker, topic, notes, lifeline=lifeline))


@bench_app.command("stock", hidden=True)
def bench_stock(
    topic: Annotated[str, typer.Option()],
    events: Annotated[int, typer.Option()],
    notes: Notes,
    lifeline: Lifeline = None,
) -> None:
    """Count a topic's trades with stock Faust."""
    from deploy.bench.stock_faust import run_stock_faust  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    run_stock_faust(load().broker, topic, events, notes, lifeline=lifeline)


def _measure(measurement: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Return a measurement's report; a broker that goes away meanwhile is an error in words."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    try:
        return asyncio.run(measurement)
    except KafkaError as error:
        fail(f"the broker failed while it was measured: {error!r}")


def _tell(found: dict[str, Any], lines: list[str], file: Path | None) -> NoReturn:
    """Write the report, say it, and end with 0 if the result is right."""
    if file is not None:
        file.write_text(dumps(found, indent=2) + "\n", encoding="utf-8")
    for line in lines:
        typer.echo(line)
    sys.exit(not found["right"])


def _folder_there(file: Path | None) -> None:
    """Refuse a report that could not be written, before anything is measured."""
    if file is not None and not file.resolve().parent.is_dir():
        fail(f"--json {file}: its folder does not exist")
