"""What an operator asks of the command, a module each; `deploy/cli.py` joins them.

Everything else of ours is imported when it is used, as there.
"""

import getpass
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from deploy.escaping import escaped

if TYPE_CHECKING:
    from deploy.settings import Settings

__all__ = ["Instance", "Lifeline", "actor_of", "fail", "role_settings", "show_uncaught", "tell"]

Instance = Annotated[
    str | None,
    typer.Option(help="This process's name, the same after each restart. Default: the host's."),
]
Lifeline = Annotated[int | None, typer.Option(hidden=True)]


def fail(words: str) -> NoReturn:
    """End the command with status 2, saying why on standard error; what others wrote in it commands no terminal."""
    typer.echo(escaped(f"tapereader: {words}", keep="\n"), err=True)
    sys.exit(2)


def tell(lines: Iterable[str]) -> None:
    """Print lines that may hold what came through a topic, each as one line that commands no terminal."""
    for line in lines:
        typer.echo(escaped(line))


def show_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write the traceback of a defect to standard error, as `sys.excepthook`: its message may cite a topic."""
    told = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(escaped(told, keep="\n"))


def actor_of(told: str) -> str:
    """Return who gives an order: as told, else the user. It ends the command where the user has no name."""
    try:
        actor = told or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have none
        actor = ""
    return actor or fail("--actor: who says so? This user has no name")


def role_settings(role: str, instance: str | None) -> "Settings":
    """Return the settings of a role's process, with its logs on their way."""
    from deploy import logs  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load() if instance is None else load(instance=instance)
    logs.configure(settings.log, role=role, instance=settings.instance)
    return settings
