"""Words that claim something a fact can contradict, and names of other assets. PURE data."""

from functools import cache
from importlib.resources import files


def words_of(text: str) -> frozenset[str]:
    """Return the words of a list that is written as a line of prose."""
    return frozenset(text.split())


UP = words_of(
    "rose rise rises rising risen gain gains gained gaining climb climbs climbed climbing jump jumps jumped"
    " jumping surge surges surged surging increase increases increased increasing advance advances advanced"
    " advancing rally rallies rallied rallying soar soars soared soaring grew grow grows growing grown higher"
    " skyrocket skyrockets skyrocketed skyrocketing pumped popped ripped appreciated strengthened exploded uptick"
    " up upward"
)
DOWN = words_of(
    "fell fall falls falling fallen drop drops dropped dropping decline declines declined declining slid slide"
    " slides sliding slip slips slipped slipping sank sink sinks sinking sunk lost loses losing tumble tumbles"
    " tumbled tumbling decrease decreases decreased decreasing plunge plunges plunged plunging crash crashes"
    " crashed crashing dip dips dipped dipping shed sheds plummet plummets plummeted plummeting tanked cratered"
    " slump slumps slumped slumping collapse collapses collapsed collapsing shrank shrunk shrinking contracted"
    " dwindled weakened depreciated downtick lower down downward"
)
"""Claims of a direction. "Above" and "below" compare with anything, and are not among them."""

SHOUTS = words_of(
    "US UK EU UTC ETF AI API VWAP RSI SEC CEO OTC DEX CEX NFT OK TV ID PM AM AND OR NOT"
)
"""Words in capitals that are no tickers."""


@cache
def coins() -> dict[str, str]:
    """Return the ticker of each asset that has a name in `coins.txt`, by the name in small letters."""
    text = files("agents.answer").joinpath("coins.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: ticker for ticker, *names in lines for name in names}
