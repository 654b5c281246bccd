"""The prompt cache: what is read, what is written, and that nothing is paid twice or not at all."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.models import MODELS
from agents.fake_claude.prompt import Piece
from agents.fake_claude.prompt_cache import ENTRIES_MAX, LOOKBACK, PromptCache, Split

MODEL = MODELS["claude-haiku-5-5"]
OTHER = MODELS["claude-opus-5-5"]
MIN = MODEL.cacheable_tokens_min


def piece(tokens: int, name: str = "a", ttl: str | None = None) -> Piece:
    """Return a piece of so many tokens; with ``ttl`` it is a breakpoint."""
    control = None if ttl is None else {"type": "ephemeral", "ttl": ttl}
    return Piece("system", name * (4 * tokens), control)


def ask(
    cache: PromptCache, *pieces: Piece, now_s: float = 0.0, ready_s: float | None = None, **to: Any
) -> tuple[int, int, int, int]:
    """Ask with a prompt; return input, read, written for 5 minutes and for an hour."""
    split = cache.split(to.get("model", MODEL), pieces, now_s)
    cache.keep(split, now_s, now_s if ready_s is None else ready_s)
    return counts(split)


def counts(split: Split) -> tuple[int, int, int, int]:
    """Return a split's tokens."""
    return (
        split.input_tokens,
        split.read_tokens,
        split.write_5m_tokens,
        split.write_1h_tokens,
    )


def test_a_prefix_is_written_once_and_then_read() -> None:
    """What follows the breakpoint is plain input each time."""
    cache = PromptCache()
    assert ask(cache, piece(MIN, ttl="5m"), piece(9, "q")) == (9, 0, MIN, 0)
    assert ask(cache, piece(MIN, ttl="5m"), piece(7, "r")) == (7, MIN, 0, 0)


def test_below_the_models_minimum_nothing_is_cached() -> None:
    """Silently: both counts are zero. The minimum is the model's own."""
    cache = PromptCache()
    for _ in range(2):
        assert ask(cache, piece(MIN - 1, ttl="5m")) == (MIN - 1, 0, 0, 0)
    old = MODELS["claude-haiku-4-5"]
    assert ask(cache, piece(MIN, ttl="5m"), model=old) == (MIN, 0, 0, 0)


def test_without_a_breakpoint_nothing_is_cached_or_read() -> None:
    """Not even what a breakpoint wrote before."""
    cache = PromptCache()
    ask(cache, piece(MIN, ttl="5m"))
    assert ask(cache, piece(MIN)) == (MIN, 0, 0, 0)


@pytest.mark.parametrize(("ttl", "lives_s"), [("5m", 300.0), ("1h", 3_600.0)])
def test_a_prefix_lives_its_time_from_its_last_use(ttl: str, lives_s: float) -> None:
    """To the moment; then it is written anew."""
    cache = PromptCache()
    asked = piece(MIN, ttl=ttl)
    ask(cache, asked, now_s=0)
    assert ask(cache, asked, now_s=lives_s - 1)[1] == MIN
    assert ask(cache, asked, now_s=2 * lives_s - 1.001)[1] == MIN
    assert ask(cache, asked, now_s=3 * lives_s - 1.001)[1] == 0


def test_what_is_written_can_be_read_once_its_answer_has_begun() -> None:
    """Requests sent together all write, and all pay for it."""
    cache = PromptCache()
    asked = piece(MIN, ttl="5m")
    assert ask(cache, asked, now_s=0, ready_s=2) == (0, 0, MIN, 0)
    assert ask(cache, asked, now_s=1, ready_s=3) == (0, 0, MIN, 0)
    assert ask(cache, asked, now_s=2) == (0, MIN, 0, 0)


def test_another_model_or_another_beginning_reads_nothing() -> None:
    """A prefix is all that stands before it."""
    cache = PromptCache()
    ask(cache, piece(MIN, "a"), piece(MIN, "b", ttl="5m"))
    assert ask(cache, piece(MIN, "a"), piece(MIN, "b", ttl="5m"), model=OTHER)[1] == 0
    assert ask(cache, piece(MIN, "c"), piece(MIN, "b", ttl="5m"))[1] == 0
    assert ask(cache, piece(MIN, "b", ttl="5m"))[1] == 0


def test_each_part_is_written_for_the_time_of_the_breakpoint_that_ends_it() -> None:
    """And a longer prompt reads the shorter one it begins with."""
    cache = PromptCache()
    first, second = piece(MIN, "a", "1h"), piece(100, "b", "5m")
    assert ask(cache, first, second, piece(5, "q")) == (5, 0, 100, MIN)
    assert ask(cache, first, second, piece(40, "c", "5m")) == (0, MIN + 100, 40, 0)
    assert ask(cache, first, piece(40, "d", "5m")) == (0, MIN, 40, 0)


def test_what_is_found_is_looked_for_a_few_pieces_back_and_no_further() -> None:
    """A conversation that grew by more has to be written again."""
    cache = PromptCache()
    begun = piece(MIN, ttl="5m")
    for more, read in ((LOOKBACK - 1, MIN), (LOOKBACK, 0)):
        cache.clear()
        ask(cache, begun)
        grown = [piece(MIN), *(piece(1, "b") for _ in range(more - 1)), piece(1, "c", "5m")]
        assert ask(cache, *grown)[1] == read


def test_an_expired_part_before_what_is_read_is_not_written_for_nothing() -> None:
    """It was not paid, so nobody reads it."""
    cache = PromptCache()
    short, long = piece(MIN, "a", "5m"), piece(10, "b", "1h")
    first = [short, piece(10, "b", "5m")]
    ask(cache, *first, now_s=0)
    for at_s in (200, 400):  # keep the long one alive through a prompt that has only its breakpoint
        ask(cache, piece(MIN, "a"), piece(10, "b", "5m"), now_s=at_s)
    assert ask(cache, short, long, now_s=500)[1] == MIN + 10
    assert ask(cache, short, now_s=501)[1] == 0


def test_the_cache_is_bounded() -> None:
    """The prefix not used for longest goes first."""
    cache = PromptCache()
    for number in range(ENTRIES_MAX):
        ask(cache, Piece("system", f"{number:08d}" * MIN, {"type": "ephemeral"}))
    kept = Piece("system", f"{0:08d}" * MIN, {"type": "ephemeral"})
    assert ask(cache, kept)[1] > 0
    assert ask(cache, piece(MIN, "new", "5m"))[1] == 0
    assert len(cache) == ENTRIES_MAX
    assert counts(cache.split(MODEL, [kept], 0))[1] > 0
    assert (
        counts(cache.split(MODEL, [Piece("system", f"{1:08d}" * MIN, {"type": "ephemeral"})], 0))[1]
        == 0
    )


PROMPTS = st.lists(
    st.builds(
        piece,
        st.integers(1, 400),
        st.sampled_from("ab"),
        st.sampled_from([None, "5m", "1h"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(st.lists(st.tuples(PROMPTS, st.integers(0, 400)), min_size=1, max_size=12))
def test_every_token_is_paid_once_and_nothing_is_read_that_was_not_written(
    asked: list[tuple[list[Piece], int]],
) -> None:
    """Over any schedule: the parts add up to the prompt, and what is read was written within an hour before."""
    cache, now_s = PromptCache(), 0.0
    written: list[tuple[float, str]] = []
    for pieces, gap_s in asked:
        now_s += gap_s
        parts = ask(cache, *pieces, now_s=now_s)
        assert sum(parts) == sum(len(p.text) // 4 for p in pieces)
        assert min(parts) >= 0
        _, read, for_5m, for_1h = parts
        text = "".join(p.text for p in pieces)
        if read:
            assert any(past.startswith(text[: 4 * read]) for _, past in written)
        if for_5m or for_1h:
            written.append((now_s, text[: 4 * (read + for_5m + for_1h)]))
