"""A worker's whole life over one log: batches, checkpoints, aborted ones and crashes, anywhere. None of it shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows import Fold, feed_slice, restore, take_entries
from streams.windows.intake import Logged
from tests.strategies.logs import START_MS, logs
from topics import KINDS, Kind, encode

LOGGED_MS = START_MS + 10**11
Step = tuple[int, str]
"""So many records in one slice, and what comes behind them."""
STEPS = st.tuples(
    st.integers(0, 30), st.sampled_from(("on", "on", "checkpoint", "aborted", "crash"))
)


class Worker:
    """One after another: what is committed outlives them, and nothing else does."""

    def __init__(self, kind: Kind, log: list[Logged]) -> None:
        self.committed: list[bytes] = []
        self._kind, self._log = kind, log
        self._entries: dict[bytes, bytes] = {}
        self._begin()

    def _begin(self) -> None:
        self.fold = Fold(self._kind, 0, partitions=1, subjects_max=100)
        restore(self.fold, self._entries, 1)
        self._at = self.fold.next_offset or 0

    def live(self, records: int, then: str) -> None:
        feed_slice(self.fold, self._log[self._at : self._at + records])
        self._at += records
        if then == "checkpoint":
            for key, value in take_entries(self.fold, 1):
                if value is None:
                    self._entries.pop(key, None)
                else:
                    self._entries[key] = value
            self.committed += map(encode, self.fold.outputs)
            self.fold.outputs.clear()
        elif then != "on":
            if then == "aborted":
                list(take_entries(self.fold, 1))
            self._begin()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_no_life_changes_what_is_committed(kind: Kind, data: st.DataObject) -> None:
    """Ids, bytes and their order, revisions, late events and counters: those of the log read once, one by one."""
    records = data.draw(logs(kind))
    log = [Logged(at, LOGGED_MS, key, value) for at, (key, value) in enumerate(records)]
    once = Fold(kind, 0, partitions=1, subjects_max=100)
    for record in log:
        once.feed(record.offset, record.timestamp, record.key, record.value or b"")
    worker = Worker(kind, log)
    for records_, then in data.draw(st.lists(STEPS, max_size=12)):
        worker.live(records_, then)
    worker.live(len(log), "checkpoint")
    assert worker.committed == [encode(output) for output in once.outputs]
    assert worker.fold.counters == once.counters
    assert worker.fold.clock == once.clock
