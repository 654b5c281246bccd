"""How posts sound, and which lexicon says so."""

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social import tone as module
from streams.collectors.social.tone import WORDS_MAX, Tone, tone
from topics.units import NAME_PATTERN


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("diamond hands, to the moon", 0.5, 1),
        ("got rekt by another rug pull", -1, -0.7),
        ("this is not a rug pull", 0.1, 1),
        ("bitcoin block 800000 was mined", 0, 0),
        ("hard fork at block 100", 0, 0),
        ("$TRUST $FUN #love @hero https://scam.example/dead", 0, 0),
        ("\U0001f680\U0001f680\U0001f680", 0.3, 1),
        ("BTC is down bad", -1, -0.3),
        ("", 0, 0),
    ],
)
def test_crypto_words_are_heard(text: str, low: float, high: float) -> None:
    assert low <= tone().of(text, "en") <= high


def test_in_another_language_only_what_is_known_everywhere_is_heard() -> None:
    assert tone().of("die Kurse sind kein Problem", "de") == 0
    assert tone().of("Bitcoin geht to the moon \U0001f680", "de") > 0.4
    assert tone().of("die Kurse", "en") < 0


@given(st.text(max_size=1_000), st.sampled_from(["en", "de", "und"]))
def test_it_is_always_within_its_range(text: str, language: str) -> None:
    assert -1 <= tone().of(text, language) <= 1


def test_the_version_follows_the_contents_of_the_lexicon(monkeypatch: pytest.MonkeyPatch) -> None:
    version = tone().version
    assert re.match(NAME_PATTERN, version)
    assert version == Tone().version
    lexicon = files(module.__package__).joinpath("lexicon.tsv").read_text("utf-8")
    longer = f"{lexicon}zzz\t1.0\n"

    class Other:
        def joinpath(self, _: str) -> "Other":
            return self

        def read_text(self, _: str) -> str:
            return longer

    monkeypatch.setattr(module, "files", lambda _: Other())
    changed = Tone()
    assert changed.version != version
    assert changed.of("zzz", "en") > 0


def test_the_words_heard_are_bounded() -> None:
    words = "but " * WORDS_MAX
    assert tone().of(words + "rekt", "en") == 0
    assert tone().of("x " * (WORDS_MAX - 1) + "rekt", "en") < 0
