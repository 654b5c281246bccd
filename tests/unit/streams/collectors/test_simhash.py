"""The fingerprint of a text: the stated formula, and what it is for."""

from collections import Counter
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.simhash import BITS, simhash

WORDS = st.lists(st.sampled_from(["ada", "buys", "$sol", "100x", "now"]), max_size=12)


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def by_columns(words: list[str]) -> str:
    """Do the same by writing the digests under each other and counting ones by column."""
    features = Counter(words)
    features.update(f"{words[at]} {words[at + 1]}" for at in range(len(words) - 1))
    rows = [
        f"{int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), 'big'):064b}"
        for feature in features.elements()
    ]
    columns = ["".join(row[at] for row in rows) for at in range(BITS)]
    bits = "".join("1" if 2 * column.count("1") > len(rows) else "0" for column in columns)
    return f"{int(bits, 2):016x}"


@given(WORDS)
def test_it_is_the_stated_formula(words: list[str]) -> None:
    """Bit by bit the majority of the features' digests, a tie being 0."""
    assert simhash(" ".join(words)) == by_columns(words)


@given(st.text(max_size=300))
def test_it_is_always_sixteen_digits(text: str) -> None:
    """As the contract wants it, whatever the text."""
    fingerprint = simhash(text)
    assert len(fingerprint) == 16
    assert int(fingerprint, 16) < 2**64


def test_near_copies_are_near_and_others_far() -> None:
    """One word of twenty moves few of 64 bits; another text moves about half."""
    text = (
        "last chance to buy ada before the big move on friday everybody in our group"
        " is ready and so should you be"
    )
    near = simhash(text.replace("friday", "monday"))
    far = simhash("which explorer do you use to look at old blocks of this chain and why that one")
    assert distance(simhash(text), near) <= 16 < distance(simhash(text), far)
    assert simhash(text) == simhash(text.upper().replace(" ", ",  "))


def test_no_words_are_no_bits() -> None:
    """An empty text has a fingerprint too."""
    assert simhash("") == simhash(" -!? ") == "0" * 16
