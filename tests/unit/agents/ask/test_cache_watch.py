"""That the provider's prompt cache is lost is found out by what calls used; and the prompt is long enough for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.ask.cache_watch import WATCHED_MAX, CacheWatch
from agents.ask.claude import Claude
from agents.ask.prompt import Prompt, prompt_of
from agents.ask.versions import texts
from agents.fake_claude.models import MODELS
from agents.fake_claude.prompt import tokens_of
from agents.settings import ModelSettings
from tests.unit.agents.candidates import candidate
from tests.unit.agents.serving import fake_claude, url_of
from topics import Usage

MODEL = "claude-haiku-5-5"
PLAIN, WROTE, READ = (
    Usage(input_tokens=900, output_tokens=50),
    Usage(input_tokens=100, cache_creation_input_tokens=800, output_tokens=50),
    Usage(input_tokens=100, cache_read_input_tokens=800, output_tokens=50),
)


def test_so_many_calls_in_a_row_without_the_cache_are_told_once() -> None:
    """Lost at the bound, not told again, back with the first call that writes or reads."""
    watch = CacheWatch(3)
    turns = [watch.take("m", "p-1", usage) for usage in (WROTE, PLAIN, PLAIN, PLAIN, PLAIN, READ)]
    assert turns == [None, None, None, "lost", None, "back"]
    assert watch.lost == {}
    assert watch.words() == ""


def test_a_prompt_is_watched_by_itself() -> None:
    """By each model: one that is cached says nothing of another that is too short, or of a server without a cache."""
    watch = CacheWatch(2)
    turns = [
        watch.take(*call)
        for call in (("m", "a", PLAIN), ("m", "b", READ), ("m", "a", PLAIN), ("n", "a", PLAIN))
    ]
    assert turns == [None, None, "lost", None]
    assert watch.words() == "m does not cache a (2 calls in a row)"


def test_where_there_is_no_cache_nothing_is_watched() -> None:
    """A local server has none, and its operator says so."""
    watch = CacheWatch(0)
    assert [watch.take("m", "a", PLAIN) for _ in range(9)] == [None] * 9
    assert watch.lost == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([PLAIN, WROTE, READ]))))
def test_turns_alternate_for_each_prompt(calls: list[tuple[str, Usage]]) -> None:
    """Lost, back, lost, back: nobody is told twice of one loss, nor of a cure without one."""
    watch, told = CacheWatch(2), dict[str, list[str]]()
    for version, usage in calls:
        if (turn := watch.take("m", version, usage)) is not None:
            told.setdefault(version, []).append(turn)
    for turns in told.values():
        assert turns == [("lost", "back")[at % 2] for at in range(len(turns))]


def test_the_prompts_watched_are_bounded() -> None:
    """One more, and the one not heard of for longest is forgotten."""
    watch = CacheWatch(1)
    for number in range(WATCHED_MAX + 1):
        watch.take("m", f"p-{number}", PLAIN)
    assert len(watch.lost) == WATCHED_MAX
    assert ("m", "p-0") not in watch.lost


@pytest.mark.parametrize("prompt", ["deep_dive", "state"])
def test_a_system_prompt_is_longer_than_the_least_that_is_cached(prompt: str) -> None:
    """By the fake's count, and by one that no tokenizer goes below: a word is at least one token.

    The models of before Sonnet 5 and Opus 4.6 need more than is worth writing; of them the watch says so.
    """
    text, default = texts()[prompt], MODELS[ModelSettings().name]
    assert len(text.split()) > default.cacheable_tokens_min
    assert tokens_of(text) >= 700


def test_nothing_before_the_breakpoint_varies() -> None:
    """Assets, reasons, markers and the room there is stand behind it."""
    asked = [
        prompt_of(candidate(), MODEL),
        prompt_of(candidate(asset="ETH", reasons=("price_jump",)), MODEL, 4_000),
        prompt_of(candidate(facts=()), "claude-opus-5-5"),
    ]
    assert len({prompt.system for prompt in asked}) == 1
    assert len({prompt.user for prompt in asked}) == 3


async def ask(model: Claude, watch: CacheWatch, prompt: Prompt) -> str | None:
    """Ask once, and return what the watch says."""
    reply = await model.ask(prompt, attempt_id="a/1-1", output_tokens_max=1_500, timeout_s=20)
    assert reply.usage is not None
    return watch.take(model.name, prompt.version, reply.usage)


async def test_a_prefix_that_is_too_short_is_found_out_over_the_wire() -> None:
    """The fake, as the API, caches it in silence or not at all; a long one is written, then read."""
    whole = prompt_of(candidate(), MODEL)
    short = replace(whole, system="Write JSON.", version="short-1")
    async with fake_claude() as wire:
        model = Claude(provider="anthropic", name=MODEL, base_url=url_of(wire), api_key="key")
        try:
            counted = await model._client.messages.count_tokens(
                model=MODEL, system=whole.system, messages=[{"role": "user", "content": "x"}]
            )
            assert counted.input_tokens - 1 >= 700 > MODELS[MODEL].cacheable_tokens_min
            watch = CacheWatch(3)
            assert [await ask(model, watch, whole) for _ in range(4)] == [None] * 4
            assert [await ask(model, watch, short) for _ in range(4)] == [None, None, "lost", None]
            assert await ask(model, watch, replace(whole, version="short-1")) == "back"
        finally:
            await model.close()
