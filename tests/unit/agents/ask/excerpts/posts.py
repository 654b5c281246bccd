"""Posts for tests."""

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
