"""What the API replies of dead letters, and to acts."""

from msgspec import Struct

from streams.serving.shown import Letter
from topics import Control, Feedback

from .shapes import Links, Next


class LetterItem(Struct, frozen=True, kw_only=True):
    """What is known of a dead letter without its bytes."""

    letter: Letter
    links: Links


class LettersReply(Struct, frozen=True, kw_only=True):
    """Dead letters, the newest first."""

    items: list[LetterItem]
    next: Next


class LetterReply(Struct, frozen=True, kw_only=True):
    """One dead letter, with the bytes that were refused."""

    letter: Letter
    cause: str
    """What is behind its reason."""
    todo: str
    """What to do about it."""
    bytes_escaped: str
    """The value as text: bytes that are no printable ASCII stand as \\xNN, and a backslash as \\\\."""
    bytes_left_out: int
    """Bytes of the kept value that are not told here."""
    key_escaped: str | None
    links: Links


class ActReply(Struct, frozen=True, kw_only=True):
    """An act, as it was written and acknowledged."""

    act: Control | Feedback


class GoingItem(Struct, frozen=True, kw_only=True):
    """A dead letter that goes, and where to."""

    letter_id: str
    topic: str
    partition: int
    attempt: int


class StayingItem(Struct, frozen=True, kw_only=True):
    """A dead letter that does not go, and why."""

    letter_id: str
    why: str


class PlanReply(Struct, frozen=True, kw_only=True):
    """What a redrive would do. Nothing was written."""

    redrive_id: str
    """To be sent with the redrive, so that it is of these letters; empty where none goes."""
    going: list[GoingItem]
    staying: list[StayingItem]
    left_out: int
    """Letters that were meant and not looked at: there are too many for one redrive."""


class RedriveReply(Struct, frozen=True, kw_only=True):
    """What a redrive did."""

    redrive_id: str
    """Empty: all had gone before."""
    written: int
    """Records written now."""
    before: int
    """Letters of the plan that had gone already."""


REPLIES: tuple[type[Struct], ...] = (
    LettersReply,
    LetterReply,
    ActReply,
    PlanReply,
    RedriveReply,
)
