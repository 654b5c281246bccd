"""`tapereader demo`: its options, what it tells at the end, its exit status."""

import asyncio
import json
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from topics import PipelineError

from . import plan
from .report import summary
from .run import BrokenOffError, Demo, say


def run_demo(
    *,
    seconds: int,
    report_file: Path | None,
    model: str,
    picture_file: Path | None = None,
    dashboard: bool = True,
) -> int:
    """Run the demo and return its exit status: 0 when all that was planted was seen and everything adds up.

    2 is a refused option; 1 everything else: a role that died, a plant not found, a run broken off early.
    """
    if model not in plan.MODELS:
        return _refuse(f"--model {model}: one of {', '.join(plan.MODELS)}")
    for option, file in (("--report", report_file), ("--picture", picture_file)):
        if file is not None and not file.resolve().parent.is_dir():
            return _refuse(f"{option} {file}: its folder does not exist")
    with (
        tempfile.TemporaryDirectory(prefix="tapereader-demo-") as folder,
        as_file(files("deploy").joinpath("data", plan.RECORDING)) as recording,
    ):
        try:
            demo = Demo(
                Path(folder),
                recording,
                model=model,
                picture_file=picture_file,
                dashboard=dashboard,
            )
            found = asyncio.run(demo.run(seconds))
        except BrokenOffError as error:
            say(str(error))
            return int(seconds > 0)
        except PipelineError as error:
            say(f"tapereader: {error}")
            return 1
    _tell(found, report_file)
    if found["broken_off"]:
        return int(seconds > 0 or bool(found["errors"]))
    return int(bool(found["errors"]) or not found["accounted"])


def _tell(found: dict[str, Any], report_file: Path | None) -> None:
    """Say what was seen in words, and as JSON to the file, or to whatever reads our output."""
    text = json.dumps(found, indent=2) + "\n"
    if report_file is not None:
        report_file.write_text(text, encoding="utf-8")
    elif not sys.stdout.isatty():
        sys.stdout.write(text)
    for line in summary(found):
        say(line)


def _refuse(words: str) -> int:
    say(f"tapereader: {words}")
    return 2
