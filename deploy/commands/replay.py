"""`tapereader replay`: a range of the raw topics copied under another prefix, or of the analyses said again."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import fail

if TYPE_CHECKING:
    from deploy.replay.request import Request
    from deploy.settings import Settings

EXAMPLES = (
    "Examples: tapereader replay --into mine. --fold;"
    " tapereader replay --into mine. --from 2026-01-31T12:00:00Z --speed 60 --kind market;"
    " tapereader replay --analyses strict --into said. --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z"
)


def replay(
    *,
    into: Annotated[str, typer.Option(help="The copy's prefix, in place of broker.prefix.")],
    from_time: Annotated[
        str | None,
        typer.Option(
            "--from", help="Log time, ISO 8601 with zone or epoch ms. Default: the logs' begin."
        ),
    ] = None,
    to_time: Annotated[
        str | None, typer.Option("--to", help="Up to before this one. Default: their present end.")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="1: as it was; 60: a minute a second; max: as fast as it goes.")
    ] = "max",
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind; may be given more than once.")
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="Then run the streams role on the copy to its end.")
    ] = False,
    analyses: Annotated[
        str | None,
        typer.Option(
            help="strict: not the raw topics, but what the agent said of a range of aggregates, said again"
            " without a call; exit 1 if anything is not byte for byte what is recorded."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write a report.")
    ] = None,
) -> None:
    """Copy raw records as they were, so that the same windows come out again; or say the analyses again, without a call."""
    from deploy.replay.command import run_replay  # noqa: PLC0415
    from deploy.replay.request import request_of  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    request = request_of(
        into=into,
        source_prefix=settings.broker.prefix,
        from_time=from_time,
        to_time=to_time,
        speed=speed,
        kinds=kind or (),
    )
    if analyses is None:
        asyncio.run(run_replay(settings, request, folds=fold, file=json_file))
        return
    if analyses != "strict":
        fail(
            f"--analyses {analyses}: strict is the only way; another prompt would be another question"
        )
    if fold or kind or request.speed is not None:
        fail("--fold, --kind and --speed are of raw topics; --analyses strict has none of them")
    _say_again(settings, request, json_file)


def _say_again(settings: "Settings", request: "Request", file: Path | None) -> None:
    from deploy.replay.command import run_strict  # noqa: PLC0415

    agreement = asyncio.run(run_strict(settings, request, file=file))
    sys.exit(1 if agreement.missed else 0)
