"""Answers whose words are wrong: each in its own way only, and paid like any other."""

import json
from typing import Any, cast

import pytest
from anthropic import AsyncAnthropic

from agents.fake_claude.answers import answer
from agents.fake_claude.models import MODELS
from agents.fake_claude.prompt import tokens_of
from agents.fake_claude.rules import Asked, judge
from agents.fake_claude.spoiling import ADVICE, NUMBER, Spoiling

from .wire import Wire, asking

SCHEMA = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "text": {"type": "string"},
        "confidence": {"enum": ["low", "medium"]},
    },
    "required": ["headline", "text", "confidence"],
    "additionalProperties": False,
}
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}
FACTS = json.dumps({"facts": [{"slot": "ret", "label": "return"}]})


def asked(text: str = FACTS, max_tokens: int = 1_000, **changes: Any) -> Asked:
    """Return a request for a structured answer."""
    body = asking(text, max_tokens=max_tokens, output_config=FORMAT, **changes)
    return judge(body, MODELS)


def said(request: Asked, fault: Spoiling | None) -> str:
    """Return the answer's text; all of it is counted."""
    reply = answer(request, fault)
    text: str = reply.content[-1]["text"]
    assert reply.usage.output_tokens - reply.usage.thinking_tokens == tokens_of(text)
    assert reply.stop_reason == "end_turn"
    return text


@pytest.mark.parametrize(
    ("fault", "mark"),
    [("wrong_numbers", NUMBER), ("advice", ADVICE), ("other_asset", "BTC")],
)
def test_a_spoilt_text_has_its_fault_and_is_else_as_it_was(fault: Spoiling, mark: str) -> None:
    """In headline and text alike; the form stays in order, and the sound answer has none of it."""
    request = asked()
    sound, bad = json.loads(said(request, None)), json.loads(said(request, fault))
    assert bad.keys() == sound.keys()
    assert bad["confidence"] == sound["confidence"]
    for name in ("headline", "text"):
        assert bad[name].startswith(sound[name])
        assert mark in bad[name]
        assert mark not in sound[name]


def test_the_other_asset_is_one_the_request_does_not_name() -> None:
    """Else it would be no fault."""
    assert "DOGE" in said(asked("How is BTC?"), "other_asset")
    assert "SHIB" in said(asked("BTC or DOGE?"), "other_asset")


def test_prose_is_no_json() -> None:
    """A sentence where an object was asked for."""
    with pytest.raises(json.JSONDecodeError):
        json.loads(said(asked(), "prose"))


def test_another_schema_is_json_without_what_was_asked_for() -> None:
    """None of its fields is one of the schema's but one, which has another type."""
    value = json.loads(said(asked(), "wrong_schema"))
    assert not value.keys() & {"headline", "text"}
    assert value["confidence"] not in {"low", "medium"}


@pytest.mark.parametrize("max_tokens", [1_000, 20_000])
def test_a_huge_answer_fills_what_it_may_and_is_whole(max_tokens: int) -> None:
    """Nearly all of max_tokens, thinking included, and never cut."""
    request = asked(max_tokens=max_tokens)
    json.loads(said(request, "huge"))
    used = answer(request, "huge").usage.output_tokens
    assert max_tokens - 20 <= used <= max_tokens
    plain = judge(asking(max_tokens=max_tokens), MODELS)
    assert max_tokens - 20 <= answer(plain, "huge").usage.output_tokens <= max_tokens


def test_plain_text_is_spoilt_by_a_sentence_after_it() -> None:
    """Where no structure was asked for."""
    request = judge(asking(), MODELS)
    assert said(request, "advice").endswith(ADVICE)


def test_a_text_that_has_no_room_is_cut_like_any_other() -> None:
    """Spoilt or not."""
    reply = answer(asked(max_tokens=200), "prose")
    full = reply.usage.output_tokens
    cut = answer(asked(max_tokens=full - 1), "prose")
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", full - 1)


async def test_a_spoilt_answer_is_on_the_bill_with_its_fault(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """It is an answer: delivered, and charged for all its words."""
    await wire.play({"requests": [1, None], "fault": "prose"})
    body: Any = asking(output_config=FORMAT)
    told = cast("Any", await client.messages.create(**body))
    (entry,) = (await wire.bill())["entries"]
    assert (entry["fault"], entry["charged"], entry["delivered"]) == ("prose", True, True)
    assert entry["usage"]["output_tokens"] == told.usage.output_tokens
