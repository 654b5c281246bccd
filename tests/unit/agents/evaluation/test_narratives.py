"""Narratives: how many texts, how common the commonest, and what rules say of the same candidates."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.answer.rules import analyse
from agents.evaluation import narratives as module
from agents.evaluation.forecast import candidate_of
from agents.evaluation.narratives import Narratives, Texts, words_of
from topics import Analysis

from .planted import said
from .test_drift import decision


def state(hour: int, text: str, **changes: Any) -> Analysis:
    return said(hour, product="state", analysis_id=f"state/BTC/{hour}/0", text=text, **changes)


def test_texts_are_told_apart_with_and_without_what_is_the_moments() -> None:
    """Numbers and the asset's names are not the narrator's words; the length of a window is."""
    told = Narratives()
    for hour, text in enumerate(
        (
            "BTC rose +1.20% over 5m to 1,234.5 USDT.",
            "BTC rose +0.30% over 5m to 99 USDT.",
            "BTC rose +0.30% over 1h to 99 USDT.",
        )
    ):
        told.take_analysis(state(hour, text, origin="cache", origin_reason="hit_l1"))
    assert (told.said.total, told.said.distinct, told.said_words.distinct) == (3, 3, 2)
    found = told.said_words.commonest
    assert found is not None
    text, share = found
    assert text == "@ rose #% over 5m to # @."
    assert share == pytest.approx(2 / 3)
    assert told.rules.total == 3
    assert told.origins == {"cache": 3}


def test_what_rules_would_have_said_is_held_beside_it() -> None:
    """Who says the rules' own words adds nothing."""
    told = Narratives(examples_max=1)
    rules = analyse(candidate_of(state(0, "x"))).text
    told.take_analysis(state(0, rules))
    told.take_analysis(state(1, "Something else."))
    assert told.same_words == 1
    (example,) = told.examples
    assert (example.text, example.rules) == (rules, rules)


def test_what_rules_had_to_say_is_counted_by_why() -> None:
    """A narrative that did not fit the moment, an answer that could not be used; other products are not narratives."""
    told = Narratives()
    for hour, reason in enumerate(("render_rejected", "render_rejected", "advice", "breaker_open")):
        told.take_analysis(state(hour, "x", origin="rules", origin_reason=reason))
    told.take_analysis(said(9))
    told.take_analysis(state(10, "x", status="withdrawn"))
    assert (told.render_rejections, told.rejected_answers) == (2, {"advice": 1})
    assert told.origins == {"rules": 4}
    assert told.said.total == 0
    assert told.said.commonest is None
    told.take_decision(decision(0, "x"))
    told.take_decision(replace(decision(1, "x"), product="state"))
    assert told.as_json()["decisions"] == {"rules": 1}


@given(st.lists(st.sampled_from("abcdef")))
def test_texts_are_counted_as_a_list_is(told: list[str]) -> None:
    """Against a plain count."""
    texts = Texts()
    new = [texts.take(text) for text in told]
    assert (texts.total, texts.distinct) == (len(told), len(set(told)))
    assert sum(new) == len(set(told))
    if told:
        assert texts.commonest is not None
        text, share = texts.commonest
        assert told.count(text) == max(map(told.count, told)) == pytest.approx(share * len(told))


def test_texts_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are known go on being counted as themselves."""
    monkeypatch.setattr(module, "TEXTS_MAX", 2)
    texts = Texts()
    for text in "abcda":
        texts.take(text)
    assert (texts.total, texts.distinct, texts.beyond) == (5, 2, 2)
    assert texts.commonest == ("a", 2 / 5)


def test_words_are_what_is_left_of_a_text() -> None:
    """A ratio, a time, a sign, a power of ten; a name within a word stays."""
    text = "BTC  at 12:05 UTC: volume 3.1x usual, -0.5%, 1.2e-05 BTC/USDT, BTCs, Q3"
    assert words_of(text, said(0)) == "@ at #:# UTC: volume #x usual, #%, # @, BTCs, Q3"
