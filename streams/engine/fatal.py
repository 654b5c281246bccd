"""The end of a process that must not go on."""

import os
import re
import sys
import traceback
from typing import NoReturn

EXIT_FATAL = 70
"""The exit status: the supervisor starts a new process, which goes on from the last checkpoint."""
_STEERS = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
"""What a terminal heeds; of what is not ASCII nothing is left by then."""


def end_process(reason: str, error: BaseException | None = None) -> NoReturn:
    """Say why on standard error and end the process at once: no cleanup, nothing more is written.

    An exception could be swallowed by Faust, which would go on and acknowledge what was never folded. So whatever text
    is in an error, saying it must not fail, and must not command a terminal.
    """
    lines = [f"fatal: {reason}\n"]
    if error is not None:
        lines += traceback.format_exception(error)
    told = "".join(lines).encode("ascii", errors="backslashreplace")
    told = _STEERS.sub(lambda found: b"\\x%02x" % found[0][0], told)
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, told)
    os._exit(EXIT_FATAL)
