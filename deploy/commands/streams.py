"""`tapereader streams`: the role that folds raw events into windows, and the beginning of another epoch."""

import asyncio
from typing import Annotated

import typer

from . import Instance, Lifeline, fail, role_settings

streams_app = typer.Typer(
    help="Fold raw events into windows.",
    epilog="Example: tapereader streams --instance 0",
    rich_markup_mode=None,
)


@streams_app.callback(invoke_without_command=True)
def streams(context: typer.Context, instance: Instance = None, lifeline: Lifeline = None) -> None:
    """Fold raw events into windows."""
    if context.invoked_subcommand is not None:
        if instance is not None or lifeline is not None:
            fail(f"options go behind the command: tapereader streams {context.invoked_subcommand}")
        return
    from deploy.wiring.streams import run_streams  # noqa: PLC0415

    asyncio.run(run_streams(role_settings("streams", instance), lifeline=lifeline))


@streams_app.command(
    epilog="Example: tapereader streams rebuild --epoch 1, once all streams workers are stopped"
)
def rebuild(
    epoch: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Above every one that was begun.")
    ],
    instance: Instance = None,
    lifeline: Lifeline = None,
) -> None:
    """Fold the raw topics from their beginning into a new state, and go on as `tapereader streams`."""
    from deploy.epochs import begin_epoch  # noqa: PLC0415
    from deploy.wiring.streams import in_epoch, run_streams  # noqa: PLC0415

    settings = in_epoch(role_settings("streams", instance), epoch)
    for line in begin_epoch(settings.broker, epoch):
        typer.echo(line)
    typer.echo(
        f"folding all of the raw topics in epoch {epoch}. From now on set streams.epoch = {epoch}"
        f" (TAPEREADER_STREAMS__EPOCH={epoch}) for every streams worker: this one stopped,"
        " `tapereader streams` goes on where it was"
    )
    asyncio.run(run_streams(settings, lifeline=lifeline))
