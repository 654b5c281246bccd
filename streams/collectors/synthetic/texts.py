"""What invented people write: templates, none about a real person or event: PURE."""

from random import Random
from typing import Literal

Mood = Literal["good", "bad", "even"]

TONE: dict[Mood, float] = {"good": 0.6, "bad": -0.6, "even": 0.0}
"""The mean tone of a mood's posts."""

_TEMPLATES: dict[Mood, tuple[str, ...]] = {
    "good": (
        "Added a little more {asset} {when}, the chart looks healthy to me.",
        "{asset} holding {level} support so well. Patience pays.",
        "The new {asset} wallet release is smooth, transfers took seconds {when}.",
        "Volume on {asset} is picking up and nobody talks about it.",
        "Staking {asset} {when} was easier than I thought, happy so far.",
        "{asset} broke {level} resistance, I am staying in.",
        "Really like where the {asset} community is going.",
        "My {asset} position is green again {when}, small wins.",
    ),
    "bad": (
        "Sold half of my {asset} {when}, this does not look good.",
        "{asset} lost {level} support and the bids are thin.",
        "Fees on {asset} were painful {when}.",
        "Another weak close for {asset}. I am staying out.",
        "Why is {asset} bleeding while everything else is flat?",
        "The {asset} rally looks like a trap to me.",
        "{asset} keeps failing at {level} resistance, tired of this.",
        "Stopped out of {asset} {when}. Lesson learned, again.",
    ),
    "even": (
        "What is everyone's plan for {asset} {when}?",
        "{asset} is moving sideways around {level} levels.",
        "Reading up on how {asset} handles upgrades, links welcome.",
        "Compared {asset} order books on two exchanges {when}, similar depth.",
        "Does anybody track {asset} developer activity over time?",
        "Quiet {when} for {asset}. Watching.",
        "Moved some {asset} to a new wallet {when}.",
        "{asset} question: which explorer do you use?",
    ),
}
_BOT_TEMPLATES = (
    "{asset} is about to explode!! Do not miss it, join our free signal group number {n}",
    "100x soon: {asset}! Everybody is buying {asset} now. Group {n}",
    "Last chance to buy {asset} before the big move. Signals in group {n}",
)
_WHEN = ("today", "this morning", "last night", "this week", "yesterday", "just now")
_LEVEL = ("daily", "weekly", "yearly", "the old", "key", "mid range")


def text_of(asset: str, mood: Mood, dice: Random) -> str:
    """Return what a person writes about an asset."""
    template = dice.choice(_TEMPLATES[mood])
    return template.format(asset=_named(asset, dice), when=dice.choice(_WHEN), level=_level(dice))


def bot_text_of(asset: str, dice: Random) -> str:
    """Return what a bot writes: nearly the same each time."""
    return dice.choice(_BOT_TEMPLATES).format(asset=f"${asset}", n=dice.randint(1, 9))


def _named(asset: str, dice: Random) -> str:
    return f"${asset}" if dice.random() < 1 / 2 else asset


def _level(dice: Random) -> str:
    return dice.choice(_LEVEL)
