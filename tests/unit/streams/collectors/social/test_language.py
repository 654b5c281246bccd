"""What language a post is in."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.language import language_of


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (("en",), "en"),
        (("pt-BR", "en"), "pt"),
        (("EN_us",), "en"),
        (("", "x", "not a tag", "yue"), "yue"),
        (("und", "de"), "de"),
        (("en\n",), "und"),
        (("e" * 40,), "und"),
    ],
)
def test_what_the_platform_says_goes_first(tags: tuple[str, ...], code: str) -> None:
    assert language_of("hi", tags) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I think the market will go down again tomorrow morning", "en"),
        ("Ich glaube nicht, dass der Kurs heute noch einmal steigt", "de"),
        ("Creo que el mercado va a subir otra vez esta semana", "es"),
        ("Je pense que le cours va encore baisser cette semaine", "fr"),
        (
            "\u30d3\u30c3\u30c8\u30b3\u30a4\u30f3\u304c\u4e0b\u304c\u308a\u3059\u304e\u3066\u8349",
            "ja",
        ),
        ("gm frens", "und"),
        ("$BTC $ETH $SOL $DOGE #bitcoin #ethereum @someone https://en.example/a/b", "und"),
        ("", "und"),
    ],
)
def test_else_it_is_guessed_unless_there_is_too_little(text: str, code: str) -> None:
    assert language_of(text, ()) == code


@given(st.text(max_size=200), st.lists(st.text(max_size=8), max_size=3))
def test_it_is_always_a_code(text: str, tags: list[str]) -> None:
    code = language_of(text, tuple(tags))
    assert code.isascii()
    assert code.islower()
    assert 2 <= len(code) <= 3


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    asked = (
        "import sys, streams.collectors.social.enriching, streams.collectors.social.rss;"
        "print([m for m in ('py3langid', 'vaderSentiment', 'feedparser') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)  # noqa: S603 - our own program
    assert told.stdout.strip() == b"[]"
