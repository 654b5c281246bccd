"""What is new in a feed, and what was missed."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.feed import (
    ANCHORS,
    KNOWN_MAX,
    LOOK_BACK_MS,
    Feed,
    Taken,
)
from streams.collectors.social.reading import ITEMS_MAX, read_feed
from streams.collectors.social.seen import Item, Shown

T0 = 1_700_000_000_000
XML = "application/rss+xml"


def item(number: int, *, told_ms: int | None = None, dated: bool = True) -> Item:
    told_ms = T0 + number * 1_000 if told_ms is None else told_ms
    return Item(
        post_id=str(number), author="", text=f"BTC {number}", told_ms=told_ms if dated else None
    )


def take(
    feed: Feed, *items: Item, flaw: str = "", received_ms: int = T0 + 10**6, covered_ms: int = T0
) -> Taken:
    return feed.take(Shown(items=items, flaw=flaw), received_ms=received_ms, covered_ms=covered_ms)


def ids(taken: Taken) -> list[str]:
    return [one.post_id for one, _ in taken.fresh]


def test_at_first_only_what_is_dated_since_we_began_is_new() -> None:
    taken = take(Feed(T0), item(2), item(1), item(0), item(-1), item(5, dated=False))
    assert ids(taken) == ["0", "1", "2"]
    assert (taken.old, taken.hole_to_ms, taken.joined) == (2, None, True)


def test_what_was_seen_is_not_new_and_what_is_new_comes_oldest_first() -> None:
    feed = Feed(T0)
    take(feed, item(1), item(2))
    taken = take(feed, item(4), item(3), item(2), item(1))
    assert ids(taken) == ["3", "4"]
    assert taken.joined
    assert ids(take(feed, item(4), item(3))) == []


def test_a_feed_that_dropped_what_it_showed_has_a_hole_up_to_its_oldest_item() -> None:
    feed = Feed(T0)
    take(feed, item(1), item(2), item(3))
    taken = take(feed, item(9), item(8), item(7), covered_ms=T0 + 4_000)
    assert taken.hole_to_ms == T0 + 7_000
    assert taken.joined
    assert ids(taken) == ["7", "8", "9"]
    assert take(feed, item(10), item(9), item(8)).hole_to_ms is None


def test_a_pinned_old_item_hides_no_hole() -> None:
    feed = Feed(T0)
    pinned = item(-10_000)
    take(feed, pinned, *map(item, range(10, 0, -1)))
    taken = take(feed, pinned, *map(item, range(30, 20, -1)), covered_ms=T0 + 11_000)
    assert taken.hole_to_ms == T0 + 21_000


def test_an_item_that_was_taken_back_is_no_hole() -> None:
    feed = Feed(T0)
    take(feed, *map(item, range(10, 0, -1)))
    gone = [item(number) for number in (12, 11, 6, 5, 4)]
    assert take(feed, *gone).hole_to_ms is None
    assert ANCHORS == 5


@pytest.mark.parametrize("newest_first", [True, False])
def test_feeds_without_dates_run_either_way(newest_first: bool) -> None:
    def shown(first: int, last: int) -> list[Item]:
        items = [item(number, dated=False) for number in range(first, last + 1)]
        return items[::-1] if newest_first else items

    feed = Feed(T0)
    assert ids(take(feed, *shown(1, 20))) == []
    taken = take(feed, *shown(18, 37))
    assert sorted(ids(taken)) == [str(number) for number in range(21, 38)]
    assert {at for _, at in taken.fresh} == {T0 + 10**6}, "dated by their receipt"
    assert taken.hole_to_ms is None
    assert take(feed, *shown(38, 57), received_ms=T0 + 2 * 10**6).hole_to_ms == T0 + 2 * 10**6


@pytest.mark.parametrize("told_ms", [0, -1, T0 + 10**6 + 60_001, 10**18])
def test_a_time_that_cannot_be_is_that_of_the_receipt(told_ms: int) -> None:
    feed = Feed(T0)
    take(feed, item(1))
    taken = take(feed, item(2, told_ms=told_ms), item(1))
    assert [at for _, at in taken.fresh] == [T0 + 10**6]


def test_an_answer_that_is_cut_off_proves_nothing() -> None:
    feed = Feed(T0)
    take(feed, *map(item, range(10, 0, -1)))
    cut = take(feed, item(20), item(19), flaw="cut")
    assert (ids(cut), cut.joined, cut.hole_to_ms) == (["19", "20"], False, None)
    whole = take(feed, *map(item, range(20, 10, -1)), covered_ms=T0 + 11_000)
    assert whole.hole_to_ms == T0 + 12_000, "the newest of before are what counts"
    assert take(feed, item(21), item(20), flaw="bad encoding").joined


def test_an_empty_feed_proves_nothing_once_it_was_not() -> None:
    feed = Feed(T0)
    assert take(feed).joined
    assert ids(take(feed, item(1))) == ["1"]
    assert not take(feed).joined
    assert take(feed, item(2), item(1)).hole_to_ms is None


def test_after_a_restart_the_feed_must_reach_back_to_what_was_covered() -> None:
    def resumed() -> Feed:
        feed = Feed(T0)
        feed.resume(T0 + 5_000, {"4": T0 + 4_000})
        return feed

    reaching = take(resumed(), *map(item, range(9, 0, -1)), covered_ms=T0 + 5_000)
    assert reaching.hole_to_ms is None
    assert ids(reaching) == ["1", "2", "3", "5", "6", "7", "8", "9"]
    short = take(resumed(), item(9), item(8), item(7), covered_ms=T0 + 5_000)
    assert short.hole_to_ms == T0 + 7_000
    pinned = take(resumed(), item(-5_000), item(9), item(8), item(7), covered_ms=T0 + 5_000)
    assert pinned.hole_to_ms == T0 + 7_000
    assert "-5000" not in ids(pinned)
    assert LOOK_BACK_MS < 5_000_000


def test_what_is_remembered_is_bounded() -> None:
    feed = Feed(T0)
    for begin in range(0, KNOWN_MAX + 2_000, 1_000):
        take(feed, *map(item, range(begin, begin + 1_001)))
    assert len(feed._known) <= KNOWN_MAX + 1_001


@given(st.lists(st.integers(0, 12), min_size=2, max_size=30), st.integers(6, 12))
def test_a_hole_is_told_exactly_when_items_went_unseen(steps: list[int], keeps: int) -> None:
    """A feed of so many items, asked after so many new ones each time."""
    feed, newest = Feed(T0), 20
    seen = set(map(str, range(21)))
    take(feed, *map(item, range(newest, newest - keeps, -1)))
    for step in steps:
        covered_ms = T0 + newest * 1_000 + 500
        newest += step
        taken = take(feed, *map(item, range(newest, newest - keeps, -1)), covered_ms=covered_ms)
        seen.update(ids(taken))
        missed = {str(number) for number in range(newest - step + 1, newest + 1)} - seen
        if missed:
            assert taken.hole_to_ms is not None
            assert max(T0 + int(number) * 1_000 for number in missed) < taken.hole_to_ms
        elif step < keeps:
            assert taken.hole_to_ms is None


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{}</channel></rss>"""


def entry(number: int, title: str = "Bitcoin up", more: str = "") -> str:
    date = format_datetime(datetime.fromtimestamp(T0 / 1_000 + number, UTC))
    return (
        f"<item><guid>{number}</guid><title>{title}</title><pubDate>{date}</pubDate>{more}</item>"
    )


def test_rss_is_read() -> None:
    more = "<description>&lt;p&gt;by &lt;b&gt;ten&lt;/b&gt;&lt;/p&gt;</description><author>a@b.example (Ann)</author>"
    shown = read_feed(RSS.format(entry(1, more=more)).encode(), XML)
    (one,) = shown.items
    assert (one.post_id, one.told_ms, shown.flaw) == ("1", T0 + 1_000, "")
    assert one.text.split() == ["Bitcoin", "up", "by", "ten"]
    assert "Ann" in one.author


def test_atom_is_read_and_what_has_no_id_is_known_by_its_link() -> None:
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>ETH</title><link href="https://x.example/1"/>'
        "<updated>2023-11-14T22:13:20Z</updated></entry><entry><title>SOL</title></entry></feed>"
    )
    first, second = read_feed(atom.encode(), "application/atom+xml").items
    assert (first.post_id, first.told_ms, first.text) == ("https://x.example/1", T0, "ETH\n")
    assert second.post_id.startswith("b2-")
    assert second.told_ms is None


@pytest.mark.parametrize(
    ("body", "items", "flaw"),
    [
        (RSS.format(entry(1) + entry(2)).encode()[:-60], 2, "SAXParseException"),
        (RSS.format(entry(1, title="A & B < C")).encode(), 1, "SAXParseException"),
        (b"", 0, "not a feed"),
        (b"{}", 0, "SAXParseException"),
        (b"<html><body>Just a moment...</body></html>", 0, "not a feed"),
        (RSS.format("".join(map(entry, range(ITEMS_MAX + 1)))).encode(), ITEMS_MAX, "more than"),
        (RSS.format(entry(1)).replace("?>", " encoding='utf-16'?>").encode("utf-16-le"), 1, ""),
    ],
)
def test_flawed_feeds_are_read_as_far_as_can_be(body: bytes, items: int, flaw: str) -> None:
    shown = read_feed(body, XML)
    assert len(shown.items) == items
    assert flaw in shown.flaw
    assert bool(flaw) == bool(shown.flaw)


def test_nothing_is_opened_or_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(RSS.format(entry(1, title="secret")))
    name = str(secret)
    for body in (name, f"file://{name}", "http://127.0.0.1:9/feed"):
        assert read_feed(body.encode(), XML).items == ()
    for system in (name, f"file://{name}", "http://127.0.0.1:9/x"):
        document = (
            f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{system}"><!ENTITY % y SYSTEM "{system}"> %y;]>'
            + RSS.format(entry(1, title="a &x; b"))[21:]
        )
        assert "secret" not in str(read_feed(document.encode(), XML))


def test_entity_bombs_do_not_go_off() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = (
        f'<!DOCTYPE rss [<!ENTITY e0 "{"BOOM" * 200}">{levels}]>'
        + RSS.format(entry(1, title="&e11;"))[21:]
    )
    for encoding in ("utf-8", "utf-16-le"):
        begun_s = time.process_time()
        declared = f'<?xml version="1.0" encoding="{encoding[:6].rstrip("-")}"?>{bomb}'
        shown = read_feed(declared.encode(encoding), XML)
        assert time.process_time() - begun_s < 5.0
        assert len(str(shown)) < 10_000


@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    read_feed(b"<rss><channel><item>" + body, XML)
    read_feed(body, "text/html; charset=\xff")
