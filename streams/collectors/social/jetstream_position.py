"""How far a Jetstream has been read, and what to ask for to go on without a hole: PURE.

v2 takes the number of the last event of the same host, and refuses one that it no longer has (`CursorTooOld`). A time
is taken by every host of both versions, but one that is too old is moved up without an error (v1) or with a notice (v2). So a
time is asked for that lies before the last event: where the first event that comes is a later one, what lies between is
lost, whatever the server says.
"""

from typing import NamedTuple

from .jetstream_frames import Version

OVERLAP_US = 10_000_000
"""How much is read again of the same host: its posts are known by their ids. The network makes dozens a second."""
OTHER_HOST_US = 60_000_000
"""Of another host, whose clock and lag differ."""
SAME_EVENT_US = 1_000_000
"""An event of one number whose time differs by more than this is another event: the host counts anew."""
SEQ_MAX = 10**15
"""Where the servers take a cursor for a time."""


class Hole(NamedTuple):
    """What was lost, by the stream's time."""

    from_us: int
    to_us: int


class RenumberedError(Exception):
    """The host counts anew: its numbers mean nothing any more, and it is to be asked by time."""


class Position:
    """The place in the stream, over all hosts and connections."""

    def __init__(self) -> None:
        """Begin where the stream is when it is first asked for."""
        self.reached_us: int | None = None
        """The latest event read, by its host's time."""
        self._host: str | None = None
        self._seq: int | None = None
        self._asked_host = ""
        self._asked_seq: int | None = None
        self._must_show_us: int | None = None

    def resume(self, reached_ms: int) -> None:
        """Go on behind what was sent before."""
        self.reached_us = max(self.reached_us or 0, reached_ms * 1_000)

    def too_old(self) -> None:
        """Give the number up: the host does not have it any more."""
        self._seq = None

    def ask(self, host: str, version: Version) -> int | None:
        """Return the cursor to begin a connection with; None: from now on.

        A number that brought nothing is given up: a host that counts anew takes one above its own for the future's.
        """
        if self._asked_seq is not None:
            self._seq = None
        self._asked_host = host
        self._asked_seq, self._must_show_us = None, None
        if self.reached_us is None:
            return None
        if version != 1 and host == self._host and self._seq is not None:
            self._asked_seq = self._seq
            return self._seq
        self._must_show_us = self.reached_us
        overlap_us = OVERLAP_US if host == self._host or self._host is None else OTHER_HOST_US
        return max(SEQ_MAX, self.reached_us - overlap_us)

    def take(self, time_us: int, seq: int | None) -> Hole | None:
        """Take the next event, and return what has been lost before it.

        Raises:
            RenumberedError: Its number is none that can come behind the one asked for.
        """
        asked_seq, self._asked_seq = self._asked_seq, None
        if asked_seq is not None and seq is not None:
            self._check_number(asked_seq, time_us, seq)
        must_show_us, self._must_show_us = self._must_show_us, None
        self._host = self._asked_host
        if seq is not None and seq < SEQ_MAX:
            self._seq = seq
        hole = None
        if must_show_us is not None and time_us > must_show_us:
            hole = Hole(must_show_us, time_us)
        self.reached_us = max(self.reached_us or 0, time_us)
        return hole

    def _check_number(self, asked_seq: int, time_us: int, seq: int) -> None:
        moved_us = abs(time_us - (self.reached_us or 0))
        if seq < asked_seq or (seq == asked_seq and moved_us > SAME_EVENT_US):
            self._seq = None
            msg = f"event {seq} came where {asked_seq} was asked for, or is another one by now"
            raise RenumberedError(msg)
