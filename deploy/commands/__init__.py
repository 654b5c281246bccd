"""What an operator asks of the command, a module each; `deploy/cli.py` joins them.

Everything else of ours is imported when it is used, as there.
"""

import sys
from typing import NoReturn

import typer

__all__ = ["fail"]


def fail(words: str) -> NoReturn:
    """End the command with status 2, saying why on standard error."""
    typer.echo(f"tapereader: {words}", err=True)
    sys.exit(2)
