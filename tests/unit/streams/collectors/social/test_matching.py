"""Which assets posts name: bounds over the labelled texts, and the rules one by one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.matching import Matcher
from streams.collectors.social.names import name_table
from streams.collectors.social.normalising import normalised
from tests.social_matching import labelled, report, scores

MATCHER = Matcher()


def named(text: str) -> tuple[str, ...]:
    return MATCHER.assets_of(normalised(text))


@pytest.mark.parametrize("held_out", [False, True])
def test_precision_and_recall_keep_their_bounds(held_out: bool) -> None:
    found = scores(text for text in labelled() if text.held_out == held_out)
    assert found["overall"].precision >= 0.95, found["overall"].mistakes
    assert found["overall"].recall >= 0.95, found["overall"].mistakes
    for kind, score in found.items():
        assert score.precision >= 0.9, (kind, score.mistakes)
        assert score.recall >= 0.9, (kind, score.mistakes)


def test_the_fixture_is_large_and_a_third_is_held_out() -> None:
    texts = list(labelled())
    assert len(texts) >= 300
    assert sum(text.held_out for text in texts) >= 100
    assert {text.language for text in texts} == {"en", "de", "es", "fr", "ja"}
    known = set(name_table().assets)
    assert all(text.assets <= known for text in texts)
    assert len({text.text for text in texts}) == len(texts)
    assert sum(line.startswith("overall") for line in report()) == 2


@pytest.mark.parametrize(
    ("text", "assets"),
    [
        ("San Francisco has a crypto meetup", ()),
        ("click the link to buy crypto", ()),
        ("LINK is my largest bag", ("LINK",)),
        ("link is my largest bag", ()),
        ("buy sol now", ("SOL",)),
        ("el sol sale, compra bitcoin", ("BTC",)),
        ("READ THE LINK NOW FOR CRYPTO", ()),
        ("ETH/BTC is at a low", ("ETH",)),
        ("BTC/USDT and SOLUSDT", ("BTC", "SOL")),
        ("SETH and SUSD are no pairs", ()),
        ("bitcoin cash is not what it was", ("BCH",)),
        ("btc and bitcoin cash", ("BCH", "BTC")),
        ("$DASH beats, DoorDash shares up", ()),
        ("$DASH is a crypto coin, stock people", ("DASH",)),
        ("https://x.example/bitcoin @ethereum eth@mail.example", ()),
        ("", ()),
    ],
)
def test_rules(text: str, assets: tuple[str, ...]) -> None:
    assert named(text) == assets


@pytest.mark.parametrize(
    "text",
    [
        "$B\u200bT\u200bC",
        "\u202e$BTC",
        "$\u0412\u0422\u0421",  # Cyrillic
        "$\u0392\u03a4C",  # Greek
        "\u0412\u0422\u0421 now",
        "\U0001d401\U0001d413\U0001d402 now",  # mathematical bold
        "\uff22\uff34\uff23",  # full width
        "\U0001f171\U0001f183\U0001f172",  # white on black squares
        "b\u0336t\u0336c\u0336",  # struck through
        "B\U000e0054T\U000e0043C",  # tag characters
        "\u20bf is up",
    ],
)
def test_disguises_do_not_hide_a_name(text: str) -> None:
    assert named(text) == ("BTC",)


def test_other_alphabets_are_not_taken_for_latin() -> None:
    assert named("\u0441\u043e\u043b\u043d\u0446\u0435 \u0441\u0432\u0435\u0442\u0438\u0442") == ()
    assert named("\u0432\u0430\u0448 \u0431\u0438\u0442\u043a\u043e\u0438\u043d") == ("BTC",)


def test_only_the_assets_that_are_asked_for_are_returned_and_the_rest_still_is_context() -> None:
    matcher = Matcher(["LINK", "XYZ"])
    assert matcher.assets_of("LINK and bitcoin") == ("LINK",)
    assert matcher.assets_of("$XYZ XYZ/USDT") == ("XYZ",)
    assert matcher.assets_of("crypto XYZ") == ()
    assert matcher.assets_of("BTC") == ()


def test_every_cashtag_and_every_name_of_the_table_is_found() -> None:
    for asset, said in name_table().assets.items():
        assert asset in named(f"${asset} crypto"), asset
        for name in (*said.names, *said.loose):
            assert asset in named(f"crypto {name} crypto"), (asset, name)


def test_what_is_excluded_is_excluded() -> None:
    for asset, said in name_table().assets.items():
        for phrase in said.not_:
            assert asset not in named(f"crypto {phrase} crypto"), (asset, phrase)


@given(st.text(max_size=400))
def test_whatever_is_written_it_answers_with_known_assets_in_order(text: str) -> None:
    assets = named(text)
    assert list(assets) == sorted(set(assets))
    assert set(assets) <= set(name_table().assets)


def test_thousands_of_posts_a_second() -> None:
    """The bound is a tenth of what a quiet machine does."""
    texts = [normalised(text.text) for text in labelled()] * 5
    begun_s = time.process_time()
    for text in texts:
        MATCHER.assets_of(text)
    assert len(texts) / (time.process_time() - begun_s) > 3_000
