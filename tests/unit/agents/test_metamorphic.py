"""The same market told otherwise has the same analysis, or its mirror image: by rules, by the verdict, over the fake.

Another name changes names alone; other units of price change prices alone; upside down, what rose fell, and what was
allowed to be said is refused.
"""

import json
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.answer.reading import direction_of, told_of
from agents.answer.rules import analyse, template_of
from agents.answer.verdict import Rejected, judge
from agents.ask.claude import Claude
from agents.ask.prompt import prompt_of, verdict_of
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from tests.unit.agents.answer.moments import events, larger, minutes, moment, posts, scored
from tests.unit.agents.mirrors import TURNED, flipped, renamed, scaled
from tests.unit.agents.serving import fake_claude, url_of
from topics import Aggregate

MODEL = "claude-haiku-5-5"
LOGS: dict[str, tuple[list[Aggregate], tuple[str, ...]]] = {
    "fall": ([*minutes(96.0, 30.0), *larger(97.0, 99.0), *posts(12), *events(38)], ("price_drop",)),
    "thin rise": ([*minutes(104.0, 3.0), *larger(103.0, 101.0), *posts(80, 0.6)], ("price_jump",)),
    "against the hour": ([*minutes(94.5, 75.0), *larger(97.5, 103.0)], ("price_drop",)),
    "takers": ([*minutes(99.0, 18.0, taker_buy_ratio=0.72), *larger(98.6, 99.0)], ()),
    "scored": (
        [
            *(log := minutes(94.5, 75.0, realised_volatility=0.012, taker_buy_ratio=0.22))[:-1],
            scored(
                log[-1],
                log_return=(-21.4, 0.0001),
                volume=(9.7, 11.0),
                realised_volatility=(12.2, 0.0008),
                taker_buy_ratio=(-3.4, 0.51),
            ),
            *larger(95.0, 94.0),
        ],
        ("price_drop", "volume_spike"),
    ),
    "quiet": ([*minutes(100.0, 8.0), *larger(100.05, 100.1), *posts(9)], ("state_changed",)),
}
"""Development is left out where a mirror is looked at: that it went quiet is told of a rise alone."""
SENTENCES = (
    "The price fell {return_1m_usdt} to {close_1m_usdt}.",
    "The price rose {return_1m_usdt}.",
    "Volume was {volume_1m_usdt}, {volume_ratio_1m_usdt} the usual.",
    "BTC is at {close_1m_usdt} after {return_5m_usdt} over 5m.",
    "It fell by ten percent.",
    "You should buy it.",
    "{return_1w_usdt} in a week.",
)
_MIRROR = {"rose": "fell", "rise": "fall", "up": "down", "Up": "Down"}
_MIRROR |= {down: up for up, down in _MIRROR.items()}
_TURNING = re.compile(rf"\b(?:{'|'.join(_MIRROR)})\b")
WAYS = {"up": "down", "down": "up", "flat": "flat", "mixed": "mixed", "unclear": "unclear"}


def turned(text: str) -> str:
    """Return a text in which what rises falls."""
    return _TURNING.sub(lambda found: _MIRROR[found.group()], text)


def made_of(name: str) -> Candidate:
    """Return the candidate of a market as it is."""
    log, reasons = LOGS[name]
    return moment(*log, reasons=reasons)


def named_otherwise(name: str) -> Candidate:
    """Return that of another asset."""
    log, reasons = LOGS[name]
    return moment(*renamed(log, "SOL"), reasons=reasons)


def in_other_units(name: str, factor: float = 1_024.0) -> Candidate:
    """Return that of a dearer coin."""
    log, reasons = LOGS[name]
    return moment(*scaled(log, factor), reasons=reasons)


def upside_down(name: str) -> Candidate:
    """Return that of the mirror image."""
    log, reasons = LOGS[name]
    return moment(*flipped(log), reasons=tuple(TURNED.get(reason, reason) for reason in reasons))


def judged(text: str, made: Candidate) -> str:
    """Return what an answer reads, or why it is rejected."""
    body = {"headline": "As it is", "text": text, "confidence": "low"}
    answer = json.dumps(body | {"outlook": "unclear", "outlook_strength": "none"})
    # What is no deep dive may say as little as it likes: a sentence by itself is looked at.
    verdict = judge(answer, replace(made, product="state"))
    return f"<{verdict.reason}>" if isinstance(verdict, Rejected) else verdict.text


@pytest.mark.parametrize("name", LOGS)
def test_another_name_changes_names_alone(name: str) -> None:
    """The rules' words, the question but for its marker, and what becomes of every sentence."""
    made, other = made_of(name), named_otherwise(name)
    one, two = analyse(made), analyse(other)
    assert (two.headline, two.text) == (
        one.headline.replace("BTC", "SOL"),
        one.text.replace("BTC", "SOL"),
    )
    assert (two.confidence, two.outlook) == (one.confidence, one.outlook)
    asked, again = (prompt_of(c, MODEL) for c in (made, other))
    assert again.user.replace(again.canary, asked.canary) == asked.user.replace("BTC", "SOL")
    assert again.item_key != asked.item_key
    for sentence in SENTENCES:
        as_said = judged(sentence.replace("BTC", "SOL"), other)
        assert as_said == judged(sentence, made).replace("BTC", "SOL")


@pytest.mark.parametrize("name", LOGS)
def test_other_units_change_prices_alone(name: str) -> None:
    """The template, direction, outlook and every fact but the last prices; a sentence is judged as before."""
    made, other = made_of(name), in_other_units(name)
    assert template_of(told_of(other.facts)) == template_of(told_of(made.facts))
    assert direction_of(other.facts) == direction_of(made.facts)
    assert analyse(other).outlook == analyse(made).outlook
    for one, two in zip(made.facts, other.facts, strict=True):
        assert two == (replace(one, value=one.value * 1_024.0) if one.metric == "close" else one)
    for sentence in SENTENCES:
        rejected = judged(sentence, made).startswith("<")
        assert judged(sentence, other).startswith("<") == rejected


@pytest.mark.parametrize("name", LOGS)
def test_upside_down_what_rose_fell(name: str) -> None:
    """The template with its words turned, the other direction, the other outlook, as sure as before."""
    made, other = made_of(name), upside_down(name)
    if any(fact.metric == "events" for fact in made.facts):
        made, other = (replace(c, facts=_without_events(c)) for c in (made, other))
    assert turned(template_of(told_of(made.facts))) == template_of(told_of(other.facts))
    assert WAYS[direction_of(made.facts)] == direction_of(other.facts)
    one, two = analyse(made), analyse(other)
    assert one.outlook is not None
    assert two.outlook is not None
    assert two.confidence == one.confidence
    assert two.outlook == replace(one.outlook, direction=WAYS[one.outlook.direction])


def _without_events(made: Candidate) -> tuple:  # type: ignore[type-arg]
    return tuple(fact for fact in made.facts if fact.metric not in ("events", "commits"))


@pytest.mark.parametrize("name", LOGS)
def test_upside_down_the_turned_sentence_is_judged_as_the_other_was(name: str) -> None:
    """What may be said of a fall may be said of the rise that mirrors it, with the other verb, and only so."""
    made, other = made_of(name), upside_down(name)
    for sentence in SENTENCES:
        rejected = judged(sentence, made).startswith("<")
        assert judged(turned(sentence), other).startswith("<") == rejected, sentence
    if direction_of(made.facts) in ("up", "down"):
        verb = {"up": "rose", "down": "fell"}[direction_of(made.facts)]
        claim = f"The price {verb} {{return_5m_usdt}} over 5m."
        assert judged(claim, made).startswith(f"The price {verb}")
        assert judged(claim, other) == "<wrong_sign>"


@given(st.sampled_from(sorted(LOGS)), st.integers(-12, 12))
def test_by_any_power_of_two(name: str, power: int) -> None:
    """From a coin of a few cents to one of hundreds of thousands."""
    made, other = made_of(name), in_other_units(name, 2.0**power)
    assert template_of(told_of(other.facts)) == template_of(told_of(made.facts))
    assert list(slots_of(other.facts)) == list(slots_of(made.facts))


@pytest.fixture
async def model() -> AsyncIterator[Claude]:
    """The fake, over HTTP."""
    async with fake_claude() as wire:
        made = Claude(provider="anthropic", name=MODEL, base_url=url_of(wire), api_key="key")
        yield made
        await made.close()


async def test_what_the_fake_says_of_a_market_holds_of_its_transforms(model: Claude) -> None:
    """One answer each, rendered anew: with other names, other prices, the other sign; and each is asked with success."""
    for name in LOGS:
        made = made_of(name)
        answer = await answer_of(model, made)
        text = text_of(answer, made)
        renamed_answer = answer.replace("BTC", "SOL")
        assert text_of(renamed_answer, named_otherwise(name)) == text.replace("BTC", "SOL")
        for other in (named_otherwise(name), in_other_units(name), upside_down(name)):
            assert text_of(renamed_answer if other.asset == "SOL" else answer, other)
            assert text_of(await answer_of(model, other), other)


async def answer_of(model: Claude, made: Candidate) -> str:
    """Return the fake's own words about a candidate."""
    prompt = prompt_of(made, MODEL)
    reply = await model.ask(prompt, attempt_id="a/1-1", output_tokens_max=1_500, timeout_s=20)
    assert reply.text is not None
    return reply.text


def text_of(answer: str, made: Candidate) -> str:
    """Return an answer as it reads of a candidate; the verdict must take it."""
    verdict = verdict_of(answer, made, prompt_of(made, MODEL))
    assert not isinstance(verdict, Rejected), verdict
    return f"{verdict.headline}\n{verdict.text}"
