"""`tapereader alerts`: rules of market alerts checked, explained, and tried on what has been."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import fail, tell

if TYPE_CHECKING:
    from deploy.alerting.report import Trial
    from deploy.settings import Settings
    from streams.alerts.rules import Rule

alerts_app = typer.Typer(
    help="Rules of market alerts: check, explain, try.", no_args_is_help=True, rich_markup_mode=None
)
HOURS_S = 3_600

Rules = Annotated[
    Path | None,
    typer.Argument(help="A file of rules, instead of those in force.", show_default=False),
]
"""Without one, the rules in force by the settings."""


@alerts_app.command(
    epilog="Examples: tapereader alerts check; tapereader alerts check my-rules.toml"
)
def check(rules: Rules = None) -> None:
    """Read rules, and say each in a sentence; exit 2 with the key where one is refused."""
    from streams.alerts.explaining import explained  # noqa: PLC0415

    _, found = _read(rules)
    tell(explained(rule) for rule in found)
    typer.echo(f"{len(found)} rules, all sound")


@alerts_app.command(
    "test",
    epilog="Examples: tapereader alerts test my-rules.toml --from 2026-01-31T12:00:00Z --to 2026-01-31T18:00:00Z;"
    " tapereader alerts test --from-aggregates; tapereader alerts test --invented 1,2,3 --hours 3",
)
def try_rules(  # noqa: PLR0917 - typer's: every one is an option
    rules: Rules = None,
    from_time: Annotated[
        str | None,
        typer.Option(
            "--from", help="Log time, ISO 8601 with zone or epoch ms. Default: the logs' begin."
        ),
    ] = None,
    to_time: Annotated[
        str | None, typer.Option("--to", help="Up to before this one. Default: their present end.")
    ] = None,
    warm_up_hours: Annotated[
        float,
        typer.Option(min=0, max=24 * 7, help="Read so much before --from, and only warm up."),
    ] = 3.0,
    from_aggregates: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option(
            "--from-aggregates", help="Not the raw topics, but the windows as they stand: faster."
        ),
    ] = False,
    invented: Annotated[
        str | None,
        typer.Option(help="No Kafka: the invented market of these seeds, such as 1,2,3."),
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0.5, max=72, help="Of each invented market, in event time.")
    ] = 3.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write a report.")
    ] = None,
) -> None:
    """Say when each rule would have fired, cleared, been taken back or lacked data. Nothing is written to a topic."""
    settings, found = _read(rules)
    if invented is not None:
        if from_time or to_time or from_aggregates or json_file:
            fail(
                "--invented needs no Kafka: --from, --to, --from-aggregates and --json are not of it"
            )
        _try_invented(found, _seeds(invented), hours)
        return
    tested = asyncio.run(
        _tested(
            settings,
            found,
            (from_time, to_time),
            int(warm_up_hours * HOURS_S * 1_000),
            aggregates=from_aggregates,
        )
    )
    tell(tested.lines())
    if json_file is not None:
        json_file.write_text(json.dumps(tested.as_json(), indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if tested.records else 1)


def _read(file: Path | None) -> tuple["Settings", tuple["Rule", ...]]:
    from deploy.alerting.reading import rules_in_force, rules_of  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415
    from streams.alerts.rules import compiled  # noqa: PLC0415

    settings = load()
    if file is not None:
        return settings, compiled(rules_of(file))
    return settings, rules_in_force(settings.streams.alerts)


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        fail(f"--invented {text}: numbers with commas between them, such as 1,2,3")


def _try_invented(rules: tuple["Rule", ...], seeds: list[int], hours: float) -> None:
    from deploy.alerting.invented import DEMO_START_MS, run_invented  # noqa: PLC0415
    from deploy.alerting.table import lines_of  # noqa: PLC0415

    tell(lines_of(run_invented(seed, hours, DEMO_START_MS, rules) for seed in seeds))


async def _tested(
    settings: "Settings",
    rules: tuple["Rule", ...],
    times: tuple[str | None, str | None],
    warm_up_ms: int,
    *,
    aggregates: bool,
) -> "Trial":
    from deploy.alerting.backtest import Range, tried_on_aggregates, tried_on_raw  # noqa: PLC0415
    from deploy.replay.command import progress_of  # noqa: PLC0415
    from deploy.replay.request import time_ms  # noqa: PLC0415
    from deploy.role import ending  # noqa: PLC0415

    from_ms, to_ms = time_ms("--from", times[0]), time_ms("--to", times[1])
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        fail(f"the range is empty: --from {times[0]} is not before --to {times[1]}")
    if settings.broker.embedded:
        fail(
            "the demo's own broker cannot be asked for offsets by time: test on a Kafka, or --invented"
        )
    asked = Range(from_ms=from_ms, to_ms=to_ms, warm_up_ms=warm_up_ms)
    stop = asyncio.Event()
    run = tried_on_aggregates if aggregates else tried_on_raw
    async with ending(stop, None):
        with progress_of("read") as progress:
            return await run(
                settings, rules, asked, stop=stop, begun=progress.begin, told=progress.tell
            )
