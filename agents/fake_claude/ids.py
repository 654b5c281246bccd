"""The ids the API gives out: of requests, messages and batches."""

from hashlib import blake2b
from typing import Literal

Kind = Literal["req", "msg", "msgbatch"]


class Ids:
    """Ids by number, unlike those of any other run of the fake."""

    def __init__(self, run: str) -> None:
        """Take what names this run."""
        self._run = run

    def make(self, kind: Kind, number: int | str) -> str:
        """Return the id of the ``number``-th thing of a kind."""
        name = f"{self._run}/{kind}/{number}".encode()
        return f"{kind}_011{blake2b(name, digest_size=10).hexdigest()}"
