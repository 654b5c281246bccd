"""`tapereader topics`: the broker's topics."""

import sys
from typing import Annotated

import typer

from . import fail

topics_app = typer.Typer(help="The broker's topics.", no_args_is_help=True, rich_markup_mode=None)


@topics_app.command("apply", epilog="Example: tapereader topics apply")
def topics_apply() -> None:
    """Create missing topics and correct their settings."""
    from deploy.settings import load  # noqa: PLC0415
    from topics.broker import apply_topics  # noqa: PLC0415
    from topics.catalog import topics_of  # noqa: PLC0415

    settings = load()
    for line in apply_topics(settings.broker, topics_of(settings.streams.epoch)) or [
        "nothing to do"
    ]:
        typer.echo(line)


@topics_app.command("check", epilog="Example: tapereader topics check && echo well")
def topics_check() -> None:
    """Say how the broker's topics differ from the catalog; exit 1 if they do, 2 if nobody can tell."""
    from deploy.settings import load  # noqa: PLC0415
    from topics.broker import topic_differences  # noqa: PLC0415
    from topics.catalog import topics_of  # noqa: PLC0415

    settings = load()
    differences = topic_differences(settings.broker, topics_of(settings.streams.epoch))
    for line in differences or ["as the catalog says"]:
        typer.echo(line)
    sys.exit(bool(differences))


@topics_app.command("list", epilog="Example: tapereader topics list")
def topics_list() -> None:
    """Every topic: who writes and reads it, what is in it, how it is keyed and kept."""
    from deploy.settings import load  # noqa: PLC0415
    from topics import TOPICS  # noqa: PLC0415

    prefix = load().broker.prefix
    width = len(prefix) + max(len(topic.name) for topic in TOPICS)
    for topic in TOPICS:
        days = "" if topic.retention_ms is None else f", {topic.retention_ms // 86_400_000} days"
        writers, readers = ", ".join(topic.written_by), ", ".join(topic.read_by)
        typer.echo(f"{prefix + topic.name:{width}}  {writers} -> {readers}")
        typer.echo(f"    {topic.summary}")
        typer.echo(f"    Key: {topic.key}. Kept: {topic.cleanup}{days}.")


@topics_app.command(
    "schema",
    epilog="Examples: tapereader topics schema trade; tapereader topics schema > asyncapi.json",
)
def topics_schema(
    event: Annotated[
        str | None, typer.Argument(help="An event's tag; without it AsyncAPI.")
    ] = None,
) -> None:
    """Print an event's JSON Schema, or the AsyncAPI document of everything."""
    from topics.schema import render  # noqa: PLC0415

    files = render()
    name = "asyncapi.json" if event is None else f"schemas/{event}.json"
    if name not in files:
        known = sorted(
            f[len("schemas/") : -len(".json")] for f in files if f.startswith("schemas/")
        )
        fail(f"no event {event!r}; there are: {', '.join(known)}")
    typer.echo(files[name], nl=False)
