"""The one command: every role, and what an operator asks.

Everything of ours is imported when it is used: roles take seconds, and before anything else it must be sure
that the packages are ours.
"""

import asyncio
import sys
from collections.abc import Coroutine
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from .commands import Instance, Lifeline, fail, role_settings, show_uncaught
from .commands.acts import acts_app
from .commands.alerts import alerts_app
from .commands.audit import audit
from .commands.bench import bench_app
from .commands.breaker import breaker_app
from .commands.budget import budget_app
from .commands.cache import cache_app
from .commands.collect import collect_app
from .commands.deadletters import deadletters_app
from .commands.evaluate import evaluate_app
from .commands.fake_claude import EXAMPLES as FAKE_CLAUDE_EXAMPLES
from .commands.fake_claude import fake_claude
from .commands.notify import notify_app
from .commands.replay import EXAMPLES as REPLAY_EXAMPLES
from .commands.replay import replay
from .commands.streams import streams_app
from .commands.topics import topics_app

app = typer.Typer(
    name="tapereader",
    help="Tapereader reads the tape: raw metric events in, exact windows and honest analyses out.",
    epilog="Try it: tapereader demo. Settings: tapereader.toml, TAPEREADER_* variables; see tapereader settings.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(streams_app, name="streams")
app.add_typer(alerts_app, name="alerts")
app.add_typer(topics_app, name="topics")
app.add_typer(acts_app, name="acts")
app.add_typer(bench_app, name="bench")
app.add_typer(breaker_app, name="breaker")
app.add_typer(budget_app, name="budget")
app.add_typer(cache_app, name="cache")
app.add_typer(collect_app, name="collect")
app.add_typer(deadletters_app, name="deadletters")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(notify_app, name="notify")
app.command(epilog=REPLAY_EXAMPLES)(replay)
app.command(
    epilog="Examples: tapereader audit; tapereader audit --all --json audit.json; tapereader audit --kind market --partition 0"
)(audit)
app.command("fake-claude", epilog=FAKE_CLAUDE_EXAMPLES)(fake_claude)


def main() -> None:
    """Run the command; an error of ours is told in a sentence, without a traceback."""
    sys.excepthook = show_uncaught
    _refuse_intruders()
    from topics import PipelineError  # noqa: PLC0415 - ours, as is sure now

    try:
        app()
    except (PipelineError, OSError) as error:
        fail(str(error))


@app.command(
    epilog="Examples: tapereader demo; tapereader demo --seconds 45 --report out.json; tapereader demo --model simulated"
)
def demo(
    seconds: Annotated[
        int, typer.Option(min=0, help="Stop after this long; 0: go on until Ctrl-C.")
    ] = 0,
    report: Annotated[Path | None, typer.Option(help="Write what was seen as JSON.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the last screen as SVG.")] = None,
    model: Annotated[
        str, typer.Option(help="rules: no model; simulated: our fake Claude, with an outage.")
    ] = "rules",
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard on this machine.")] = True,  # noqa: FBT002 - a flag
) -> None:
    """Everything on this machine: recorded and invented markets, no Docker, no Java, no key."""
    from .demo.command import run_demo  # noqa: PLC0415

    sys.exit(
        run_demo(
            seconds=seconds,
            report_file=report,
            model=model,
            picture_file=picture,
            dashboard=dashboard,
        )
    )


@app.command(epilog="Example: tapereader agent --instance 0")
def agent(instance: Instance = None, lifeline: Lifeline = None) -> None:
    """Analyse aggregates: the model's words where it is asked, the rules' otherwise."""
    from .wiring.agent import run_agent  # noqa: PLC0415

    _run(run_agent(role_settings("agent", instance), lifeline=lifeline))


@app.command(epilog="Example: tapereader serve --instance 0 (then open http://127.0.0.1:8080)")
def serve(instance: Instance = None, lifeline: Lifeline = None) -> None:
    """Serve the API, its live stream and the dashboard."""
    from .wiring.serve import run_serve  # noqa: PLC0415

    _run(run_serve(role_settings("serve", instance), lifeline=lifeline))


@app.command(epilog="Example: tapereader watch (against the broker of the settings)")
def watch() -> None:
    """The terminal view of a running pipeline."""
    from .settings import load  # noqa: PLC0415
    from .watch import run_watch  # noqa: PLC0415

    _run(run_watch(load()))


@app.command(hidden=True)
def embedded(lifeline: Lifeline = None) -> None:
    """The demo's own broker and Redis."""
    from .demo.embedded import run_embedded  # noqa: PLC0415

    run_embedded(lifeline=lifeline)


@app.command(epilog="Example: TAPEREADER_BROKER__PARTITIONS=4 tapereader settings")
def settings() -> None:
    """Print the settings in force, without secrets."""
    from .settings import load  # noqa: PLC0415

    typer.echo(load().printed())


def _run(role: Coroutine[Any, Any, None]) -> None:
    asyncio.run(role)


def _refuse_intruders() -> None:
    """The package names are common words: another distribution's `agents` would shadow ours.

    They are looked for, not imported: what is not ours is not run.
    """
    here = Path(__file__).resolve().parent.parent
    for name in ("agents", "streams", "topics"):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            fail(f"the package {name!r} is not installed; it belongs beside {here / 'deploy'}")
        file = Path(spec.origin).resolve()
        folder = file.parent.parent if spec.submodule_search_locations else file.parent
        if folder != here:
            owners = ", ".join(packages_distributions().get(name, ["something"]))
            fail(
                f"the package {name!r} comes from {folder} ({owners}), not from"
                f" {here}. Install tapereader into an environment of its own"
            )


def print_version(value: bool) -> None:  # noqa: FBT001 - typer's
    """Print the version and end."""
    if value:
        try:
            typer.echo(version("tapereader"))
        except PackageNotFoundError:
            typer.echo("not installed")
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Tapereader reads the tape: raw metric events in, exact windows and honest analyses out."""
    del show
