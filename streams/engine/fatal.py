"""The end of a process that must not go on."""

import os
import sys
import traceback
from typing import NoReturn

EXIT_FATAL = 70
"""The exit status: the supervisor starts a new process, which goes on from the last checkpoint."""


def end_process(reason: str, error: BaseException | None = None) -> NoReturn:
    """Say why on standard error and end the process at once: no cleanup, nothing more is written.

    An exception could be swallowed by Faust, which would go on and acknowledge what was never folded.
    """
    lines = [f"fatal: {reason}\n"]
    if error is not None:
        lines += traceback.format_exception(error)
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, "".join(lines).encode())
    os._exit(EXIT_FATAL)
