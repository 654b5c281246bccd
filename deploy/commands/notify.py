"""`tapereader notify`: the role that tells people about alerts; its routes explained; a receiver tried."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from . import Instance, Lifeline, fail, role_settings, tell

if TYPE_CHECKING:
    from deploy.settings import Settings

END_S = 10.0
"""For the threads of receivers that hang, once all that counts is committed."""

notify_app = typer.Typer(
    help="Tell people about alerts.",
    epilog="Examples: tapereader notify --instance 0; tapereader notify check; tapereader notify test phone",
    rich_markup_mode=None,
)


@notify_app.callback(invoke_without_command=True)
def notify(context: typer.Context, instance: Instance = None, lifeline: Lifeline = None) -> None:
    """Tell people about alerts, by the receivers and routes of the settings."""
    if context.invoked_subcommand is not None:
        if instance is not None or lifeline is not None:
            fail("options go behind the command")
        return
    from deploy.role import end_within  # noqa: PLC0415
    from deploy.wiring.notify import run_notify  # noqa: PLC0415

    asyncio.run(run_notify(role_settings("notify", instance), lifeline=lifeline))
    end_within(END_S)


@notify_app.command(epilog="Example: tapereader notify check")
def check() -> None:
    """Say who is told of what, and refuse addresses that are none; nothing is sent."""
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    tell(asyncio.run(_checked(settings)))


@notify_app.command("test", epilog="Example: tapereader notify test phone")
def try_receiver(
    receiver: Annotated[
        str, typer.Argument(help="A name under [notify.receivers] in the settings.")
    ],
) -> None:
    """Send a message that says it is a test; exit 2 when the receiver does not take it."""
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    if receiver not in settings.notify.receivers:
        there = ", ".join(sorted(settings.notify.receivers)) or "none is set"
        fail(f"no receiver is called {receiver!r}; there are: {there}")
    tell([asyncio.run(_tried(settings, receiver))])


async def _checked(settings: "Settings") -> list[str]:
    from deploy.wiring.notify import dashboard_of, open_doors  # noqa: PLC0415
    from streams.serving.notify.routing import described, explained  # noqa: PLC0415

    doors = open_doors(settings)
    lines = [
        f"{name}: {doors[name].shown} ({described(receiver)})"
        for name, receiver in settings.notify.receivers.items()
    ]
    for door in doors.values():
        await door.close()
    if not lines:
        return ["no receiver is set: alerts are shown, and nobody is told"]
    return [*lines, *explained(settings.notify), f"links lead to {dashboard_of(settings)}"]


async def _tried(settings: "Settings", name: str) -> str:
    from deploy.wiring.notify import open_doors  # noqa: PLC0415
    from streams.serving.notify.door import DoorError  # noqa: PLC0415
    from streams.serving.notify.wording import trial  # noqa: PLC0415

    only = settings.notify.model_copy(
        update={"receivers": {name: settings.notify.receivers[name]}, "routes": {}}
    )
    door = open_doors(settings.model_copy(update={"notify": only}))[name]
    try:
        await door.attempt(trial(name))
    except DoorError as error:
        fail(f"{name} ({door.shown}) did not take the message: {error}")
    finally:
        await door.close()
    return f"{name} ({door.shown}) took the message"
