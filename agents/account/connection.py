"""The ledger's scripts, run by its Redis in time or not at all."""

from functools import cache
from importlib.resources import files
from typing import Any

from agents.redis import Client, NoAnswerError
from topics import PipelineError

CALL_S = 0.5
"""For a whole question, connecting and waiting for a connection included."""
_FULL = "allow-oom"
_FLAGS = {
    "reserve": "",
    **dict.fromkeys(("confirm", "close", "sweep", "heed", "set"), _FULL),
    **dict.fromkeys(("rebuild_begin", "rebuild_load", "rebuild_end"), _FULL),
    **dict.fromkeys(("show", "find"), "no-writes"),
}
"""A Redis that is full takes no reservation, and everything that ends one."""


class LedgerError(PipelineError):
    """The ledger did not answer: nothing may be sent."""


class Connection:
    """Runs the scripts of one scope."""

    def __init__(self, url: str, base: str, call_s: float) -> None:
        """Connect when first asked. Every key begins with ``base``.

        Raises:
            ValueError: The URL is not one of Redis, or names no Sentinel or no master; no part of it is shown.
        """
        self._base, self._client = base, Client(url, call_s=call_s)
        self._scripts = {name: self._client.redis.register_script(_script(name)) for name in _FLAGS}

    async def run(self, name: str, *words: str | int) -> Any:  # noqa: ANN401 - whatever the script says
        """Run a script and return what it says.

        Raises:
            LedgerError: There was no answer in time, or a refusal. The script may have run.
        """
        script, arguments = self._scripts[name], list(words)
        try:
            return await self._client.ask(lambda: script(keys=[self._base], args=arguments))
        except NoAnswerError as error:
            raise LedgerError(str(error)) from None

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()


@cache
def _script(name: str) -> str:
    """Return a script as Redis takes it: what it may do, what all begin with, its own steps."""
    folder = files("agents.account").joinpath("scripts")
    texts = [folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("books", name)]
    flags = f" flags={_FLAGS[name]}" if _FLAGS[name] else ""
    return "\n".join([f"#!lua{flags}", *texts])
