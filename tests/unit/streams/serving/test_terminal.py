"""The screen at the widths people have, with what they must see and nothing that could hurt them."""

import io
import re
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from streams.serving.health import Rates
from streams.serving.terminal import ALERTS, ROWS, screen
from streams.serving.view import View
from tests.strategies import aggregates
from tests.strategies.contracts import any_event
from topics import KINDS, Aggregate, Alert, Analysis, Control, FeedStatus, Status
from topics.units import EPOCH_MS_MAX

from .test_view import analysis, feed, golden, status

NOW_MS = aggregates.BASE_MS + 10 * 60_000
WIDTHS = (80, 100, 120)
TITLE = "Tapereader demo: a recorded and an invented market at 60 times their speed"
MODEL = "anthropic/claude-haiku-5-5"
HOSTILE = "\x1b[31m[bold]\u202ex\u202c\n\x9b2J\u200b[link=http://a]\x07\r"


def painted(
    view: View,
    width: int = 80,
    *,
    now_ms: int = NOW_MS,
    event_now_ms: int | None = None,
    color: bool = False,
    height: int = 40,
    **rates: Any,
) -> str:
    """Return the screen as text."""
    told: dict[str, Any] = {"events_per_s": 95.4, "title": TITLE, "hint": "Ctrl-C ends it."} | rates
    event_now_ms = now_ms if event_now_ms is None else event_now_ms
    console = Console(
        width=width,
        file=io.StringIO(),
        force_terminal=color,
        color_system="standard" if color else None,
    )
    console.print(
        screen(view, Rates(now_ms=now_ms, event_now_ms=event_now_ms, **told), width, height)
    )
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def row(text: str, label: str) -> str:
    """Return what stands behind a label."""
    (found,) = [line for line in text.splitlines() if line.startswith(label)]
    return found[len(label) :].strip()


def part(role: str, name: str, state: str = "running", words: str = "", **changes: Any) -> Status:
    """Return what a part says now."""
    fields: dict[str, Any] = {
        "role": role,
        "state": state,
        "words": words,
        "measures": {},
        "at_ms": NOW_MS,
    }
    return status(name, **fields | changes)


def reading(number: int, **changes: Any) -> Analysis:
    """Return an analysis of two minutes ago."""
    fields = {
        "as_of_ms": NOW_MS - 120_000,
        "produced_ms": number,
        "valid_until_ms": NOW_MS + 600_000,
    }
    return analysis(number, **fields | changes)


PRICES = (
    ("BTC/USDT", 64480.65, 0.13538),
    ("XRP/ETH", 0.00141873, 1100.0),
    ("1000PEPE/USDT:USDT", 0.0123456, 1234567890.0),
    ("BTC/IDR", 1612345678.0, 0.5),
    ("SHIB/USDT", 0.0000123456, 9e9),
    ("ADA/USDT", 0.4543, 7825.7),
)


def busy() -> View:
    """Return the view of a pipeline at work, with a model in trouble."""
    view = View()
    for number, (subject, price, volume) in enumerate(PRICES):
        told = (None, aggregates.holed(), aggregates.silent("binance"))[number % 3]
        view.take(
            aggregates.market(
                subject, 9, first=price * 1.01, last=price, volume=volume, completeness=told
            )
        )
    for kind, lag_ms in zip(KINDS, (34_600, 120_000, 64_600, 660_000), strict=True):
        clock = {"watermark_ms": float(NOW_MS - lag_ms), "open_windows": 26.0, "duplicates": 2.0}
        view.take(part("streams", kind, measures=clock))
    view.take(part("streams", "role", words="folding 12 partitions"))
    view.take(part("agent", "role", words=f"{MODEL} (simulated) answers states and deep dives"))
    words = "6 of the last 8 calls failed; tried again in 12 s"
    view.take(part("agent", f"breaker/{MODEL}", "open", words))
    view.take(part("agent", "budget/default", "open", "$0.016957 of $0.05 today"))
    for number, severity in enumerate(("info", "notice", "warning", "critical")):
        view.take(
            reading(
                number,
                severity=severity,
                headline=f"{severity.title()} of BTC: last price 64,478.4 USDT, tone of posts +0.2, volume 2.5x",
                origin="model_other_provider" if number else "rules",
                simulated=number == 1,
            )
        )
    view.take(feed("BTC/USDT", at_ms=NOW_MS))
    view.take(feed("XRP/ETH", at_ms=NOW_MS, state="disconnected", gaps_open=2))
    view.counts.raw_events, view.counts.late, view.counts.dead_letters = 123_456_789, 12, 9
    view.counts.gaps_detected, view.counts.gaps_filled, view.counts.gaps_permanent = 5, 3, 1
    view.newest_event_ms["market"] = NOW_MS - 500
    return view


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_important_is_there_at_every_width(width: int) -> None:
    """One line a row, whole numbers, no markup; what is cut ends in an ellipsis."""
    text = painted(busy(), width)
    lines = text.splitlines()
    assert all(cell_len(line) <= width for line in lines)
    for words in (
        TITLE,
        "market time 2027-01-15 08:10:00Z",
        "95 events/s",
        "123,456,789 events",
        "6 aggregates (0 revisions)",
        "4 analyses (3 by a model)",
        "12 late",
        "5 gaps (3 filled, 1 permanent)",
        "9 dead letters",
        "market 34.6 s, volume 2 min, social 64.6 s, development 11 min",
        "104; 8 duplicate events left out so far",
        "1 disconnected (binance XRP/ETH), 2 open gaps, 1 connected",
        "OPEN: 6 of the last 8 calls failed; tried again in 12 s",
        "$0.016957 of $0.05 today",
        "latest one-minute windows · close in quote, volume in base asset",
        "latest analyses",
    ):
        assert any(words in line for line in lines), words
    for subject, _, _ in PRICES:
        (line,) = [line for line in lines if line.startswith(subject[:15])]
        assert "08:09" in line
        assert "-0.99%" in line
        assert re.search(r" 50 +50% +(complete|holed 50%|unverifiable|unveri.*…)", line), line
    for number in ("64,480.65", "0.00141873", "1,234,567,890", "1,612,345,678", "9,000,000,000"):
        assert re.search(rf"(?<=\s){re.escape(number)}(?=\s)", text), number
    headlines = [line for line in lines if " of BTC: last price" in line]
    assert len(headlines) == 4
    assert all("volume 2.5x" in line or "… " in line for line in headlines)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_row_is_one_line_however_long_its_text(width: int) -> None:
    """The longest the contracts allow."""
    view = busy()
    view.take(
        aggregates.market("界" * 74, 9, first=1e-300, last=1e300, volume=1e300, revision=10**6)
    )
    view.take(reading(9, severity="critical", headline="界" * 120, asset="A" * 24, simulated=True))
    view.take(feed("S" * 74, venue="v" * 64, state="stale", at_ms=NOW_MS))
    view.take(part("agent", "role", words="W" * 300))
    view.take(part("agent", f"breaker/{MODEL}", "half_open", "W" * 300))
    view.take(part("agent", "budget/default", "spent", "W" * 300))
    before = painted(busy(), width).splitlines()
    after = painted(view, width, title="W" * 300).splitlines()
    assert after[0] == "W" * (width - 1) + "…"
    assert any(" AAAAAAA… 界" in line for line in after)
    assert len(after) == len(before) + 2
    assert all(cell_len(line) <= width for line in after)
    for begin in ("界界", "feeds", "analyst", "breaker", "spend"):
        (line,) = [line for line in after if line.startswith(begin)]
        assert "…" in line
    (line,) = [line for line in after if line.startswith("BTC/USDT")]
    assert "64,480.65" in line


@given(
    st.lists(any_event(), max_size=6),
    st.sampled_from((20, 60, *WIDTHS, 200)),
    st.integers(0, EPOCH_MS_MAX),
)
def test_no_event_breaks_the_screen(events: list[object], width: int, now_ms: int) -> None:
    """Whatever the contracts allow: no line too long, no control character, no exception."""
    view = View()
    for event in events:
        view.take(event)
    assert_harmless(painted(view, width, now_ms=now_ms), width)


TEXTS = st.text(
    st.sampled_from([*HOSTILE, "界", "e", "\u0301", "\U0001f600", "\ufe0f", "\u2028", "["])
)


@given(TEXTS | st.text(), TEXTS, st.sampled_from(WIDTHS))
def test_hostile_text_from_topics_is_harmless(text: str, other: str, width: int) -> None:
    """Wherever a topic has text that the screen shows."""
    view = busy()
    for window in view.windows("market", 60_000)[:2]:
        view.take(
            msgspec.structs.replace(window, subject=text, completeness=aggregates.silent(other))
        )
    view.take(reading(9, severity="critical", headline=text, asset=other))
    view.take(feed(text, venue=other, at_ms=NOW_MS, state="stale"))
    view.take(part("agent", "role", other, text))
    view.take(part("agent", "breaker/x", text, other))
    view.take(part("agent", "budget/default", "spent", text))
    for now_ms in (NOW_MS, NOW_MS + 60_000):
        shown = painted(view, width, now_ms=now_ms, title=text, hint=other)
        assert_harmless(shown, width)


def assert_harmless(text: str, width: int) -> None:
    """Hold that a text commands nothing and stays on its lines."""
    for line in text.split("\n"):
        assert cell_len(line) <= width, line
        assert not [c for c in line if c != " " and unicodedata.category(c)[0] in "CZ"], line


def test_markup_in_topics_is_letters() -> None:
    """Nobody writes in colour, or a link, from outside."""
    view = View()
    view.take(aggregates.market("[red]B[/red]/U", 9))
    view.take(reading(1, headline="[bold]sell[/bold] [link=http://a]now[/link] :warning:"))
    view.take(part("agent", "role", "running", "[/] words"))
    text = painted(view, 120)
    assert "[red]B[/red]/U" in text
    assert "[bold]sell[/bold] [link=http://a]now[/link] :warning:" in text
    assert "[/] words" in text


def test_the_empty_view_says_what_is_not_there_yet() -> None:
    """The first seconds of every start."""
    text = painted(View())
    assert row(text, "feeds") == "none yet"
    assert row(text, "watermark lag") == "not up yet"
    assert row(text, "open windows") == "unknown"
    assert row(text, "analyst") == "not up yet"
    assert row(text, "spend") == "unknown"
    assert "no window yet" in text
    assert "no analysis yet" in text
    assert "breaker" not in text
    assert "STALE" not in text


def test_without_a_model_nothing_is_spent() -> None:
    """And there is no breaker to speak of. A state that is not the usual one is named."""
    view = View()
    view.take(part("streams", "role", words="folding 4 partitions"))
    view.take(part("agent", "role", "starting", "rules answer: no model is configured"))
    text = painted(view)
    assert row(text, "watermark lag") == "no heartbeat yet"
    assert row(text, "analyst") == "starting: rules answer: no model is configured"
    assert row(text, "spend") == "$0: no model is asked"
    assert "breaker" not in text


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("closed", "closed: why"),
        ("half_open", "half open: why"),
        ("open", "OPEN: why; rules answer"),
        ("forced_open", "FORCED OPEN: why; rules answer"),
        ("unheard_of", "unheard of: why"),
    ],
)
def test_the_breaker_says_in_words_who_answers(state: str, shown: str) -> None:
    """Not by colour alone."""
    view = View()
    view.take(part("agent", "breaker/a/b", state, "why"))
    assert row(painted(view), "breaker") == shown


def test_of_several_breakers_the_worst_is_shown() -> None:
    """A closed one that speaks later does not hide it."""
    view = View()
    view.take(part("agent", "breaker/a/b", "open", "why", instance="a"))
    view.take(part("agent", "breaker/a/b", "closed", "well", instance="b", at_ms=NOW_MS + 1))
    shown = row(painted(view, 100), "breaker")
    assert shown == "OPEN (the worst of 2): why; rules answer"


def test_a_spent_budget_is_said_aloud() -> None:
    """Of several the spent one."""
    view = View()
    view.take(part("agent", "budget/a", "spent", "$1 of $1 today"))
    view.take(part("agent", "budget/b", "open", "$0 of $1 today", at_ms=NOW_MS + 1))
    assert row(painted(view), "spend") == "BUDGET SPENT: $1 of $1 today"


def test_a_budget_whose_ledger_is_away_is_said_aloud() -> None:
    """Before one that is spent: nothing at all is sent."""
    view = View()
    view.take(part("agent", "budget/a", "spent", "$1 of $1 today"))
    view.take(part("agent", "budget/b", "closed", "$0 of $1 today; nothing is sent"))
    assert row(painted(view), "spend") == "BUDGET CLOSED: $0 of $1 today; nothing is sent"


def test_what_has_expired_is_not_shown_as_if_alive() -> None:
    """All rows of a pipeline that died half an hour ago."""
    view, later_ms = busy(), NOW_MS + 1_800_000
    text = painted(view, 100, now_ms=later_ms)
    assert "STALE: no event for 30 min" in text
    assert row(text, "feeds") == "2 not heard from (e.g. binance BTC/USDT)"
    assert row(text, "watermark lag") == "NOT HEARD FROM for 30 min; it said: folding 12 partitions"
    assert row(text, "open windows") == "unknown"
    assert row(text, "analyst").startswith(f"NOT HEARD FROM for 30 min; it said: {MODEL}")
    assert row(text, "breaker").startswith("NOT HEARD FROM for 30 min; it said: 6 of the last")
    assert row(text, "spend") == "NOT HEARD FROM for 30 min; it said: $0.016957 of $0.05 today"
    assert text.count("STALE 30 min") == len(PRICES)
    assert text.count(" expired: ") == 4


def test_what_is_fresh_is_not_called_old() -> None:
    """To the last millisecond of each limit."""
    view = busy()
    text = painted(view, now_ms=NOW_MS + 29_999, event_now_ms=NOW_MS + 299_500)
    for words in ("STALE:", "NOT HEARD", "not heard", "expired"):
        assert words not in text
    assert "STALE: no event for 5 min" in painted(view, event_now_ms=NOW_MS + 299_501)
    assert "STALE" not in painted(aged(300_000))
    assert "STALE 5 min" in painted(aged(300_001))


def aged(age_ms: int) -> View:
    """Return the view of one window that ended so long ago."""
    view = View()
    view.take(aggregates.market(base_ms=NOW_MS - 60_000 - age_ms))
    return view


def test_several_workers_are_summed_and_the_slowest_one_counts() -> None:
    """But those that are gone: who took their partitions over has their counts too."""
    view = View()
    for instance, lag_ms, age_ms in (("a", 5_000, 0), ("b", 50_000, 5), ("gone", 500_000, 60_000)):
        told = {"watermark_ms": float(NOW_MS - lag_ms), "open_windows": 3.0, "duplicates": 4.0}
        at_ms = NOW_MS - age_ms
        view.take(
            part(
                "streams",
                "market",
                instance=instance,
                measures=told,
                at_ms=at_ms,
                expires_ms=at_ms + 30_000,
            )
        )
    view.take(part("streams", "social", "waiting", measures={"open_windows": 0.0}))
    text = painted(view)
    assert row(text, "watermark lag") == "market 50.0 s, volume n/a, social n/a, development n/a"
    assert row(text, "open windows") == "6; 8 duplicate events left out so far"


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (100.0, 101.0, "+1.00%"),
        (100.0, 99.9999, "+0.00%"),
        (0.0, 5.0, "n/a"),
        (1.0, 0.0, "-100.00%"),
        (1.0, 901.0, "+90,000.00%"),
        (1.0, 2001.0, "+2.0e+05%"),
        (5e-324, 1e308, "n/a"),
    ],
)
def test_any_change_can_be_shown(first: float, last: float, shown: str) -> None:
    """An open of 0 too, which the contract of a window does not forbid."""
    values = msgspec.structs.replace(aggregates.market_values(), open=first, close=last)
    view = View()
    view.take(msgspec.structs.replace(aggregates.market(number=9), values=values))
    assert f" {shown} " in painted(view)


def test_a_window_without_volume_has_no_share_of_takers() -> None:
    """And says so."""
    values = msgspec.structs.replace(aggregates.market_values(volume=0.0), taker_buy_ratio=None)
    view = View()
    view.take(msgspec.structs.replace(aggregates.market(number=9), values=values))
    assert re.search(r"\+0\.00% +0 +50 +n/a +complete", painted(view))


def test_how_far_a_window_may_be_relied_on_is_said() -> None:
    """Holes, silent sources, revisions, duplicates."""
    view = View()
    told = msgspec.structs.replace(
        aggregates.holed(), holed_fraction=0.001, unverified_duplicates=True
    )
    view.take(aggregates.market("A/B", 9, completeness=told))
    view.take(aggregates.market("C/D", 9, completeness=aggregates.silent("binance"), revision=2))
    text = painted(view, 120)
    assert row(text, "A/B").endswith("holed <1%, may count twice")
    assert row(text, "C/D").endswith("unverifiable, rev 2, without binance")


def test_more_instruments_than_rows_are_counted() -> None:
    """Nobody must think that these are all."""
    view = View()
    for number in range(ROWS):
        view.take(aggregates.market(f"A{number}/B", 9))
    assert "latest one-minute windows ·" in painted(view)
    view.take(aggregates.market("Z/B", 9))
    text = painted(view)
    assert f"latest one-minute windows, {ROWS} of {ROWS + 1} ·" in text
    assert "Z/B" not in text


@pytest.mark.parametrize("height", [24, 30, 50])
def test_a_low_terminal_shows_fewer_rows(height: int) -> None:
    """All of the screen is seen: what does not fit below would be cut off."""
    view = View()
    for number in range(ROWS):
        view.take(aggregates.market(f"A{number}/B", 9))
    text = painted(view, 80, height=height)
    shown = sum(line.startswith("A") and "/B" in line for line in text.splitlines())
    assert shown == {24: 3, 30: 6, 50: ROWS}[height]
    assert len(text.splitlines()) + shown < height  # with as many analyses


@pytest.mark.parametrize(("width", "shown"), [(80, ("·", "!", "!!", "!!!")), (100, None)])
def test_severity_is_told_by_a_mark_or_a_word(width: int, shown: tuple[str, ...] | None) -> None:
    """Not by colour alone."""
    severities = ("info", "notice", "warning", "critical")
    for severity, mark in zip(severities, shown or severities, strict=True):
        view = View()
        view.take(reading(1, severity=severity, headline="words"))
        (line,) = [line for line in painted(view, width).splitlines() if "words" in line]
        assert line.split()[1] == mark


@pytest.mark.parametrize(
    ("width", "origin", "simulated", "shown"),
    [
        (80, "rules", False, "rules"),
        (80, "model", True, "simulated"),
        (80, "cache_stale", False, "cache stale"),
        (100, "model_cheaper", False, "model cheaper"),
        (100, "model", True, "simulated model"),
    ],
)
def test_who_spoke_is_said(width: int, origin: str, simulated: bool, shown: str) -> None:
    """A simulated model never passes for a real one."""
    view = View()
    view.take(reading(1, origin=origin, simulated=simulated, headline="words"))
    (line,) = [line for line in painted(view, width).splitlines() if "words" in line]
    assert line.rstrip().endswith(f" {shown}")
    assert (" holed data " in line) == (width == 100)


def test_another_day_is_told_by_its_date() -> None:
    """Hours of yesterday are not taken for today's."""
    view = View()
    view.take(reading(1, as_of_ms=NOW_MS - 86_400_000, headline="old"))
    view.take(reading(2, as_of_ms=NOW_MS - 86_399_999, headline="young"))
    lines = {
        line.split()[3]: line.split()[0]
        for line in painted(view).splitlines()[-4:-1]
        if "BTC" in line
    }
    assert lines == {"old": "01-14", "young": "08:10"}


def test_losses_are_shown_only_where_there_are_any() -> None:
    """They are rare, and then important."""
    view = View()
    assert "unreadable" not in painted(view)
    view.counts.unreadable, view.counts.evicted, view.counts.forgotten = 1, 2_000, 3
    text = painted(view)
    for words in (
        "1 unreadable",
        "2,000 deleted before they were read",
        "3 dropped from this view",
    ):
        assert words in text


def test_closed_feeds_are_no_trouble() -> None:
    """Theirs is a good end; several in one state are told by one of them."""
    view = View()
    view.take(feed("A/B", state="closed", at_ms=0))
    view.take(feed("C/D", at_ms=NOW_MS))
    assert row(painted(view), "feeds") == "1 connected, 1 closed"
    for subject in ("E/F", "G/H"):
        view.take(feed(subject, state="stale", at_ms=NOW_MS))
    assert row(painted(view), "feeds") == "2 stale (e.g. binance E/F), 1 connected, 1 closed"


def test_colour_only_repeats_what_is_written() -> None:
    """Without its escape sequences the coloured screen is the plain one."""
    coloured = painted(busy(), color=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == painted(busy())


@pytest.mark.parametrize("contract", [Aggregate, Analysis, FeedStatus, Status])
def test_the_recorded_events_can_be_shown(contract: type) -> None:
    """As the topics hold them."""
    view = View()
    view.take(golden(contract))
    for width in WIDTHS:
        assert_harmless(painted(view, width), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pipeline_in_one_sentence_comes_first(width: int) -> None:
    """The same one as everywhere else."""
    view = View()
    view.take(part("streams", "role", at_ms=NOW_MS - 90_000, expires_ms=NOW_MS - 60_000))
    lines = painted(view, width).splitlines()
    sentence = view.summary(NOW_MS).sentence
    assert sentence.startswith("The streams role has not been heard from for 90.0 s")
    assert " ".join(line.strip() for line in lines[1:6]).startswith(sentence)


def test_alerts_that_fire_are_seen_with_what_became_of_them() -> None:
    """Severity as a mark or a word, the last ones as a number; what is over is not shown."""
    view = View()
    for number in range(5):
        view.take(
            golden(
                Alert,
                alert_id=f"r{number}/BTC/1",
                rule=f"r{number}",
                subject="BTC",
                state="cleared" if number == 4 else "firing",
                severity="critical",
                headline=HOSTILE + "surge",
                since_ms=NOW_MS - 60_000,
            )
        )
    view.take(golden(Control, act="acknowledge", subject="alert/r0/BTC/1"))
    text = painted(view)
    lines = [line.rstrip() for line in text.splitlines() if line.startswith("ALERT")]
    assert len(lines) == ALERTS
    assert all(line.startswith("ALERT !!! since 08:09 BTC:") and "surge" in line for line in lines)
    assert "and 1 more" in text
    assert "acknowledged" not in " ".join(lines)
    assert lines[0].startswith("ALERT !!!")
    wide = painted(view, 120)
    assert "ALERT critical since 08:09 BTC:" in wide
