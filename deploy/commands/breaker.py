"""`tapereader breaker`: how the agents' breakers are, and an operator's word to them."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from . import actor_of, fail, tell

if TYPE_CHECKING:
    from deploy.settings import Settings

breaker_app = typer.Typer(
    help="The agents' circuit breakers: shown, forced open, closed, or left to themselves.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(help="breaker/<provider>/<model>, quality/<prompt version>, or a glob.")
]
Reason = Annotated[str, typer.Option(help="Why; it is told wherever the breaker is.")]
Actor = Annotated[str, typer.Option(help="Who says so. Default: the user's name.")]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0.01, max=525_600, help="Take it back by itself after this."),
]


@breaker_app.command(
    epilog="Examples: tapereader breaker show; tapereader breaker show 'quality/*'"
)
def show(
    name: Annotated[str, typer.Argument(help="A name, or a glob over names.")] = "*",
) -> None:
    """How breakers are, as their agents tell it; exit 1 when none tells of any."""
    from deploy.settings import load  # noqa: PLC0415

    found = _told(load(), name)
    tell(found or [f"no agent that runs tells of a breaker named {name}"])
    sys.exit(not found)


@breaker_app.command(
    "open",
    epilog="Example: tapereader breaker open 'breaker/*' --reason 'the provider has an incident' --minutes 30",
)
def force_open(name: Name, reason: Reason, actor: Actor = "", minutes: Minutes = None) -> None:
    """Let no call through, until told otherwise or the time is over; rules answer meanwhile."""
    _order(name, "open", reason=reason, actor=actor, minutes=minutes)


@breaker_app.command(
    epilog="Example: tapereader breaker close breaker/anthropic/claude-haiku-5-5 --reason 'the bill is paid'"
)
def close(name: Name, reason: Reason, actor: Actor = "") -> None:
    """Let calls through now, with nothing counted against them; from then on it works by itself."""
    _order(name, "closed", reason=reason, actor=actor)


@breaker_app.command(
    epilog="Example: tapereader breaker auto 'breaker/*' --reason 'the incident is over'"
)
def auto(name: Name, reason: Reason, actor: Actor = "") -> None:
    """Take an earlier order back: what was forced open tries a few calls, and goes on by itself."""
    _order(name, "auto", reason=reason, actor=actor)


def _order(name: str, value: str, *, reason: str, actor: str, minutes: float | None = None) -> None:
    from deploy.breakers import FAMILIES, give, order_of  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415
    from topics import ContractError  # noqa: PLC0415

    actor = actor_of(actor)
    if not name.startswith(FAMILIES) and "*" not in name:
        fail(
            f"{name!r} names no breaker: one of breaker/<provider>/<model>, quality/<prompt>, or a glob"
        )
    settings, for_s = load(), None if minutes is None else minutes * 60
    now_ms = time.time_ns() // 1_000_000
    try:
        order = order_of(name, value, actor=actor, reason=reason, at_ms=now_ms, for_s=for_s)
    except ContractError as error:
        fail(f"no such order can be written: {error}")
    asyncio.run(give(settings.broker, order))
    typer.echo(f"ordered: {value} for {name}, by {actor}, {order.control_id}")
    found = _told(settings, name)
    if not found:
        typer.echo(
            "no agent that runs tells of such a breaker; the order stands for one that comes"
        )
    tell(f"it is for {line.split('  ')[0]}" for line in found)


def _told(settings: "Settings", name: str) -> list[str]:
    from deploy.breakers import told_breakers  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    return [
        f"{status.part} in {status.role}/{status.instance}  {status.words}"
        for status in asyncio.run(told_breakers(settings.broker, name, now_ms))
    ]
