"""`tapereader fake-claude`: the simulated model alone, for anybody's tests."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from . import Lifeline

EXAMPLES = (
    "Examples: tapereader fake-claude --port 8080; tapereader fake-claude --port 8080 --script outage.json --seed 7;"
    " tapereader fake-claude --rpm 50 --latency-ms 400; tapereader fake-claude --plain."
    ' A script: [{"seconds": [20, 40], "fault": "overloaded"},'
    ' {"requests": [100, null], "fault": "slow", "delay_s": 30, "probability": 0.1}].'
    " Its bill: curl http://127.0.0.1:8080/_fake/bill. More: docs/operating/fake-claude.md"
)
_MORE = "of each line of models; more is refused with 429. Default: more than it can answer."


def fake_claude(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 0,
    script: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Faults to play, as JSON."),
    ] = None,
    latency_ms: Annotated[
        int, typer.Option(min=0, max=600_000, help="How long an answer takes, half more or less.")
    ] = 0,
    seed: Annotated[
        int, typer.Option(min=0, help="Of latencies and of the script's probabilities.")
    ] = 0,
    rpm: Annotated[int, typer.Option(min=1, max=10**9, help=f"Requests a minute {_MORE}")] = 60_000,
    itpm: Annotated[
        int, typer.Option(min=1, max=10**12, help=f"Input tokens a minute {_MORE}")
    ] = 400_000_000,
    otpm: Annotated[
        int, typer.Option(min=1, max=10**12, help=f"Output tokens a minute {_MORE}")
    ] = 80_000_000,
    plain: Annotated[
        bool, typer.Option("--plain", help="As a local server: any model, no schema, no price.")
    ] = False,
    lifeline: Lifeline = None,
) -> None:
    """A local server that speaks Claude's Messages API. Its answers are simulated and free.

    It prints its address as one line of JSON when it takes requests, and ends on SIGTERM or Ctrl-C.
    """
    from agents.fake_claude.settings import FakeClaudeSettings  # noqa: PLC0415
    from deploy.simulated import run_fake_claude  # noqa: PLC0415

    settings = FakeClaudeSettings(
        port=port,
        script=script,
        latency_ms=latency_ms,
        jitter_ms=latency_ms // 2,
        seed=seed,
        requests_per_minute=rpm,
        input_tokens_per_minute=itpm,
        output_tokens_per_minute=otpm,
        plain=plain,
    )
    asyncio.run(run_fake_claude(settings, lifeline=lifeline))
