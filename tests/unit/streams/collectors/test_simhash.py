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


def test_texts_of_any_script_have_one() -> None:
    """Where words are not parted each character counts; near copies are near there, too."""
    text = "\u30d3\u30c3\u30c8\u30b3\u30a4\u30f3\u304c\u307e\u305f\u4e0b\u304c\u308a\u3059\u304e\u3066\u3044\u308b\u306e\u3067\u8cb7\u3044\u307e\u3057\u305f"
    far = "\u30a4\u30fc\u30b5\u30ea\u30a2\u30e0\u306e\u4fa1\u683c\u306f\u4eca\u65e5\u3082\u5b89\u5b9a\u3057\u3066\u63a8\u79fb\u4e2d"
    assert distance(simhash(text), simhash(text + "!")) == 0
    assert (
        0
        < distance(simhash(text), simhash(text + "\u7b11"))
        <= 16
        < distance(simhash(text), simhash(far))
    )
    assert (
        simhash("\u0431\u0438\u0442\u043a\u043e\u0438\u043d")
        != simhash("\u044d\u0444\u0438\u0440")
        != "0" * 16
    )
