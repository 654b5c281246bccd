"""`tapereader collect`: run sources; see which there are and how they are; try one for real."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from . import Instance, Lifeline, fail, role_settings, tell

if TYPE_CHECKING:
    from deploy.settings import Settings
    from streams.collectors.port import Context


class _NamesOrCommands(TyperGroup):
    """`tapereader collect NAME` runs the source of that name: what is no command is a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's
        """Put `run` before what is neither a command nor a call for help."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


collect_app = typer.Typer(
    cls=_NamesOrCommands,
    help="Publish raw events: tapereader collect NAME [NAME ...] runs the sources of those names.",
    epilog="Examples: tapereader collect binance; tapereader collect list; tapereader collect check binance --live",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="A name under [collect.sources] in the settings.")]


@collect_app.command(
    epilog="Examples: tapereader collect run binance; tapereader collect run --instance a binance recording"
)
def run(
    sources: Annotated[
        list[str], typer.Argument(help="Names under [collect.sources] in the settings.")
    ],
    instance: Instance = None,
    lifeline: Lifeline = None,
) -> None:
    """Publish raw events of one or more sources; `run` may be left out."""
    from deploy.wiring.collect import run_collect  # noqa: PLC0415

    asyncio.run(run_collect(role_settings("collect", instance), sources, lifeline=lifeline))


@collect_app.command(
    "list", epilog="Examples: tapereader collect list; tapereader collect list --types"
)
def list_sources(
    types: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--types", help="The types of sources there are to choose from.")
    ] = False,
) -> None:
    """The configured sources and how they are; with --types, what may be configured."""
    from deploy.collecting.shown import listed, types_of  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415
    from deploy.statuses import latest  # noqa: PLC0415
    from streams.collectors.table import TYPES  # noqa: PLC0415
    from topics import Status, TopicsError  # noqa: PLC0415

    if types:
        tell(types_of(TYPES.values()))
        return
    settings = load()
    if not settings.collect.sources:
        tell(["no source is configured; tapereader collect list --types says what may be"])
        return
    try:
        statuses = asyncio.run(latest(settings.broker, "status", Status)).values()
    except TopicsError as error:
        tell([*listed(settings.collect.sources, None, _now_ms()), f"how they are: {error}"])
        return
    tell(listed(settings.collect.sources, statuses, _now_ms()))


@collect_app.command(
    epilog="Examples: tapereader collect check binance; tapereader collect check bluesky --live --seconds 60"
)
def check(
    name: Name,
    live: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--live", help="Ask the real thing; nothing is sent to Kafka.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, max=3_600, help="With --live: for how long.")
    ] = 20.0,
) -> None:
    """One source: what it needs, how it runs, its last events and gaps; exit 1 when --live finds nothing."""
    from deploy.collecting.shown import entry_of  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415
    from streams.collectors.port import Context  # noqa: PLC0415
    from streams.collectors.table import TYPES  # noqa: PLC0415

    settings = load()
    entry = settings.collect.sources.get(name)
    if entry is None:
        known = ", ".join(sorted(settings.collect.sources)) or "none"
        fail(f"collect.sources: no source named {name}; configured: {known}")
    tell(entry_of(name, entry, TYPES[entry.type]))
    tell(asyncio.run(_told(settings, name)))
    if live:
        pace = settings.collect.pace
        context = Context(
            broker=settings.broker,
            now_ms=_now_ms,
            pace=None if pace is None else pace.pace(_now_ms()),
        )
        sys.exit(not asyncio.run(_tried(settings, name, context, seconds)))


async def _told(settings: "Settings", name: str) -> list[str]:
    from deploy.collecting.shown import feeds_of, parts_of, running_of  # noqa: PLC0415
    from deploy.statuses import latest  # noqa: PLC0415
    from topics import FeedStatus, Status, TopicsError  # noqa: PLC0415

    try:
        statuses = (await latest(settings.broker, "status", Status)).values()
        feeds = (await latest(settings.broker, "feed.status", FeedStatus)).values()
    except TopicsError as error:
        return [f"  how it runs: {error}"]
    now_ms = _now_ms()
    return [
        *running_of(parts_of(name, statuses, now_ms), now_ms),
        *feeds_of(name, feeds, now_ms),
    ]


async def _tried(settings: "Settings", name: str, context: "Context", seconds: float) -> bool:
    from deploy.collecting.trial import attempt  # noqa: PLC0415

    tell([f"asking for up to {seconds:g} s ..."])
    sources = settings.collect.create(name, context)
    trials = await asyncio.gather(
        *(attempt(source, seconds=seconds, monotonic_s=time.monotonic) for source in sources)
    )
    for trial in trials:
        tell(trial.lines(_now_ms()))
    return all(trial.well for trial in trials)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
