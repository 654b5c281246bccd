"""The page of an asset tells all there is of it, says what is missing, and sends no stranger's text into a chart."""

import json

import msgspec
import pytest
from msgspec.structs import replace

from streams.serving.pages.charts.charting import CANDLES_MAX, MARKERS_MAX, VALUES_MAX
from streams.serving.pages.charts.choosing import Choice, chosen
from streams.serving.pages.charts.lanes import UNCOMPARED
from streams.serving.pages.charts.windows import instruments
from streams.serving.pages.rows import asset as rows
from streams.serving.pages.rows.behind import OTHERS_SHOWN_MAX
from streams.serving.pages.rows.window_rows import WINDOW_COLUMNS, WINDOWS_SHOWN_MAX
from streams.serving.view import View
from tests.browser.day import day
from tests.browser.scene import alert, analysis, scene, traded, window
from tests.hostile.corpus import MARK, TEXTS

from .pieces_in import hrefs, said

NOW_MS = 1_764_195_000_000
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


@pytest.fixture(scope="module")
def view() -> View:
    made = View()
    day(made, NOW_MS)
    return made


def choice(span_h: int = 1, minutes: int = 1) -> Choice:
    return chosen(
        "SOL", {"span": str(span_h * HOUR_MS), "window": str(minutes * MINUTE_MS)}, ["SOL/USDT"]
    )


def test_the_instrument_with_most_trades_is_offered_first(view: View) -> None:
    assert instruments(view, "SOL") == ["SOL/USDT", "SOL/USDC"]


def test_it_says_how_the_asset_stands_with_severity_age_and_quality(view: View) -> None:
    head = rows.head_of(view, "SOL", NOW_MS, NOW_MS)
    assert head.level == "critical"
    assert "fell 2.5 % within a minute" in said(head.lead)
    assert "unacknowledged" in said(head.data)
    assert any(link.startswith("/alerts/") for link in hrefs(head.lead))


def test_an_asset_nobody_heard_of_is_told_so_and_shows_no_numbers(view: View) -> None:
    assert "Nothing has been heard" in said(rows.head_of(view, "NOPE", NOW_MS, NOW_MS).lead)
    board = rows.board_of(view, chosen("NOPE", {}, []), NOW_MS)
    assert not board.known
    assert board.windows.rows == ()


def test_each_tile_has_a_unit_or_words_and_its_age(view: View) -> None:
    board = rows.board_of(view, choice(), NOW_MS)
    assert [tile.title for tile in board.tiles] == [
        "Last price",
        "Volume in 1 h",
        "Bought by takers in 1 h",
        "Posts in 1 h",
        "Tone of posts in 1 h",
        "Development events in 1 h",
        "Windows seen whole",
    ]
    for tile in board.tiles[:-1]:
        assert "unit" in json.dumps(msgspec.to_builtins(tile.value))
        assert "age" in json.dumps(msgspec.to_builtins(tile.note))


def test_sums_over_windows_with_holes_are_told_as_at_least(view: View) -> None:
    board = rows.board_of(view, choice(6), NOW_MS)
    assert "at least: data are missing" in said(board.tiles)


@pytest.mark.parametrize(("span_h", "minutes"), [(1, 1), (6, 1), (24, 1), (24, 5), (24, 60)])
def test_whatever_the_span_no_more_points_are_sent_than_are_drawn(
    view: View, span_h: int, minutes: int
) -> None:
    stack = rows.board_of(view, choice(span_h, minutes), NOW_MS).stack
    for lane in stack["lanes"]:
        assert len(lane["candles"] or []) <= 2 * CANDLES_MAX
        for series in lane["series"]:
            assert sum(y is not None for _, y in series["dots"]) <= VALUES_MAX
    assert len(stack["markers"]) <= MARKERS_MAX
    assert len(json.dumps(stack)) < 150_000


def test_all_lanes_are_over_one_axis_and_holes_and_revisions_are_in_them(view: View) -> None:
    stack = rows.board_of(view, choice(6), NOW_MS).stack
    assert stack["to"] - stack["from"] == 6 * HOUR_MS
    assert [lane["title"] for lane in stack["lanes"]] == [
        "Price",
        "Volume",
        "Share bought by takers",
        "Reported volume",
        "Posts",
        "Tone of posts",
        "Development",
        "How unusual",
    ]
    assert {what for _, _, what in stack["lanes"][0]["doubts"]} == {
        "holed",
        "no windows",
        "source missing",
    }
    rows_of = {marker["row"] for marker in stack["markers"]}
    assert rows_of == {0, 1, 2}
    assert all(marker["href"].startswith("/") for marker in stack["markers"])


@pytest.mark.parametrize("compared", [False, True])
def test_where_no_window_can_be_compared_yet_the_lane_says_so(compared: bool) -> None:
    """An empty chart would look as if nothing were unusual."""
    young = View()
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS - HOUR_MS
    made = window(traded(1.0, 2.0), "SOL/USDT", "market", start_ms, volume=1.5)
    young.take(made if compared else replace(made, scores={}))
    lane = rows.board_of(young, choice(6), NOW_MS).stack["lanes"][-1]
    assert lane["title"] == ("How unusual" if compared else UNCOMPARED)
    assert (len(lane["series"]), bool(lane["levels"])) == ((3, True) if compared else (1, False))


def test_a_line_breaks_where_no_window_came(view: View) -> None:
    dots = rows.board_of(view, choice(6), NOW_MS).stack["lanes"][2]["series"][0]["dots"]
    assert [y for _, y in dots].count(None) == 1


def test_the_table_behind_the_charts_has_each_window_with_units_and_a_link_to_it(
    view: View,
) -> None:
    table = rows.board_of(view, choice(), NOW_MS).windows
    assert len(table.rows) == WINDOWS_SHOWN_MAX
    assert {len(row.cells) for row in table.rows} == {len(WINDOW_COLUMNS)}
    assert all(any(h.startswith("/aggregates/market/SOL/USDT/") for h in hrefs(row)) for row in table.rows)  # fmt: skip
    assert "USDT" in said(table.rows[0])
    assert "revision 1" in said(table.rows)


@pytest.mark.parametrize("span_h", [1, 24])
def test_each_mark_in_the_charts_is_a_link_in_a_table_too(view: View, span_h: int) -> None:
    """A keyboard reaches no mark on a canvas."""
    board = rows.board_of(view, choice(span_h), NOW_MS)
    drawn = {marker["href"] for marker in board.stack["markers"]}
    assert drawn
    assert drawn <= set(hrefs(board.marks))


def test_what_is_drawn_of_other_kinds_stands_in_a_table_with_its_unit(view: View) -> None:
    """Reported volume, posts, their tone and development: every window is a link to its record."""
    board = rows.board_of(view, choice(), NOW_MS)
    words = said(board.others)
    for part in ("reported volume", "SOL", "posts", "from -1 to 1", "development events"):
        assert part in words
    assert all(any(h.startswith("/aggregates/") for h in hrefs(row)) for row in board.others.rows)
    assert len(rows.board_of(view, choice(24), NOW_MS).others.rows) == OTHERS_SHOWN_MAX


def test_alerts_analyses_and_gaps_lead_to_their_pages(view: View) -> None:
    assert hrefs(rows.alerts_of(view, "SOL", NOW_MS))
    found = rows.analyses_of(view, "SOL")
    assert {"rules", "model", "cheaper", "superseded"} <= set(said(found).replace(",", " ").split())
    assert all(h.startswith("/raw/market/SOL/USDT?from=") for h in hrefs(rows.gaps_of(view, "SOL")))


def test_choices_are_links_and_the_chosen_one_is_marked(view: View) -> None:
    choices = rows.choices_of(view, choice(6, 5))
    for options in (choices.instruments, choices.windows, choices.spans):
        assert sum(one.chosen for one in options) == 1
        assert all(one.href.startswith("/assets/SOL?") for one in options)


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda t: t.name)
def test_no_text_of_a_stranger_is_in_a_chart(hostile: object) -> None:
    text = hostile.text[:74]  # type: ignore[attr-defined]
    view = View()
    for event in scene(NOW_MS):
        view.take(event)
    subject = f"SOL/{text}"
    at_ms = NOW_MS // MINUTE_MS * MINUTE_MS - MINUTE_MS
    view.take(replace(window(traded(1.0, 2.0), subject, "market", at_ms), subject=subject))
    view.take(replace(alert(at_ms), headline=text, alert_id=text, subject=subject))
    view.take(replace(analysis(at_ms), headline=text, analysis_id=text, text=text))
    board = rows.board_of(view, chosen("SOL", {"subject": subject}, []), NOW_MS)
    for marker in board.stack["markers"]:
        assert marker.pop("href").isascii()
    assert MARK not in json.dumps(board.stack)
