"""`python -m deploy`: the same as the `tapereader` command, from whatever interpreter runs it."""

from .cli import main

main()
