"""`tapereader deadletters`: what nobody could use, why, and what of it can be written again."""

import asyncio
import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from . import actor_of, fail, tell

if TYPE_CHECKING:
    from streams.serving.acts.writing import ControlWriter
    from streams.serving.redrive import Chosen, Going, Letter, Plan
    from streams.serving.redrive.running import Outcome, Redriver

deadletters_app = typer.Typer(
    help="Records nobody could use: listed, explained, and written again where that may help.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHOWN_BYTES = 2_000
"""Of a letter's original."""
SHOWN_MAX = 50
"""Letters of a plan that are printed, of each sort."""
_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

WhichReason = Annotated[str | None, typer.Option("--reason", help="Only of this one: misrouted.")]
Stage = Annotated[str | None, typer.Option(help="Only of collect, fold, analyse or notify.")]
FromTopic = Annotated[str | None, typer.Option("--topic", help="Only out of this one: raw.market.")]
Since = Annotated[
    str | None, typer.Option(help="Written since: 2h, 3d, ISO 8601 with zone or epoch ms.")
]
Until = Annotated[str | None, typer.Option(help="Written before, likewise.")]


@deadletters_app.command(
    "list",
    epilog="Examples: tapereader deadletters list; tapereader deadletters list --reason misrouted --since 2h",
)
def list_letters(
    *,
    reason: WhichReason = None,
    stage: Stage = None,
    topic: FromTopic = None,
    since: Since = None,
    until: Until = None,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="The newest so many.")] = 50,
) -> None:
    """The newest dead letters, and how many more there are."""
    chosen = _chosen(reason, stage, topic, since, until)
    letters, more = asyncio.run(_listed(chosen, most))
    tell(_line(letter) for letter in letters)
    if more:
        typer.echo(f"... and {more} older")
    if not letters:
        typer.echo("no such dead letter")


@deadletters_app.command(epilog="Example: tapereader deadletters explain raw.market/3/1234")
def explain(
    letter_id: Annotated[str, typer.Argument(help="As `tapereader deadletters list` prints it.")],
) -> None:
    """Why a record was refused, what to do, what it was, and whether it can be written again; exit 1 if there is none."""
    from streams.serving.redrive import Chosen  # noqa: PLC0415

    plan = asyncio.run(_planned(Chosen(ids=frozenset([letter_id]))))
    tell(_explained(plan) or [f"no dead letter is called {letter_id}"])
    raise typer.Exit(int(not plan.going and not plan.staying))


@deadletters_app.command(
    epilog="Examples: tapereader deadletters redrive --reason misrouted (shows what would be written);"
    " tapereader deadletters redrive --reason misrouted --yes --why 'the writer is mended';"
    " tapereader deadletters redrive raw.market/3/1234 --yes --why 'streams.subjects_max is 30000 now'"
)
def redrive(
    letter_ids: Annotated[
        list[str] | None, typer.Argument(help="Letters. Default: all that fit.")
    ] = None,
    *,
    reason: WhichReason = None,
    stage: Stage = None,
    topic: FromTopic = None,
    since: Since = None,
    until: Until = None,
    yes: Annotated[
        bool, typer.Option("--yes/--dry-run", help="Write; else only say what would be written.")
    ] = False,
    why: Annotated[str, typer.Option(help="Kept with the act; needed to write.")] = "",
    actor: Annotated[str, typer.Option(help="Who says so. Default: the user's name.")] = "",
    attempts_max: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000, help="None of this attempt goes. Default: serve.redrive_attempts_max."
        ),
    ] = None,
) -> None:
    """Write letters again where they belong, at most a thousand; each goes once, whatever happens.

    A record that is refused again is a letter of the next attempt. Exit 1 if none can go.
    """
    chosen = _chosen(reason, stage, topic, since, until, letter_ids or ())
    if yes and not why.strip():
        fail("--why: it is kept with the act, so that others know")
    who = actor_of(actor) if yes else ""
    plan, outcome = asyncio.run(_redriven(chosen, attempts_max, who, why, writes=yes))
    tell(_plan_lines(plan))
    if outcome is not None:
        typer.echo(
            f"written: {outcome.written}, as redrive {outcome.redrive_id or '-'};"
            f" {outcome.before} had gone before"
        )
    elif plan.going:
        typer.echo("nothing was written: this was a dry run; --yes --why '...' writes")
    raise typer.Exit(int(not plan.going))


def _chosen(  # noqa: PLR0917 - a command's options
    reason: str | None,
    stage: str | None,
    topic: str | None,
    since: str | None,
    until: str | None,
    ids: "list[str] | tuple[()]" = (),
) -> "Chosen":
    from streams.serving.redrive import Chosen  # noqa: PLC0415

    return Chosen(
        ids=frozenset(ids),
        reason=reason,
        stage=stage,
        topic=topic,
        since_ms=_time_ms("--since", since),
        until_ms=_time_ms("--until", until),
    )


def _time_ms(option: str, text: str | None) -> int | None:
    """Return an instant; a span is so long ago."""
    from deploy.replay.request import time_ms  # noqa: PLC0415

    if text is not None and (span := _SPAN.fullmatch(text)):
        return _now_ms() - int(span[1]) * _UNIT_MS[span[2]]
    return time_ms(option, text)


async def _listed(chosen: "Chosen", most: int) -> "tuple[list[Letter], int]":
    redriver, writer = _redriver(None)
    try:
        return await redriver.letters(chosen, most)
    finally:
        await writer.close()


async def _planned(chosen: "Chosen") -> "Plan":
    plan, _ = await _redriven(chosen, None, "", "", writes=False)
    return plan


async def _redriven(
    chosen: "Chosen", attempts_max: int | None, actor: str, why: str, *, writes: bool
) -> "tuple[Plan, Outcome | None]":
    redriver, writer = _redriver(attempts_max)
    try:
        plan = await redriver.plan(chosen)
        if not writes or not plan.going:
            return plan, None
        return plan, await redriver.redrive(plan, actor=actor, reason=why)
    finally:
        await writer.close()


def _redriver(attempts_max: int | None) -> "tuple[Redriver, ControlWriter]":
    from deploy.settings import load  # noqa: PLC0415
    from streams.serving.acts.writing import ControlWriter  # noqa: PLC0415
    from streams.serving.redrive.running import Redriver  # noqa: PLC0415

    settings = load()
    writer = ControlWriter(settings.broker)
    redriver = Redriver(
        settings.broker,
        writer,
        now_ms=_now_ms,
        attempts_max=attempts_max or settings.serve.redrive_attempts_max,
    )
    return redriver, writer


def _line(found: "Letter") -> str:
    from streams.serving.words import clock  # noqa: PLC0415

    letter = found.letter
    return (
        f"{clock(found.logged_ms)}  {found.letter_id}  {letter.reason} ({letter.stage})"
        f"  attempt {letter.attempt}  {len(letter.value)} bytes  {letter.message}"
    )


def _explained(plan: "Plan") -> list[str]:
    from streams.serving.redrive import explained  # noqa: PLC0415

    lines = []
    for going in plan.going:
        lines += explained(going.letter)
        lines.append(f"it can go again: {_way(going)}")
    for staying in plan.staying:
        lines += explained(staying.letter)
        lines.append(f"it cannot go again: {staying.why}")
    for letter in [going.letter.letter for going in plan.going] + [
        staying.letter.letter for staying in plan.staying
    ]:
        shown = letter.value[:SHOWN_BYTES].decode(errors="backslashreplace")
        more = f" ... and {beyond} bytes" if (beyond := len(letter.value) - SHOWN_BYTES) > 0 else ""
        lines += [f"key: {letter.key!r}", f"value: {shown}{more}"]
    return lines


def _plan_lines(plan: "Plan") -> list[str]:
    lines = [f"{len(plan.going)} can go again, {len(plan.staying)} cannot"]
    lines += [f"goes   {going.letter_id}: {_way(going)}" for going in plan.going[:SHOWN_MAX]]
    lines += [f"stays  {one.letter.letter_id}: {one.why}" for one in plan.staying[:SHOWN_MAX]]
    if unseen := max(0, len(plan.going) - SHOWN_MAX) + max(0, len(plan.staying) - SHOWN_MAX):
        lines.append(f"... and {unseen} more")
    if plan.left_out:
        lines.append(f"{plan.left_out} more are for the next redrive: this one is full")
    return lines


def _way(going: "Going") -> str:
    return f"to {going.topic}/{going.partition} under key {going.key.decode()}; refused again it is attempt {going.attempt}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
