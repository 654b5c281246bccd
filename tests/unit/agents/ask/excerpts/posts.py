"""Posts for tests, and what is made of them."""

from agents.answer.answered import Answered
from agents.answer.words import Words
from agents.ask.excerpts.bearing import borne, doubt_of
from agents.ask.excerpts.reading import Reading
from agents.decide.candidate import Read, Sent
from topics import Post


def post(number: int, text: str, **changes: object) -> Post:
    """Return a post about SOL by an author of its own."""
    fields: dict[str, object] = {
        "subject": "SOL",
        "source": "posts",
        "platform": "platform",
        "post_id": str(number),
        "event_ms": 1_800_000_000_000,
        "received_ms": 1_800_000_000_000,
        "author": f"{number:016x}",
        "text": text,
        "language": "en",
        "tone": 0.0,
        "tone_version": "tone-1",
        "engagement": 0,
        "simhash": f"{number:016x}",
    }
    return Post(**fields | changes)  # type: ignore[arg-type]


DIFFERENT = (
    "Closed half of my position this morning, spreads were fine.",
    "Anyone else see slower confirmations since the upgrade?",
    "Volume is above its weekly average but the book looks thin.",
    "The wallet release notes are outdated, a button moved.",
    "Staking from my phone was easier than I thought.",
    "Compared order books on two exchanges, similar depth.",
)
"""What people write: no two alike."""


def a_read(doubt: str | None, number: int = 1) -> Read:
    """Return a question about posts that was asked, and what it makes of an analysis."""
    sent = Sent(
        attempt_id=f"reading/{number}",
        item_key="ab" * 32,
        provider="anthropic",
        model="claude-haiku-5-5",
        prompt_version="excerpts-1",
        outcome="answered",
        ended_s=0.0,
        cost_nano_usd=1_000,
    )
    return Read(sent=sent, doubt=doubt)


def tempered(words: Words, reading: Reading, asked: int) -> Words:
    """Return the words of an analysis before which ``asked`` excerpts were read."""
    read = a_read(doubt_of(reading, asked))
    answered = Answered(words=words, origin="rules", reason="no_model", readings=(read,))
    return borne(answered).words
