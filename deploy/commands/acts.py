"""`tapereader acts`: what operators say of alerts and analyses, and what they have said."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from . import actor_of, fail, tell

if TYPE_CHECKING:
    from streams.serving.acts import Act, StandingActs
    from streams.serving.acts.acting import Acts
    from topics.settings import BrokerSettings

acts_app = typer.Typer(
    help="What operators say: alerts seen or muted, analyses that are wrong; kept with who and why.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
MINUTE_MS = 60_000
_T = TypeVar("_T")

Reason = Annotated[str, typer.Option(help="Why; it is kept and shown with the act.")]
Actor = Annotated[str, typer.Option(help="Who says so. Default: the user's name.")]
Target = Annotated[str, typer.Argument(help="all, asset/BTC, rule/NAME or rule/NAME/SUBJECT.")]


@acts_app.command(
    epilog="Example: tapereader acts acknowledge volume.surge/BTC/1790000040000 --reason 'looking into it'"
)
def acknowledge(
    alert_id: Annotated[str, typer.Argument(help="As the alert, or the dashboard, prints it.")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Say that you have seen an alert. It ends with the alert: the next firing has another id."""
    who = actor_of(actor)
    _done(lambda acts: acts.acknowledge(alert_id, actor=who, reason=reason))


@acts_app.command(
    epilog="Examples: tapereader acts mute asset/XRP --minutes 60 --reason 'a listing, known';"
    " tapereader acts mute rule/volume.surge/BTC --until 2026-01-31T12:00:00Z --reason 'a fork, announced'"
)
def mute(
    target: Target,
    reason: Reason,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="How long; or give --until.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="ISO 8601 with zone or epoch ms; at most 30 days ahead.")
    ] = None,
    actor: Actor = "",
) -> None:
    """Deliver no alert of a target until a time. The dashboard still shows them."""
    from deploy.replay.request import time_ms  # noqa: PLC0415

    if (minutes is None) == (until is None):
        fail("give --minutes or --until: a mute ends")
    who = actor_of(actor)
    until_ms = time_ms("--until", until)
    if minutes is not None:
        until_ms = _now_ms() + round(minutes * MINUTE_MS)
    _done(lambda acts: acts.mute(target, until_ms=until_ms or 0, actor=who, reason=reason))


@acts_app.command(epilog="Example: tapereader acts unmute asset/XRP --reason 'it is over'")
def unmute(target: Target, reason: Reason, actor: Actor = "") -> None:
    """Take a mute of the same target back."""
    who = actor_of(actor)
    _done(lambda acts: acts.unmute(target, actor=who, reason=reason))


@acts_app.command(
    epilog="Example: tapereader acts feedback state/BTC/1790000040000/0 wrong --reason 'one venue was repaired'"
)
def feedback(
    analysis_id: Annotated[
        str, typer.Argument(help="As the analysis, or the dashboard, prints it.")
    ],
    verdict: Annotated[str, typer.Argument(help="wrong or unhelpful.")],
    reason: Reason,
    actor: Actor = "",
) -> None:
    """Say that an analysis is wrong or unhelpful. Of each person the last word counts."""
    who = actor_of(actor)
    _done(lambda acts: acts.feedback(analysis_id, verdict, actor=who, reason=reason))


@acts_app.command("list", epilog="Example: tapereader acts list")
def list_acts() -> None:
    """What is in force: acknowledgements, mutes, orders and caps, as far back as the topic is kept; and redrives."""
    from deploy.settings import load  # noqa: PLC0415

    lines = _lines(asyncio.run(_standing(load().broker)), _now_ms())
    tell(lines or ["no act of an operator is in force"])


def _done(do: "Callable[[Acts], Awaitable[Act]]") -> None:
    """Do one act and say what was written."""
    from streams.serving.acts.making import id_of  # noqa: PLC0415

    act = asyncio.run(_acted(do))
    tell([f"written: {id_of(act)}, {act.subject}, by {act.actor}"])


async def _acted(do: "Callable[[Acts], Awaitable[_T]]") -> _T:
    from deploy.settings import load  # noqa: PLC0415
    from streams.serving.acts.acting import Acts  # noqa: PLC0415
    from streams.serving.acts.writing import ControlWriter  # noqa: PLC0415

    writer = ControlWriter(load().broker)
    try:
        return await do(Acts(writer, now_ms=_now_ms))
    finally:
        await writer.close()


async def _standing(broker: "BrokerSettings") -> "StandingActs":
    from streams.serving.acts.recalling import standing_acts  # noqa: PLC0415
    from streams.serving.reading import topic_reader  # noqa: PLC0415

    async with topic_reader(broker, ["control"]) as reader:
        return await standing_acts(reader)


def _lines(acts: "StandingActs", now_ms: int) -> list[str]:
    from topics.envelope import rfc3339  # noqa: PLC0415

    lines = []
    for act in acts.in_force(now_ms):
        until = "" if act.expires_ms is None else f", until {rfc3339(act.expires_ms)}"
        value = f" {act.value}" if act.value else ""
        lines.append(
            f"{rfc3339(act.at_ms)}  {act.act}{value}  {act.subject}{until}  {act.actor}: {act.reason}"
        )
    lines += [
        f"{rfc3339(one.at_ms)}  {one.verdict}  analysis {one.analysis_id}  {one.actor}: {one.reason}"
        for one in acts.feedback()
    ]
    for redrive in acts.redrives():
        state = "begun" if redrive.ended_ms is None else f"ended {rfc3339(redrive.ended_ms)}"
        lines.append(
            f"{rfc3339(redrive.at_ms)}  redrive {redrive.redrive_id}, {len(redrive.letters)} letters, {state}"
            f"  {redrive.actor}: {redrive.reason}"
        )
    return lines


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
