"""`tapereader evaluate`: outlooks against what came, and what state narratives add."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from . import fail

if TYPE_CHECKING:
    from deploy.evaluate.reading import Range

SCOPE_PATTERN = r"[a-z][a-z0-9_]{0,31}"
evaluate_app = typer.Typer(
    help="Score outlooks against what came.",
    epilog="Examples: tapereader evaluate; tapereader evaluate --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z"
    " --report report.html --json scores.json; tapereader evaluate --cutoff my-local-model=2025-12",
    rich_markup_mode=None,
)

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Log time of the analyses, ISO 8601 with zone or epoch ms. Default: the logs' begin.",
    ),
]
To = Annotated[
    str | None, typer.Option("--to", help="Up to before this one. Default: their present end.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", dir_okay=False, help="Write everything as JSON.")
]


@evaluate_app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    *,
    from_time: From = None,
    to_time: To = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws that give the intervals.")] = 1,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            help="MODEL=YYYY-MM: the last month it may know of. May be given more than once."
        ),
    ] = None,
    json_file: JsonFile = None,
    report: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write a page with plots. Needs tapereader[report]."),
    ] = None,
) -> None:
    """Score the outlooks of analyses against the price after they were said, beside always flat, momentum and the rules."""
    if context.invoked_subcommand is not None:
        if any((from_time, to_time, cutoff, json_file, report, seed != 1)):
            fail(f"options go behind the command: tapereader evaluate {context.invoked_subcommand}")
        return
    from agents.evaluation.cutoffs import shipped_cutoffs, with_told  # noqa: PLC0415
    from deploy.evaluate.command import run_evaluate  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    span, cutoffs = _span(from_time, to_time), with_told(shipped_cutoffs(), cutoff or ())
    _refuse_nowhere(("--json", json_file), ("--report", report))
    asyncio.run(
        run_evaluate(
            load().broker,
            span,
            cutoffs=cutoffs,
            seed=seed,
            json_file=json_file,
            report_file=report,
        )
    )


@evaluate_app.command(
    epilog="Examples: tapereader evaluate narratives; tapereader evaluate narratives --product deep_dive --from 2026-11-01T00:00:00Z --json texts.json"
)
def narratives(
    *,
    product: Annotated[str, typer.Option(help="Of which analyses: state or deep_dive.")] = "state",
    from_time: From = None,
    to_time: To = None,
    json_file: JsonFile = None,
) -> None:
    """State narratives: how many texts, how common the commonest, what could not be rendered, beside what rules say."""
    from topics.analysis import Product  # noqa: PLC0415

    if product not in get_args(Product):
        fail(f"--product {product}: one of {', '.join(get_args(Product))}")
    from deploy.evaluate.command import run_narratives  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    span = _span(from_time, to_time)
    _refuse_nowhere(("--json", json_file))
    asyncio.run(
        run_narratives(load().broker, span, product=cast("Product", product), json_file=json_file)
    )


@evaluate_app.command(
    epilog="Examples: tapereader evaluate batch --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z --json haiku.json;"
    " tapereader evaluate batch --model claude-sonnet-5-5 --prompt trial.md"
)
def batch(
    *,
    from_time: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Log time of the aggregates that deep dives were on, ISO 8601 with zone or epoch ms.",
        ),
    ] = None,
    to_time: To = None,
    model: Annotated[
        str | None, typer.Option(help="Default: the first of the settings. Asked where that is.")
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A system prompt in the place of the deep dive's own."
        ),
    ] = None,
    scope: Annotated[
        str, typer.Option(help="Of the budget: the agent's caps, in an account of its own.")
    ] = "evaluate",
    items_max: Annotated[
        int, typer.Option(min=1, max=10_000, help="Deep dives of one batch at most.")
    ] = 1_000,
    wait_h: Annotated[
        float, typer.Option(min=0, max=48, help="Hours to wait for its end; it goes on without us.")
    ] = 25.0,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again what was charged and never answered.")
    ] = False,
    cutoff: Annotated[
        list[str] | None,
        typer.Option(
            help="MODEL=YYYY-MM: the last month it may know of. May be given more than once."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws that give the intervals.")] = 1,
    json_file: JsonFile = None,
) -> None:
    """Ask about recorded deep dives again in a message batch, at half the price, and score it. Publishes nothing.

    The same command goes on where one before was broken off: nothing is sent or paid for twice.
    """
    from agents.evaluation.cutoffs import shipped_cutoffs, with_told  # noqa: PLC0415
    from deploy.evaluate.batch import Options  # noqa: PLC0415
    from deploy.evaluate.batch_model import batch_model  # noqa: PLC0415
    from deploy.evaluate.batch_watch import Patience  # noqa: PLC0415
    from deploy.evaluate.command import run_batch  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    if re.fullmatch(SCOPE_PATTERN, scope) is None:
        fail(f"--scope {scope}: small letters, digits and underscores, 32 at most")
    span, settings = _span(from_time, to_time), load()
    _refuse_nowhere(("--json", json_file))
    options = Options(
        span=span,
        model=batch_model(settings.agent, model),
        scope=scope,
        system=None if prompt is None else _text_of(prompt),
        items_max=items_max,
        again=again,
        cutoffs=with_told(shipped_cutoffs(), cutoff or ()),
        seed=seed,
        patience=Patience(wait_s=wait_h * 3_600),
    )
    asyncio.run(run_batch(settings, options, json_file=json_file))


def _text_of(prompt: Path) -> str:
    """Return a prompt's text; it ends the command where there is none."""
    try:
        text = prompt.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--prompt {prompt}: cannot be read: {error}")
    if not text.strip():
        fail(f"--prompt {prompt}: it is empty")
    return text


def _span(from_time: str | None, to_time: str | None) -> "Range":
    from deploy.evaluate.reading import Range  # noqa: PLC0415
    from deploy.replay.request import time_ms  # noqa: PLC0415

    from_ms, to_ms = time_ms("--from", from_time), time_ms("--to", to_time)
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        fail(f"the range is empty: --from {from_time} is not before --to {to_time}")
    return Range(from_ms, to_ms)


def _refuse_nowhere(*files: tuple[str, Path | None]) -> None:
    """Refuse a file that could not be written before minutes are spent on it."""
    for option, file in files:
        if file is not None and not file.absolute().parent.is_dir():
            fail(f"{option} {file}: its folder does not exist")
