"""Names: what must not be mixed is never under one."""

from hypothesis import given
from hypothesis import strategies as st

from agents.cache.key import WORD_CHARS_MAX, Key, family, is_word, lease_name, name_of, orders_name

PARTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
KEYS = st.builds(Key, prompt=PARTS, schema=PARTS, model=PARTS, digest=PARTS)
PLACES = st.tuples(st.integers(0, 3), KEYS)


@given(PLACES, PLACES)
def test_two_keys_never_have_one_name(one: tuple[int, Key], other: tuple[int, Key]) -> None:
    """Also where a part holds what stands between parts; nor does a value have a lease's name, or the orders'."""
    names = [name_of("p.", epoch, key.word) for epoch, key in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    leases = [lease_name(name) for name in names]
    assert not set(names) & {*leases, orders_name("p.")}
    assert all(name.startswith(family("p.")) for name in (*names, *leases, orders_name("p.")))


@given(KEYS)
def test_a_keys_word_is_one_that_an_operator_may_write(key: Key) -> None:
    """One line, without blanks."""
    assert is_word(key.word) == (len(key.word) <= WORD_CHARS_MAX)
    assert key.word.isprintable()
    assert not set(key.word) & set(" \t*?[]")


def test_a_name_says_what_it_depends_on() -> None:
    """Prefix, epoch, prompt, schema, model, digest; a model of a local server may have a colon."""
    key = Key("state-3", "2", "llama3:8b", "9f2c")
    assert name_of("tape.", 7, key.word) == "tape.narrative:7:state-3:2:llama3%3A8b:9f2c"


def test_what_is_no_key_is_told() -> None:
    """Before Redis is asked."""
    for wrong in ("", "a:b:c", "a:b:c:d:e", "a:b:c:", "a b:c:d:e", "a:b:c:*", "é:b:c:d"):
        assert not is_word(wrong)
    assert not is_word("a:b:c:" + "d" * WORD_CHARS_MAX)
