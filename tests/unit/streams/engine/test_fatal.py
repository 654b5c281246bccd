"""The end of a process is told whatever text is in its reason, and it does end."""

import subprocess
import sys

from streams.engine.fatal import EXIT_FATAL

PROGRAM = """
from streams.engine.fatal import end_process
try:
    raise ValueError("\\x1b[2J\\x9b \\u202e\\ud800 caf\\xe9\\r")
except ValueError as error:
    end_process("a \\x07 fold failed", error)
"""


def test_no_text_keeps_a_process_from_its_end_or_commands_a_terminal() -> None:
    """Half of a surrogate pair, which UTF-8 cannot write, and what a terminal heeds."""
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == EXIT_FATAL
    text = ended.stderr.decode("ascii")
    assert text.startswith("fatal: a \\x07 fold failed\nTraceback")
    assert text.endswith("ValueError: \\x1b[2J\\x9b \\u202e\\ud800 caf\\xe9\\x0d\n")
    assert text.replace("\n", "").isprintable()
