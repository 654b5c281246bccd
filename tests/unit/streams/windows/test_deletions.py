"""A post that was taken back: counted, and nothing else; its windows say what they said."""

import pytest

from streams.windows import Fold
from tests.audited import assert_audited, recomputed
from topics import Aggregate, DeadLetter, Heartbeat, Post, PostDeleted, encode

AT_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
LOGGED_MS = 2_000_000_000_000
Log = list[tuple[bytes | None, bytes]]


def post(number: int, event_ms: int = AT_MS) -> bytes:
    """Return a post."""
    return encode(
        Post(
            subject="BTC",
            source="one",
            platform="forum",
            post_id=str(number),
            event_ms=event_ms,
            received_ms=event_ms,
            author="0" * 16,
            text="words",
            language="en",
            tone=0.5,
            tone_version="t1",
            engagement=3,
            simhash="0" * 16,
        )
    )


def deletion(number: int = 1, subject: str = "BTC", event_ms: int = AT_MS + 1_000) -> bytes:
    """Return a deletion."""
    return encode(
        PostDeleted(
            subject=subject,
            source="one",
            platform="forum",
            post_id=str(number),
            event_ms=event_ms,
            received_ms=event_ms,
        )
    )


def beat(through_ms: int) -> tuple[None, bytes]:
    """Return a promise."""
    return None, encode(Heartbeat(source="one", epoch=0, through_ms=through_ms))


def folded(log: Log) -> Fold:
    """Return a fold of a log, which the second implementation folds alike."""
    fold = Fold("social", 0, partitions=1, subjects_max=100)
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, LOGGED_MS, key, value)
    second, expected = recomputed("social", log, LOGGED_MS)
    assert_audited(fold.outputs, expected)
    assert fold.counters.marks == second.counts["marks"]
    assert fold.counters.total() == len(log)
    return fold


def log_with(*deletions: bytes) -> Log:
    """Return a log of a window with three posts, one of which comes again, and of its end and after."""
    posts = [(b"BTC", post(n)) for n in (1, 2)]
    gone = [(b"BTC", value) for value in deletions]
    again = [(b"BTC", post(1)), (b"BTC", post(3))]
    return [
        beat(AT_MS - 60_000),
        *posts,
        *gone,
        *again,
        beat(AT_MS + 300_000),
        *gone,
        (b"BTC", post(4)),
        beat(AT_MS + 320_000),
    ]


def test_no_number_of_a_window_changes() -> None:
    """Neither before its end nor after, where it makes no revision; what comes again is a duplicate all the same."""
    without, having = folded(log_with()), folded(log_with(deletion()))
    assert [encode(o) for o in having.outputs] == [encode(o) for o in without.outputs]
    first, second = [o for o in having.outputs if isinstance(o, Aggregate)]
    assert (first.values.posts, second.values.posts) == (3, 4)  # type: ignore[union-attr]
    assert having.counters.marks == 2
    assert having.counters.duplicates == without.counters.duplicates == 1
    assert having.counters.applied == without.counters.applied == 4


def test_of_an_asset_that_is_not_known_none_becomes_so() -> None:
    """However old it is, or however far ahead."""
    times = (0, AT_MS, 253_402_300_799_999)
    fold = folded([beat(AT_MS), *((b"BTC", deletion(event_ms=at_ms)) for at_ms in times)])
    assert fold.subjects == {}
    assert fold.counters.marks == 3


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"ETH", deletion(), "misrouted"),
        (None, deletion(), "misrouted"),
        (b"btc", deletion(subject="btc"), "invalid"),
        (b"BTC", deletion().replace(b'"post_id":"1"', b'"post_id":""'), "invalid"),
        (b"BTC", deletion().replace(b'"forum"', b'"No Forum"'), "invalid"),
        (b"BTC", deletion().replace(b"post.deleted", b"post.edited"), "unknown_type"),
    ],
)
def test_one_that_is_wrong_is_a_letter(key: bytes | None, value: bytes, reason: str) -> None:
    """With its reason, and the next record is folded."""
    fold = folded([(key, value), (b"BTC", deletion())])
    (letter,) = fold.outputs
    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert fold.counters.marks == 1


def test_other_topics_have_none() -> None:
    """Whoever writes one there has it back."""
    fold = Fold("development", 0, partitions=1, subjects_max=100)
    fold.feed(0, LOGGED_MS, b"BTC", deletion())
    (letter,) = fold.outputs
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "unknown_type"
