"""The model's answer: what is accepted is rendered, and each thing that is not has its reason."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.answer.verdict import ANSWER_SCHEMA, Answer, Rejected, judge
from agents.answer.words import HEADLINE_MAX, OUTLOOK_MS, TEXT_MAX, Words
from agents.decide.candidate import Candidate
from agents.decide.context import Noted
from agents.decide.facts import earlier_facts
from agents.decide.printing import printed
from tests.strategies.aggregates import calm, holed, market
from tests.unit.agents.candidates import candidate, candidate_of
from topics import Outlook

MADE = candidate()
GOOD = {
    "headline": "BTC fell {return_1m_usdt} in a minute",
    "text": "BTC fell {return_1m_usdt} to {close_1m_usdt} on {volume_ratio_1m_usdt} its usual volume.",
    "confidence": "medium",
    "outlook": "down",
    "outlook_strength": "slight",
}


def answer(**changes: object) -> str:
    """Return a good answer with these changes."""
    return msgspec.json.encode(GOOD | changes).decode()


def reason_of(text: str) -> str:
    """Return why an answer's text is not used, or `accepted`."""
    verdict = judge(answer(text=text), MADE)
    return verdict.reason if isinstance(verdict, Rejected) else "accepted"


def test_a_good_answer_is_rendered() -> None:
    """Every slot becomes the printed fact; the outlook gets its odds; code says what the words rest on."""
    assert judge(answer(), MADE) == Words(
        headline="BTC fell 4.00% in a minute",
        text="BTC fell 4.00% to 96 USDT on 3.0x its usual volume.",
        confidence="medium",
        confidence_basis="the model's own, capped at medium",
        outlook=Outlook(direction="down", horizon_ms=OUTLOOK_MS, probability=0.55),
    )


@pytest.mark.parametrize(("strength", "odds"), [("none", 0.5), ("slight", 0.55), ("clear", 0.65)])
def test_the_odds_are_by_strength(strength: str, odds: float) -> None:
    """The model says a word, code says the number."""
    verdict = judge(answer(outlook_strength=strength), MADE)
    assert isinstance(verdict, Words)
    assert verdict.outlook is not None
    assert verdict.outlook.probability == odds


def test_nobody_is_sure() -> None:
    """High is taken as medium; what is wrong with the data is the basis."""
    poor = candidate_of([*calm(12), market(number=12, last=96.0, completeness=holed("okx"))])
    for said, kept in (("high", "medium"), ("medium", "medium"), ("low", "low")):
        named = f"{GOOD['text']} Data are missing from okx."
        verdict = judge(answer(confidence=said, text=named), poor)
        assert isinstance(verdict, Words)
        assert verdict.confidence == kept
        assert verdict.confidence_basis == "data are missing from okx"


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        "{}",
        answer(headline=""),
        answer(headline=" "),
        answer(text="\n"),
        answer(headline="h" * 121),
        answer(text="t" * 2_001),
        answer(confidence="certain"),
        answer(outlook="sideways"),
        answer(outlook_strength=None),
        answer(extra="field"),
        answer()[:-1],
        answer() + answer(),
        answer(text=5),
        '{"headline": "\ud800"}',
        "[" * 100_000,
        '{"x":' * 50_000,
    ],
)
def test_what_is_not_the_schema_is_a_break(text: str) -> None:
    """Lengths included, which the server does not hold to."""
    verdict = judge(text, MADE)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "schema_break"
    assert verdict.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It fell {return_5m_usdt}.", "unknown_slot"),
        ("It fell {return_1m_usd}.", "unknown_slot"),
        ("It fell {return_1m_usdt.", "broken_slot"),
        ("It fell return_x}.", "broken_slot"),
        ("It fell {Return_1m_usdt}.", "broken_slot"),
        ("It fell { return_1m_usdt }.", "broken_slot"),
        ("It fell {{return_1m_usdt}}.", "broken_slot"),
        ("It fell {return_1m_usdt!r}.", "broken_slot"),
        ("It fell {}.", "broken_slot"),
        ("It fell 4%.", "ungrounded_number"),
        ("It fell ٤ percent.", "ungrounded_number"),
        ("It fell \uff14 percent.", "ungrounded_number"),
        ("It fell ½ percent.", "ungrounded_number"),
        ("It fell x² fast.", "ungrounded_number"),
        ("It fell Ⅳ percent.", "ungrounded_number"),
        ("It fell 四 percent.", "ungrounded_number"),
        ("BTC2 fell.", "ungrounded_number"),
        ("Buy now.", "advice"),
        ("It is time for buying.", "advice"),
        ("SELL!", "advice"),
        ("Our target is near.", "advice"),
        ("Set a stop-loss.", "advice"),
        ("Long positions gain.", "advice"),
        ("See https://evil.example/x.", "link"),
        ("See ftp://evil.", "link"),
        ("See evil.com.", "link"),
        ("See t.me/pump.", "link"),
        ("See www evil.", "link"),
        ("Follow @pump.", "link"),
        ("Write to a@b.io.", "link"),
        ("It <b>fell</b>.", "odd_character"),
        ("It **fell**.", "odd_character"),
        ("It `fell`.", "odd_character"),
        ("It [fell](x).", "odd_character"),
        ("It fell\u202e.", "odd_character"),
        ("B\u200buy.", "odd_character"),
        ("It fell \x1b.", "odd_character"),
        ("It fell \U0001f680.", "odd_character"),
        ("\u0412uy it.", "odd_character"),
        ("\uff42\uff55\uff59 it.", "odd_character"),
        ("#pump it.", "odd_character"),
    ],
)
def test_each_thing_that_is_not_said_has_its_reason(text: str, reason: str) -> None:
    """Whether a mistake or an attack; in the headline as in the text."""
    assert reason_of(text) == reason
    verdict = judge(answer(headline=text), MADE)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == reason
    assert len(verdict.message) < 200


@pytest.mark.parametrize(
    "text",
    [
        "It fell {return_1m_usdt}; takers bought {taker_buy_ratio_1m_usdt} of it.",
        "The price held, though volume came to {volume_1m_usdt}\u2014a lot.",
        "Why? Unclear: history is \u201cshort\u201d (fewer than ten windows), i.e. thin & noisy!",
        "First paragraph.\nSecond paragraph, naïve as it is.",
        "A seller's market, or a buyer's? It rebounded from the low.",
        "BTC/USDT fell within one minute.",
    ],
)
def test_plain_english_is_accepted(text: str) -> None:
    """No rule stands in the way of an honest sentence."""
    assert reason_of(text) == "accepted"


CRASH = Noted(market(number=10, low=88.0, last=90.0), {})
AFTERWARDS = candidate(facts=(*earlier_facts([CRASH]), *candidate().facts))
BEFORE = "{return_1m_usdt_earlier}"


def test_what_was_in_an_earlier_window_is_never_read_as_of_now() -> None:
    """Its time is written with its number, whatever the model writes around it."""
    said = judge(answer(text=f"The price fell {BEFORE}, which is now over."), AFTERWARDS)
    assert isinstance(said, Words)
    assert said.text == "The price fell 10.00% (1m to 08:11 UTC), which is now over."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"The price fell {BEFORE} over one minute.", None),
        (f"The price fell {BEFORE} over the last minute.", "wrong_window"),
        (f"The price fell {BEFORE} in the past minute.", "wrong_window"),
        (f"The price fell {BEFORE} in the Latest minute.", "wrong_window"),
        (f"The price rose {BEFORE}.", "wrong_sign"),
        ("It fell to {close_1m_usdt_earlier}.", None),
        ("It rose to {close_1m_usdt_earlier}.", "wrong_sign"),
        ("The price rose.", "wrong_sign"),
    ],
)
def test_what_is_claimed_is_held_against_its_own_window(text: str, reason: str | None) -> None:
    """A direction without a number is one of now."""
    rose = candidate_of([*calm(12), market(number=12, last=104.0)])
    for made in (AFTERWARDS, shown_in(rose, CRASH)):
        said = judge(answer(headline="What was", text=text), made)
        found = said.reason if isinstance(said, Rejected) else None
        assert found == (None if text == "The price rose." and made is not AFTERWARDS else reason)
    fell = judge(answer(headline="What was", text="The price fell."), shown_in(rose, CRASH))
    assert isinstance(fell, Rejected)


def shown_in(made: Candidate, window: Noted) -> Candidate:
    """Return a candidate that shows a window which is not the latest."""
    return replace(made, facts=(*earlier_facts([window]), *made.facts))


def test_an_asset_may_have_a_digit_in_its_name() -> None:
    """Its own name only, as a word; a name of digits alone cannot be told from a number."""
    named = {"1INCH": "1INCH/USDT fell.", "0X": "0X fell; 0X's volume rose.", "X2Y2": "X2Y2 fell."}
    for asset, text in named.items():
        assert isinstance(judge(answer(text=text), candidate(asset=asset)), Words), asset
    for asset, text in {"1INCH": "A1INCH fell.", "0X": "0X0 fell.", "1": "It fell 1%."}.items():
        verdict = judge(answer(text=text), candidate(asset=asset))
        assert isinstance(verdict, Rejected)
        assert verdict.reason == "ungrounded_number", asset


def test_a_headline_or_text_too_long_once_filled_is_refused() -> None:
    """The bounds are of what is published, and hold at their edges."""
    long = candidate(
        facts=tuple(msgspec.structs.replace(f, unit="U" * 24, quote="u") for f in MADE.facts)
    )
    value = printed(long.facts[1])
    for spare, whole in ((HEADLINE_MAX - len(value), True), (HEADLINE_MAX - len(value) + 1, False)):
        verdict = judge(
            answer(headline=("ab " * spare)[:spare] + "{close_1m_u}", text="x"),
            long,
        )
        assert isinstance(verdict, Words) is whole
        if isinstance(verdict, Rejected):
            assert verdict.reason == "too_long"
    most = (TEXT_MAX + 2) // (len(value) + 2)
    for count, whole in ((most, True), (most + 1, False)):
        verdict = judge(answer(headline="x", text="; ".join(["{close_1m_u}"] * count)), long)
        assert isinstance(verdict, Words) is whole
        if isinstance(verdict, Rejected):
            assert verdict.reason == "too_long"


def test_the_schema_says_what_is_checked() -> None:
    """Flat, all required, closed, and the same words as the decoder's."""
    generated = msgspec.json.schema(Answer)["$defs"]["Answer"]
    told = ANSWER_SCHEMA["properties"]
    assert isinstance(told, dict)
    assert ANSWER_SCHEMA["required"] == generated["required"] == list(told)
    assert ANSWER_SCHEMA["additionalProperties"] is generated["additionalProperties"] is False
    for name, field in generated["properties"].items():
        assert sorted(told[name].get("enum", [])) == sorted(field.get("enum", []))
        assert told[name]["type"] == "string"


@given(st.text(max_size=200), st.text(max_size=60))
def test_whatever_is_said_is_judged(text: str, headline: str) -> None:
    """Any text is refused with a reason or rendered without a brace, a digit of its own or a link."""
    for said in (text, answer(text=text, headline=headline)):
        verdict = judge(said, MADE)
        if isinstance(verdict, Words):
            assert not set("{}<>`") & set(verdict.text + verdict.headline)
            assert len(verdict.text) <= TEXT_MAX
        else:
            assert verdict.reason


@given(
    st.lists(
        st.sampled_from([*"{}_ .@1aB:/", "return_1m_usdt", "buy", "BTC", "close_1m_usdt"]),
        max_size=30,
    )
)
def test_no_digit_gets_through_but_by_a_slot(parts: list[str]) -> None:
    """Whatever is put together of braces and names, the digits of a rendered text are those of facts."""
    verdict = judge(answer(text="".join(parts) or "x"), MADE)
    if isinstance(verdict, Words):
        bare = verdict.text.replace("-4.00%", "").replace("96 USDT", "")
        assert not any(char.isdigit() for char in bare)
        assert "{" not in verdict.text
