"""The streams role as every deployment runs it, with a stopwatch."""

from pathlib import Path

from deploy.settings import Settings
from deploy.wiring.streams import run_streams
from streams.metrics import STREAMS

from .notes import Notes, Stopwatch


async def run_watched_streams(settings: Settings, file: Path, *, lifeline: int | None) -> None:
    """Run the role until told to stop; ``file`` gets its notes."""
    with Notes(file) as notes:
        stopwatch = Stopwatch(notes, STREAMS)
        await run_streams(settings, lifeline=lifeline, observer=stopwatch, sensor=stopwatch)
