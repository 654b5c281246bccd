"""Feeds and cost, and the desk that makes each picture once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.pages.desk import FRESH_MS, PICTURES_MAX, Desk, Market
from streams.serving.pages.pieces import Now, wire
from streams.serving.pages.rows import cost, feeds
from streams.serving.settings import ServeSettings
from streams.serving.shown import FeedRow, GapShown, Money, Place, Spent
from streams.serving.view import View
from topics import FeedStatus

from .test_overview import budget, money
from .told import NOW_MS, alert, hrefs, keys, text, texts

STATES = ("connected", "connecting", "stale", "disconnected", "closed", "not heard from", "odd")


def feed(number: int = 1, state: str = "connected", **changes: Any) -> FeedRow:
    """A feed."""
    status = FeedStatus(
        source="simulated",
        venue="simex",
        subject=f"A{number}/USDT",
        state="connected",
        since_ms=NOW_MS - 60_000,
        at_ms=NOW_MS,
        last_received_ms=NOW_MS,
    )
    return FeedRow(
        feed=replace(status, **changes), state=state, age_ms=0, gaps=(), place=Place("f", 0, 1)
    )


def gap(number: int = 1, **changes: Any) -> GapShown:
    """A gap of twelve seconds."""
    return replace(
        GapShown(
            gap_id=f"g{number}",
            kind="market",
            source="simulated",
            venue="simex",
            subject="ETH/USDT",
            from_ms=NOW_MS - 60_000 + number,
            to_ms=NOW_MS - 48_000 + number,
            state="open",
            at_ms=NOW_MS - 47_000,
            place=Place("raw.market", 0, number),
        ),
        **changes,
    )


@given(st.lists(st.sampled_from(STATES), max_size=120))
def test_feeds_in_trouble_come_first_and_all_are_counted(states: list[str]) -> None:
    """A state nobody knows is trouble."""
    found = [feed(i, state) for i, state in enumerate(states)]
    rows = feeds.feeds(found)
    assert len(rows.rows) + rows.more == len(found)
    told = [texts(row)[0] for row in rows.rows]
    calm = [word in ("Connected", "Closed") for word in told]
    assert calm == sorted(calm)
    counted = [piece for piece in wire(feeds.counts(found)) if piece["is"] == "amount"]
    assert sum(int(piece["text"].replace(",", "")) for piece in counted) == len(found)


def test_a_feed_is_stale_by_the_market_and_not_by_how_seldom_it_tells() -> None:
    """At sixty times its speed ten minutes of a market pass between two words of a feed that is well."""

    def bound_ms(speed: float) -> int:
        (age,) = (
            one for one in wire(feeds.feeds([feed()], speed).rows[0].cells[3]) if "at_ms" in one
        )
        return int(age["stale_ms"])

    assert bound_ms(1.0) == feeds.FEED_STALE_MS + feeds.TOLD_EACH_MS
    assert bound_ms(60.0) > 10 * 60_000 + feeds.FEED_STALE_MS


def test_a_feed_tells_its_trouble_in_words() -> None:
    """And what was lost."""
    row = feed(1, "disconnected", reason="closed: 1006", refused=2, gaps_permanent=1, gaps_open=3)
    cells = texts(feeds.feeds([row]).rows[0])
    assert cells[:2] == ["Disconnected", "simex A1/USDT by simulated closed: 1006"]
    assert cells[4:] == ["0", "2", "3", "1"]


def test_a_feed_that_never_received_says_so() -> None:
    """It has no age."""
    assert texts(feeds.feeds([feed(last_received_ms=None)]).rows[0])[3] == "never"


def test_open_gaps_come_first_and_each_leads_to_the_events_around_it() -> None:
    """Then those that are lost."""
    found = [gap(1, state="filled"), gap(2, state="permanent"), gap(3), gap(4, ids_missing=7)]
    rows = feeds.gaps(found)
    assert keys(rows) == ["g4", "g3", "g2", "g1"]
    assert texts(rows.rows[0])[3:5] == ["12.0 s", "7 events"]
    assert texts(rows.rows[1])[4] == "not known"
    assert hrefs(rows.rows[0]) == [
        f"/raw/market/ETH/USDT?from={found[3].from_ms}&to={found[3].to_ms}"
    ]


def test_without_feeds_or_gaps_the_page_says_what_that_means() -> None:
    """No collector, or nothing missing."""
    now = Now(NOW_MS, NOW_MS)
    assert "tapereader collect" in feeds.feeds_of(View(), now).empty
    assert "tapereader collect" in text(feeds.counts_of(View(), now))
    assert feeds.gaps_of(View(), now).empty == feeds.NO_GAP


def test_a_budget_tells_all_its_amounts_and_its_state() -> None:
    """In words."""
    cells = texts(cost.budgets(money(budget(reserved_nano_usd=100_000_000))).rows[0])
    assert cells[:6] == ["Open", "default", "0.5 USD", "0.1 USD", "1.00 USD", "60%"]
    assert cells[7] == "not in this window"


def test_a_budget_that_is_spent_tight_closed_or_silent_says_so() -> None:
    """The worst of them."""

    def state(**changes: object) -> str:
        return texts(cost.budgets(money(budget(**changes))).rows[0])[0]

    assert state(state="spent") == "Spent"
    assert state(is_nearly_spent=True, spent_nano_usd=850_000_000) == "Nearly spent"
    assert state(is_nearly_spent=True, spent_nano_usd=200_000_000) == "On pace to its cap"
    assert state(state="closed") == "Closed"
    assert state(stale=True, spent_nano_usd=980_000_000) == "Not heard from"


def spent(name: str, cost_: int) -> Spent:
    """What was spent on a name."""
    return Spent(name=name, cost_nano_usd=cost_, analyses=1, input_tokens=10, output_tokens=2)


def test_shares_are_of_all_that_was_spent_and_free_is_free() -> None:
    """None is divided by nothing."""
    rows = cost.spent((spent("SOL", 3_000_000), spent("BTC", 1_000_000)), "asset")
    assert [texts(row)[2] for row in rows.rows] == ["75%", "25%"]
    assert hrefs(rows.rows[0]) == ["/assets/SOL"]
    assert texts(cost.spent((spent("rules", 0),), "origin").rows[0])[:3] == [
        "rules, free", "0.00 USD", "free",
    ]  # fmt: skip


def test_what_was_spent_is_told_with_since_when_and_how_fast() -> None:
    """Or that there was nothing."""
    told = replace(money(), by={"asset": (spent("SOL", 5),)}, spent_nano_usd=2_500_000_000)
    assert text(cost.lead(told)) == (
        "2.50 USD spent on analyses since · 1.00 USD an hour at the present rate"
    )
    none: Money = money()
    assert text(cost.lead(none)) == "Nothing spent: no analysis yet."


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


def desk(clock: Clock, view: View) -> Desk:
    """A desk at that time, in a market sixty times as fast."""
    market = Market(time_ms=lambda now_ms: now_ms * 60, speed=60.0)
    return Desk(view, None, None, ServeSettings(), market=market, now_ms=clock)


def test_a_picture_is_made_once_for_all_until_something_comes_or_time_goes_by() -> None:
    """Fifty viewers are one picture."""
    clock, view, made = Clock(), View(), []

    def of(_: View, now: Now) -> tuple[int]:
        made.append(now)
        return (len(view.alerts(now.ms)),)

    at = desk(clock, view)
    first = at.once(("alerts",), of)
    assert at.once(("alerts",), of) is first
    assert made == [Now(NOW_MS, NOW_MS * 60, 60.0)]
    view.take(alert())
    assert at.once(("alerts",), of) == (1,)
    clock.ms += FRESH_MS
    kept = at.once(("alerts",), of)
    assert len(made) == 3
    assert kept == (1,)


def test_a_picture_that_is_the_same_is_the_same_object() -> None:
    """So that nobody paints it again."""
    clock, view = Clock(), View()
    at = desk(clock, view)
    first = at.once(("x",), lambda _, now: (now.ms > 0,))
    clock.ms += FRESH_MS
    assert at.once(("x",), lambda _, now: (now.ms > 0,)) is first


def test_the_picture_longest_not_asked_for_makes_room() -> None:
    """At the bound all are kept."""
    clock, made = Clock(), []
    at = desk(clock, View())

    def ask(number: int) -> None:
        at.once((number,), lambda *_: made.append(number))

    for number in range(PICTURES_MAX):
        ask(number)
    ask(0)
    assert len(made) == PICTURES_MAX
    ask(PICTURES_MAX)  # 1 makes room: 0 was asked for since
    ask(0)
    assert len(made) == PICTURES_MAX + 1
    ask(1)
    assert made[-1] == 1
