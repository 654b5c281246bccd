"""What goes wrong with batches: with the next ones that are created, with their requests, and with what is read of them.

    {"creates": [null, "taken_and_dropped"], "requests": {"0": "expired", "2": "advice"}, "reads": ["cut"]}

===================  ========================================================================
``creates``          in turn, of the batches that are created from now on; null: nothing
-------------------  ------------------------------------------------------------------------
dropped              the connection is dropped, and the batch was not taken
refused              529, and it was not taken
taken_and_dropped    it is taken, and then the connection is dropped
taken_and_failed     it is taken, and answered with a 500
taken_and_hung       it is taken, and never answered
===================  ========================================================================
``requests``         by their place in each batch that is created from now on
-------------------  ------------------------------------------------------------------------
errored              the API could not answer it
expired, canceled    it was not answered before the batch was over
refusal              stop_reason ``refusal``, not billed
others               as of ``spoiling``: the words of its answer are spoilt
===================  ========================================================================
``reads``            in turn, of the results that are read from now on; null: nothing
-------------------  ------------------------------------------------------------------------
cut                  half of them, then no connection
===================  ========================================================================
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from .errors import refuse
from .spoiling import Spoiling

CreateFault = Literal[
    "dropped", "refused", "taken_and_dropped", "taken_and_failed", "taken_and_hung"
]
RequestFault = Literal["errored", "expired", "canceled", "refusal", Spoiling]
ReadFault = Literal["cut"]


class BatchScript(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to go wrong."""

    creates: Sequence[CreateFault | None] = ()
    requests: dict[int, RequestFault] = {}
    reads: Sequence[ReadFault | None] = ()


class BatchFaults:
    """Plays a script."""

    def __init__(self) -> None:
        """Begin with nothing that goes wrong."""
        self.play(BatchScript())

    def play(self, script: BatchScript) -> None:
        """Play another script from its beginning."""
        self._creates, self._reads = list(script.creates), list(script.reads)
        self.requests = script.requests

    def next_create(self) -> CreateFault | None:
        """Return what goes wrong with the batch that is created now."""
        return self._creates.pop(0) if self._creates else None

    def next_read(self) -> ReadFault | None:
        """Return what goes wrong with the results that are read now."""
        return self._reads.pop(0) if self._reads else None


def load(body: bytes) -> BatchScript:
    """Read a script.

    Raises:
        ApiError: 400; the message says what is wrong.
    """
    try:
        return msgspec.json.decode(body, type=BatchScript)
    except msgspec.DecodeError as error:
        refuse(f"no script of batches: {error}")
