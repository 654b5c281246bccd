"""How far what was seen of a repository can be trusted, from what its two witnesses say: PURE.

The witnesses are GitHub's REST listing of the default branch, and git's own advertisement of the branch's head.

A: they name the same head, and nothing was left out. B: they differ, for no longer than `LAG_MS`: one is behind.
C: only one was heard (also: the act is one that git does not know of, or a delivery told of it). D: they differ for
longer, or the listing was cut off before what was known.
"""

from typing import Literal

from msgspec import Struct

Grade = Literal["A", "B", "C", "D"]

LAG_MS = 300_000
"""GitHub's listings and its git servers are apart for seconds; beyond five minutes one of them is wrong."""


class Heard(Struct, frozen=True, kw_only=True):
    """What was heard of one repository in one look."""

    listed: str | None
    """The first commit of the listing; empty: there is none; None: no answer."""
    advertised: str | None
    """The head that git names; empty: there is none; None: no answer."""
    shown: bool = True
    """The advertised head is among the commits that are known."""
    cut: bool = False
    """The listing goes on beyond where we stopped."""
    differing_ms: int = 0
    """Since when the two have not named the same head."""

    @property
    def both(self) -> bool:
        """Both were heard."""
        return self.listed is not None and self.advertised is not None

    @property
    def agree(self) -> bool:
        """Both were heard, and name the same head."""
        return self.both and self.listed == self.advertised

    @property
    def hole(self) -> bool:
        """Git names a head that the listing does not show: there is work that was not seen."""
        return self.both and not self.agree and not self.shown


def grade(heard: Heard) -> Grade:
    """Return the grade of the commits of a look."""
    if heard.cut:
        return "D"
    if not heard.both:
        return "C"
    if heard.agree:
        return "A"
    return "B" if heard.differing_ms <= LAG_MS else "D"


def grade_of_others(*, cut: bool) -> Grade:
    """Return the grade of acts that git does not know of, of a listing that was cut off or not."""
    return "D" if cut else "C"
