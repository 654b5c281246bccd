"""What is made of a post, hostile ones included."""

import json
import time
import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.enriching import Enricher
from streams.collectors.social.seen import Seen, post_id_of
from topics import BY_NAME, Post, encode

SALT = "salt of the tests"
T0 = 1_700_000_000_000
ANY = st.text(st.characters(exclude_categories=()), max_size=300)
CHECK = BY_NAME["raw.social"].decoder().decode
INJECTION = sorted((Path(__file__).parents[4] / "data/injection").glob("*-attacks.jsonl"))


PIECES = (
    *("\U0001f468\u200d", "\u0301", "$BTC ", "$", "but rekt ", "@", "http://", "a.", "\u30d3", "<"),
    *("#", "!", "\ud800", "moon ", "A", "1", "\u0436", "\u0430", "\u24d1", "\ufdfa", "not "),
    *("bitcoin", "\u202e", "x@", "-", "'a"),
)


def seen(text: str, **others: object) -> Seen:
    fields = {"platform": "p", "post_id": "1", "author_id": "ann", "made_ms": T0, "received_ms": T0}
    return Seen(**{**fields, "text": text, **others})  # type: ignore[arg-type]


def posts(text: str, **others: object) -> list[Post]:
    return Enricher("s", salt=SALT).posts(seen(text, **others))


def attacks() -> list[str]:
    return [
        json.loads(line)["text"]
        for path in INJECTION
        for line in path.read_text("utf-8").splitlines()
    ]


def assert_harmless(post: Post) -> None:
    value = encode(post)
    assert CHECK(value) == post
    assert json.loads(value)["text"] == post.text
    assert len(post.text) <= 1_000
    assert not any(unicodedata.category(char)[0] == "C" for char in post.text)


def test_a_post_for_each_asset_and_nothing_for_none() -> None:
    one, two = posts("$ETH and bitcoin to the moon", engagement=7, languages=("en",), bot=True)
    assert (one.subject, two.subject) == ("BTC", "ETH")
    assert msgspec.structs.replace(two, subject="BTC") == one
    assert (one.source, one.platform, one.post_id, one.language) == ("s", "p", "1", "en")
    assert (one.event_ms, one.received_ms, one.engagement, one.bot) == (T0, T0, 7, True)
    assert one.tone > 0.3
    assert posts("what a lovely day") == []


def test_authors_are_hashed_with_the_salt_and_apart_by_platform() -> None:
    def author(text: str = "$BTC", *, salt: str = SALT, **others: object) -> str:
        return Enricher("s", salt=salt).posts(seen(text, **others))[0].author

    assert author() == author("bitcoin!")
    different = {author(), author(salt="another"), author(platform="q"), author(author_id="bob")}
    assert len(different) == 4
    assert author(salt="x" * 100) != author(salt="x" * 101)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in different)


def test_every_attack_comes_out_as_plain_text_and_at_most_one_post_an_asset() -> None:
    texts = attacks()
    assert len(texts) == 521
    enricher = Enricher("s", salt=SALT)
    for number, text in enumerate(texts):
        for said in (text, f"{text} $BTC", f"$BTC {text[:900]}"):
            made = enricher.posts(seen(said, post_id=str(number)))
            assert len({post.subject for post in made}) == len(made)
            if "$BTC" in said[:900]:
                assert "BTC" in {post.subject for post in made}
            for post in made:
                assert_harmless(post)


@given(ANY, ANY, ANY, st.lists(ANY, max_size=2), st.integers())
def test_whatever_a_platform_says_it_is_a_post(
    text: str, post_id: str, author: str, languages: list[str], engagement: int
) -> None:
    made = posts(
        f"$BTC {text}",
        post_id=post_id,
        author_id=author,
        languages=tuple(languages),
        engagement=engagement,
    )
    assert made
    for post in made:
        assert_harmless(post)


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_takes_no_time(piece: str) -> None:
    enricher = Enricher("s", salt=SALT)
    enricher.posts(seen("$BTC is warm now and all that is slow to load is loaded"))
    begun_s = time.process_time()
    made = enricher.posts(seen("$BTC " + piece * (1_000_000 // len(piece))))
    assert time.process_time() - begun_s < 1.0
    for post in made:
        assert_harmless(post)


def test_the_same_posts_come_out_the_same() -> None:
    texts = [f"{text} $BTC" for text in attacks()[:60]]
    runs = []
    for _ in range(2):
        enricher = Enricher("s", salt=SALT)
        runs.append([enricher.posts(seen(t, post_id=str(n))) for n, t in enumerate(texts)])
    assert runs[0] == runs[1]


def test_an_author_who_posts_all_the_time_is_marked() -> None:
    enricher = Enricher("s", salt=SALT)
    bots = [
        enricher.posts(seen(f"$BTC number {n}", post_id=str(n), made_ms=T0 + n))[0].bot
        for n in range(8)
    ]
    assert bots == [False] * 5 + [True] * 3


def test_ids_that_no_record_holds_are_digested() -> None:
    assert (
        post_id_of("at://did:plc:x/app.bsky.feed.post/3k") == "at://did:plc:x/app.bsky.feed.post/3k"
    )
    assert post_id_of("x" * 128) == "x" * 128
    long, longer = post_id_of("x" * 129), post_id_of("x" * 130)
    assert long != longer
    assert long.startswith("b2-")
    assert len(long) == 35
    assert post_id_of("") != post_id_of("\ud800") != post_id_of("a\nb")


def test_near_copies_share_what_a_window_tells_texts_apart_by() -> None:
    """A window counts by the first 16 of 64 bits. What differs in case, marks or emoji alone is one text there."""
    text = "last chance to buy $BTC before the big move on friday, everybody in our group is ready, and so should you be"
    copies = [text, text.upper(), text.replace(",", " !"), f"{text} \U0001f680", f"\u200b{text}"]
    assert len({posts(copy)[0].simhash for copy in copies}) == 1
    other = posts("which explorer do you use to look at old bitcoin blocks?")[0].simhash
    one_word = posts(text.replace("friday", "monday"))[0].simhash
    distance = [
        (int(posts(text)[0].simhash, 16) ^ int(found, 16)).bit_count()
        for found in (one_word, other)
    ]
    assert distance[0] <= 16 < distance[1]
