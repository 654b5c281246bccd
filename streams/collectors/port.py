"""What a source of raw events must offer. To add one: one module with a `SourceType`, one line in `table.py`."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from topics import GapMark, Heartbeat, Kind, PostDeleted, RawEvent
from topics.settings import BrokerSettings

from .pace import Pace


class Through(Struct, frozen=True):
    """How far the source's time has come: nothing earlier will follow, but corrections.

    Already less the source's usual lateness. The runner turns it into heartbeats, behind the events
    that came before it.
    """

    through_ms: int


class Refused(Struct, frozen=True, kw_only=True):
    """A frame or response the source could not read: it becomes a dead letter."""

    reason: str
    message: str
    original: bytes
    origin: str
    """source/connection/frame number, so that the same frame is the same letter."""
    received_ms: int
    events: int = 1
    """How many events were in it, as far as can be told."""


class Link(Struct, frozen=True, kw_only=True):
    """The state of the connection behind the source changed."""

    state: Literal["connecting", "connected", "stale", "disconnected"]
    reason: str = ""


class Lost(Struct, frozen=True, kw_only=True):
    """Trades of these numbers will not come, although a later one came: their gap is permanent.

    Both ends are included. What of them came before counts as filled.
    """

    venue: str
    subject: str
    first_missing: int
    last_missing: int
    reason: str
    """For people; at most 200 characters."""


Observation = RawEvent | PostDeleted | Through | Refused | Link | GapMark | Lost
"""A gap mark is of a hole that no sequence number proves: a broken connection, a cursor too old. (Holes in the
numbers of trades are found behind the source, by `continuity.py`.) A deletion follows its post."""


class SourceError(Exception):
    """The source cannot go on now; the runner waits and asks it again. The message is for people."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        """Say why; ``wait_s`` is how long the other side told us to wait at least."""
        super().__init__(message)
        self.wait_s = wait_s


class Source(Protocol):
    """One stream of events of one kind, with its own clock.

    Being held back costs most sources nothing: they ask later. One that would lose by it, as a venue hangs up on
    who does not read, says `holds = False`; while Kafka is away its records go to the disk, within a bound.
    """

    name: str
    """Its name in heartbeats: one source, one clock."""
    kind: Kind

    def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, until there is nothing more.

        Being slow to take the next one is how the runner holds the source back. The runner calls this
        again after a `SourceError`; ending without one means that the source is finished for good.

        Raises:
            SourceError: The connection or the server failed.
        """


@runtime_checkable
class Resuming(Protocol):
    """A source that goes on where the log says that it, or whoever ran it before, had come."""

    def resume(self, past: "Sequence[RawEvent | PostDeleted | GapMark | Heartbeat]") -> None:
        """Take what stands in the log of this source's last minutes, oldest first, before anything is asked for."""


@runtime_checkable
class Preparing(Protocol):
    """A source that takes seconds before it can dial, such as for an import: who stands by has them behind him."""

    def prepare(self) -> None:
        """Do what needs nobody else. Called in a thread, at most once."""


class Clock(Protocol):
    """The wall clock in milliseconds; tests and replays give their own."""

    def __call__(self) -> int:
        """Return now, in milliseconds since the epoch."""


COMMANDS = frozenset({"run", "list", "check"})
"""Words that `tapereader collect` takes for commands, not for names of sources."""


def _no_command(name: str) -> str:
    if name in COMMANDS:
        msg = f"{name} is a command of tapereader collect: take another name"
        raise ValueError(msg)
    return name


SourceName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_no_command)
]
"""Of an entry under `collect.sources`, and of the venues of recordings."""
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.-]{1,24}/[A-Z0-9.-]{1,24}(:[A-Z0-9.-]{1,24})?$")]


class SourceSettings(BaseModel):
    """One entry under `collect.sources`; each type of source has its own, and names itself in `type`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str


class Context(Struct, frozen=True, kw_only=True):
    """What a source may need of its surroundings."""

    broker: BrokerSettings
    now_ms: Clock
    pace: Pace | None = None
    """For sources that replay or invent."""


class SourceType(Struct, frozen=True, kw_only=True):
    """A type of source: its settings, how it is made, and what people want to know before they use it."""

    name: str
    """What stands in `type`."""
    about: str
    kinds: tuple[Kind, ...]
    settings: type[SourceSettings]
    create: Callable[[str, Any, Context], Sequence[Source]]
    """Makes the sources, one a kind, of the name and settings of an entry. What is slow to import, it imports itself."""
    limits: str
    """What the other side allows, and what of it is kept to."""
    key: str = "none"
    """What a user must have of the other side."""
