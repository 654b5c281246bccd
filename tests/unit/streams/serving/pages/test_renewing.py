"""A chart is not drawn anew for what is of another asset, and is for all that is of its own."""

from msgspec.structs import replace

from streams.serving.pages.pieces import Now
from streams.serving.pages.rows.renewing import CAME_MAX, RENEW_MS, Renewing
from streams.serving.view import View
from tests.browser.scene import alert, analysis, posted, status, window
from topics import Control

NOW_MS = 1_764_195_000_000
NOW = Now(NOW_MS, NOW_MS)
ACT = Control(
    control_id="mute/1", act="mute", subject="all", value="on", actor="a", reason="r", at_ms=NOW_MS
)


def of(view: View, now: Now) -> int:
    return view.serial + now.ms


def drawn() -> tuple[View, Renewing[int]]:
    view, made = View(), Renewing("SOL", of)
    made(view, NOW)
    return view, made


def test_what_is_of_another_asset_or_of_the_machinery_draws_nothing_anew() -> None:
    view, made = drawn()
    for i in range(50):
        view.take(window(posted(), "BTC", "social", NOW_MS + i * 300_000, 300_000))
        view.take(replace(status(NOW_MS, "agent", "role", "running"), at_ms=NOW_MS + i))
        assert made(view, NOW) == NOW_MS
    assert made.renewed == 1


def test_a_window_an_alert_and_an_analysis_of_it_draw_it_anew() -> None:
    view, made = drawn()
    for event in (window(posted(), "SOL", "social", NOW_MS, 300_000), alert(NOW_MS), analysis(NOW_MS)):  # fmt: skip
        view.take(event)
        assert made(view, NOW) == view.serial + NOW_MS
    assert made.renewed == 4


def test_an_act_that_is_of_no_asset_counts_for_all() -> None:
    view, made = drawn()
    view.take(ACT)
    made(view, NOW)
    assert made.renewed == 2


def test_it_is_drawn_anew_after_a_while_whatever_came() -> None:
    view, made = drawn()
    made(view, Now(NOW_MS + RENEW_MS - 1, NOW_MS))
    assert made.renewed == 1
    made(view, Now(NOW_MS + RENEW_MS, NOW_MS))
    assert made.renewed == 2


def test_it_is_drawn_anew_where_more_came_than_is_remembered() -> None:
    view, made = drawn()
    for i in range(CAME_MAX):
        view.take(window(posted(), "BTC", "social", NOW_MS + i * 300_000, 300_000))
    made(view, NOW)
    assert made.renewed == 1
    for i in range(CAME_MAX, 2 * CAME_MAX + 1):
        view.take(window(posted(), "BTC", "social", NOW_MS + i * 300_000, 300_000))
    made(view, NOW)
    assert made.renewed == 2
