"""`tapereader replay`: a range of the raw topics copied under another prefix."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


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
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write a report.")
    ] = None,
) -> None:
    """Copy raw records as they were, heartbeats and marks included, so that the same windows come out again."""
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
    asyncio.run(run_replay(settings, request, folds=fold, file=json_file))
