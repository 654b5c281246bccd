"""What people read, and that nothing in it that came through a topic does anything."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.notify.lane import Message
from streams.serving.notify.notice import Entry, entry_of, of_analysis, of_mute_end
from streams.serving.notify.wording import (
    TEXT_CHARS_MAX,
    TITLE_CHARS_MAX,
    letter_of,
    link_of,
    neutral,
    trial,
)
from tests.hostile.corpus import HOST, MARK, TEXTS, Text

from .alerts import NOW_MS, alert, analysis, entry

DASHBOARD = "http://127.0.0.1:8080"


def message(*entries: Entry, form: str = "sent") -> Message:
    """Return a message of these."""
    return Message(form=form, entries=entries, begun_ms=NOW_MS)  # type: ignore[arg-type]


def harmful(text: str) -> list[str]:
    """Return what in a text a phone, a chat or a terminal would act upon."""
    found = re.findall(r"@|<|>|://|`|\*|~~|\|\||\]\(|[\[]http", text)
    found += re.findall(rf"(?i){re.escape(HOST)}|javascript:|mailto:", text)
    return found + [
        c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")
    ]


def test_a_firing_alert_says_what_since_when_where_to_look_and_under_which_key() -> None:
    """In this order, for whoever reads the first line only."""
    one = entry(severity="critical")
    letter = letter_of(message(one), DASHBOARD)
    assert letter.title == "CRITICAL: BTC/USD fell by 5.2 % in 5 min"
    assert letter.text.splitlines() == [
        "The rule price_fall for BTC/USD, severity critical.",
        "It fires since 2026-09-21 14:13:20Z.",
        "Open: http://127.0.0.1:8080/alerts/price_fall/BTC/USD/1790000000000",
        f"ref {one.key}",
    ]


def test_a_retraction_says_in_words_that_the_alert_never_should_have_been() -> None:
    """It is not the same as an alert that is over."""
    over = letter_of(message(entry(alert(state="cleared", transition=2))), "")
    back = letter_of(message(entry(alert(state="retracted", transition=2))), "")
    assert over.title.startswith("Over: ")
    assert back.title.startswith("Taken back: ")
    assert "the data were revised" in back.text
    assert "would not have fired" in back.text


def test_missing_data_are_named() -> None:
    """Of an alert that holds all the same, and of a rule that cannot be judged."""
    degraded = letter_of(message(entry(degraded=True, missing=["kraken"])), "")
    assert "Data are missing (kraken); what was seen proves it all the same." in degraded.text
    gap = letter_of(message(entry(kind="data_gap", missing=["kraken"])), "")
    assert "Missing data: the rule price_fall cannot be judged for BTC/USD" in gap.text
    assert "proves" not in gap.text


def test_many_firings_are_counted_and_the_worst_five_named() -> None:
    """With a link to all of them, and every key."""
    many = [
        entry(subject=f"C{n}/USD", severity="critical" if n == 7 else "warning") for n in range(9)
    ]
    ended = entry(alert(subject="OLD/USD", state="cleared", severity="critical", transition=2))
    letter = letter_of(message(*many, ended), DASHBOARD)
    assert letter.title == "CRITICAL: price_fall, 9 firing, 1 over"
    lines = letter.text.splitlines()
    assert lines[1] == "- firing: C7/USD fell by 5.2 % in 5 min"
    assert lines[2] == "- over: OLD/USD fell by 5.2 % in 5 min"
    assert lines[6:8] == ["and 5 more", f"Open: {DASHBOARD}/alerts"]
    assert all(one.key in lines[8] for one in many)


def test_a_digest_says_what_was_held_back_by_rule() -> None:
    """Each rule counted, the worst named."""
    held = [entry(rule=f"rule_{n % 10}", subject=f"C{n}/USD") for n in range(30)]
    letter = letter_of(message(*held, form="digest"), "")
    assert letter.title == "WARNING: 30 held back, the hour's messages were used up"
    assert "rule_0: 3 firing." in letter.text
    assert "2 more rules: 6 firing." in letter.text
    assert "and 25 more" in letter.text
    assert "+10" in letter.text


def test_an_analysis_says_whose_words_they_are() -> None:
    """The model's, simulated or not, or the rules'; and whether it still stands."""
    of = alert()
    told = {}
    for origin, status, simulated in (
        ("model", "current", True),
        ("rules", "withdrawn", False),
        ("cache", "superseded", False),
    ):
        made = analysis(of.alert_id, origin=origin, status=status, simulated=simulated)
        step = of_analysis(of, made, logged_ms=NOW_MS, place=None, value=b"")
        told[origin] = letter_of(message(entry_of(step, "phone")), "").text
    assert "a model's words, and that model is simulated; confidence medium" in told["model"]
    assert "by rules, no model was asked" in told["rules"]
    assert "This is withdrawn" in told["rules"]
    assert "This has been replaced." in told["cache"]


def test_the_analysis_of_an_alert_shares_the_first_part_of_its_key() -> None:
    """A program on the other side knows what belongs together; another receiver's keys are others."""
    of = alert()
    step = of_analysis(of, analysis(of.alert_id), logged_ms=NOW_MS, place=None, value=b"")
    first, second = entry(of).key.split("."), entry_of(step, "phone").key.split(".")
    assert first[0] == second[0]
    assert (first[1:], second[1]) == (["firing", "1"], "analysis")
    assert entry_of(step, "desk").key.split(".")[0] != first[0]


def test_the_end_of_a_mute_says_that_the_alert_fires_still() -> None:
    """Once: its key has the mute's end."""
    one = entry_of(of_mute_end(alert(), NOW_MS + 5), "phone")
    letter = letter_of(message(one), "")
    assert letter.title.startswith("Still firing: ")
    assert "the mute is over" in letter.text
    assert one.key.endswith(f".still_firing.{NOW_MS + 5}")


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda text: text.name)
def test_hostile_text_is_only_read(hostile: Text) -> None:
    """As a headline, a subject, and a model's words; in a message about one, about many, and in a digest."""
    made = alert(subject=hostile.text[:74], headline=hostile.text[:200], asset="BTC")
    words = analysis(made.alert_id, headline=hostile.text[:120], text=hostile.text)
    step = entry_of(of_analysis(made, words, logged_ms=NOW_MS, place=None, value=b""), "phone")
    other = entry(subject="ETH/USD")
    for found in (
        message(entry(made)),
        message(step),
        message(entry(made), other),
        message(entry(made), other, form="digest"),
    ):
        letter = letter_of(found, "")
        assert MARK in letter.text or MARK in letter.title
        assert harmful(letter.title) == harmful(letter.text) == []
        assert "\n" not in letter.title


def test_a_link_holds_nothing_of_an_ids_own_making() -> None:
    """It is quoted: the only link in a message leads to the dashboard."""
    one = entry(alert(alert_id="x/@a?b#c d\n<e>"))
    assert link_of([one], DASHBOARD) == f"{DASHBOARD}/alerts/x/%40a%3Fb%23c%20d%0A%3Ce%3E"


@pytest.mark.parametrize("text", ["1.5 % at 12:30:05", "BTC/USD:USDT", "price_fall", "-0.25"])
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    """Numbers, times, instruments and names of rules."""
    assert neutral(text, 100) == text


@given(st.text(max_size=300), st.integers(100, 3_000))
def test_a_letter_fits_and_ends_with_its_key(headline: str, text_max: int) -> None:
    """Whatever is in it, and however little the receiver takes."""
    one = entry(alert(headline=headline or "x"))
    letter = letter_of(message(one), "", text_max)
    assert len(letter.title) <= TITLE_CHARS_MAX
    assert len(letter.text) <= min(text_max, TEXT_CHARS_MAX)
    assert letter.text.endswith(f"ref {one.key}")
    assert harmful(letter.title) == harmful(letter.text) == []


def test_a_test_message_says_that_nothing_has_happened() -> None:
    """Or somebody would get up at night."""
    assert "Nothing has happened." in trial("phone").text
