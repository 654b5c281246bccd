"""What an operator may turn in the question about strangers' posts."""

from pydantic import Field

from .endpoints import Branch

FIRST = "model"
"""The name of the first model among those that may be asked."""


class ExcerptSettings(Branch):
    """The question about posts before a deep dive that they have a part in. Without this section none is asked, or read."""

    model: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """A name among `agent.spares`, or `model` for the first; None: the cheapest of them."""
    timeout_s: float = Field(default=4.0, ge=0.5, le=30)
    """Of the question, within the candidate's deadline, and never of the time that the deep dive's own answer takes."""
    output_tokens_max: int = Field(default=400, ge=64, le=4_000)
    """Of the answer, thinking included: five words and numbers are about 60 tokens, the rest is thinking at low effort."""
    window_s: float = Field(default=900.0, ge=60, le=3_600)
    """How far back posts are kept and asked about: three of the windows that posts are counted in."""
    posts_max: int = Field(default=100, ge=12, le=500)
    """Posts of one asset, each by another author: eight times what one question shows."""
    chars_max: int = Field(default=500, ge=100, le=1_000)
    """Of a post's text that are kept: 280 are shown at most, after links and what nobody sees are taken out."""
    assets_max: int = Field(default=200, ge=1, le=1_000)
    """Assets that posts are kept of. With the others it bounds the memory: about 30 MB as it is."""
