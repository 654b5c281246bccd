"""What is known of one repository that is looked at, and the words for how it stands."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from .acts import Number, decoded
from .history import History

GONE = {
    403: "forbidden",
    404: "deleted or private",
    410: "gone",
    451: "blocked for legal reasons",
}
"""What a refusal of one repository means. The others go on."""
_BY_ID = re.compile(r"repositories/([1-9][0-9]{0,15})(?:/|\?|$)")


class _Parent(Struct):
    full_name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$(?!\n)")]
    default_branch: Annotated[str, Meta(max_length=255)]


class Description(Struct):
    """A repository as GitHub describes it, as far as it matters."""

    id: Number
    full_name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$(?!\n)")]
    default_branch: Annotated[str, Meta(max_length=255)]
    fork: bool = False
    parent: _Parent | None = None


class Repository(Struct, kw_only=True):
    """One repository."""

    name: str
    """As the settings name it, and as its events do, whatever it is called by now."""
    subjects: tuple[str, ...]
    history: History
    path: str
    """What to ask REST for."""
    id: int | None = None
    now_called: str
    branch: str = ""
    upstream: str | None = None
    """Of a fork: owner:branch of what it was made of."""
    etags: dict[str, str] = {}
    based: set[str] = set()
    """Listings that have been read to their end once."""
    head: str | None = None
    """The first commit of the last listing; None: never listed."""
    listed: frozenset[str] = frozenset()
    differing_since_ms: int | None = None
    state: str = "not looked at yet"
    failures: int = 0
    wait_s: float = 0.0
    """How long GitHub asked us to wait with it."""
    gone: bool = False
    """It was refused: it is asked for rarely."""
    due_s: float = 0.0
    describe_s: float = 0.0

    def describe(self, told: bytes) -> str | None:
        """Take a description; return why it is not the repository that was followed, if it is not.

        Raises:
            msgspec.MsgspecError: It is none.
        """
        description = decoded(told, Description)
        if self.id is not None and self.id != description.id:
            return "another repository has its name"
        self.id = description.id
        self.now_called, self.branch = description.full_name, description.default_branch
        self.upstream = None
        if description.fork and description.parent is not None:
            owner = description.parent.full_name.partition("/")[0]
            self.upstream = f"{owner}:{description.parent.default_branch}"
        return None

    def move(self, path: str | None) -> bool:
        """Follow a redirection, if it leads to a repository by its number, and to this one."""
        found = _BY_ID.match(path or "")
        if found is None or (self.id is not None and self.id != int(found[1])):
            return False
        self.path = f"repositories/{found[1]}"
        self.describe_s = 0.0
        return True

    @property
    def words(self) -> str:
        """How it stands, for people."""
        moved = "" if self.now_called.lower() == self.name.lower() else f", now {self.now_called}"
        return self.state + moved


def follow(name: str, subjects: tuple[str, ...], from_ms: int, *, resumed: bool) -> Repository:
    """Return a repository that nothing is known of yet."""
    return Repository(
        name=name,
        subjects=subjects,
        history=History(from_ms, resumed=resumed),
        path=f"repos/{name}",
        now_called=name,
    )
