"""Values against numbers worked out by hand."""

from math import log

import pytest

from streams.windows import development, market, social, volume
from streams.windows.grid import from_grid, to_grid
from streams.windows.intake import FlowIn, LevelIn, PostIn, RepositoryIn, TradeIn
from streams.windows.kinds import KIND_RULES
from topics import MarketValues, VolumeValues

MARKET, VOLUME = KIND_RULES["market"], KIND_RULES["volume"]
HASH = "0123456789abcdef"


def trade(
    at: int, price: float, size: float, side: str = "buy", *, venue: str = "a", name: str = "1"
) -> TradeIn:
    return TradeIn(
        subject="BTC/USD",
        source=venue,
        venue=venue,
        trade_id=name,
        event_ms=at,
        received_ms=at,
        price=price,
        size=size,
        side=side,  # type: ignore[arg-type]
    )


def of_trades(*trades: TradeIn) -> MarketValues:
    """The window of these trades, a block a minute."""
    blocks: dict[int, market.MarketBlock] = {}
    for one in trades:
        blocks.setdefault(one.event_ms // 60_000, market.empty()).add(one, MARKET)
    return market.values([blocks[minute] for minute in sorted(blocks)])


def test_a_market_window() -> None:
    """Three trades on two venues over two minutes."""
    found = of_trades(
        trade(0, 10.0, 2.0), trade(30_000, 12.0, 1.0, "sell", venue="b"), trade(61_000, 9.0, 1.0)
    )
    assert (found.open, found.high, found.low, found.close) == (10.0, 12.0, 9.0, 9.0)
    assert (found.trades, found.volume, found.quote_volume) == (3, 4.0, 41.0)
    assert found.vwap == 10.25
    assert (found.taker_buy_volume, found.taker_buy_ratio, found.signed_volume) == (3.0, 0.75, 2.0)
    assert found.largest_trade == 2.0
    assert found.venue_volume == {"a": 3.0, "b": 1.0}
    assert found.venue_close == {"a": 9.0, "b": 12.0}
    assert found.log_return == log(0.9)
    assert found.realised_variance == pytest.approx(log(1.2) ** 2 + log(0.75) ** 2, rel=1e-15)


def test_realised_variance_sees_the_last_price_of_each_pane() -> None:
    """Ten-second panes; what moves within one and comes back does not show."""
    found = of_trades(
        trade(0, 10.0, 1.0),
        trade(5_000, 99.0, 1.0),
        trade(9_999, 10.0, 1.0),
        trade(10_000, 20.0, 1.0),
    )
    assert found.realised_variance == pytest.approx(log(2) ** 2, rel=1e-15)


def test_order_within_one_instant_is_by_venue_then_length_then_id() -> None:
    """Nine is before ten, though not as text."""
    found = of_trades(
        trade(0, 3.0, 1.0, venue="b", name="1"),
        trade(0, 2.0, 1.0, venue="a", name="10"),
        trade(0, 1.0, 1.0, venue="a", name="9"),
    )
    assert (found.open, found.close) == (1.0, 3.0)
    assert found.venue_close == {"a": 2.0, "b": 3.0}


def test_dust_below_the_grid_has_no_ratio() -> None:
    """A volume that rounds to nothing divides nothing."""
    found = of_trades(trade(0, 10.0, 4e-9))
    assert (found.volume, found.vwap, found.taker_buy_ratio) == (0.0, None, None)
    assert found.largest_trade == 4e-9


@pytest.mark.parametrize(
    ("number", "grid"),
    [(0.1, 10_000_000), (2**-9, 195_312), (3 * 2**-9, 585_938), (-(2**-9), -195_312), (4e-9, 0)],
)
def test_the_grid_rounds_half_to_even(number: float, grid: int) -> None:
    """195,312.5 and 585,937.5 hundred-millionths go to the even neighbour."""
    assert to_grid(number) == grid
    assert from_grid(grid) == pytest.approx(number, abs=0.5e-8)


def level(at: int, amount: float, venue: str = "a", instrument: str = "BTCUSD") -> LevelIn:
    return LevelIn("BTC", "s", venue, instrument, at, at, 86_400_000, amount)


def flow(at: int, amount: float, venue: str = "a") -> FlowIn:
    return FlowIn("BTC", "s", venue, "BTCUSD", at, at, 60_000, amount)


def of_volumes(*events: FlowIn | LevelIn) -> VolumeValues:
    """The window of these events, a block a minute."""
    blocks: dict[int, volume.VolumeBlock] = {}
    for one in events:
        blocks.setdefault(one.event_ms // 60_000, volume.VolumeBlock()).add(one, VOLUME)
    return volume.values([blocks[minute] for minute in sorted(blocks)], [])


def test_flows_add_up_and_levels_do_not() -> None:
    """The last level of each instrument, summed over venues."""
    found = of_volumes(
        flow(0, 3.0),
        flow(60_000, 1.0, "b"),
        level(0, 100.0),
        level(60_000, 120.0),
        level(0, 7.0, "b"),
        level(0, 5.0, "a", "BTCEUR"),
    )
    assert (found.flow, found.flow_samples) == (4.0, 2)
    assert (found.level, found.level_venues) == (132.0, ["a", "b"])
    assert found.concentration == (9 + 1) / 16


def test_the_last_level_is_by_time_and_not_by_arrival() -> None:
    """Within one block and over blocks; at one instant the larger."""
    assert of_volumes(level(30_000, 2.0), level(10_000, 9.0)).level == 2.0
    assert of_volumes(level(70_000, 2.0), level(10_000, 9.0)).level == 2.0
    assert of_volumes(level(10_000, 2.0), level(10_000, 9.0), level(10_000, 3.0)).level == 9.0


def test_without_samples_there_is_no_level_and_no_concentration() -> None:
    """None, which is not zero."""
    assert of_volumes(flow(0, 1.0)).level is None
    assert of_volumes(level(0, 1.0)).concentration is None
    assert of_volumes(flow(0, 0.0)).concentration is None


def test_a_social_window() -> None:
    """Mean and population standard deviation of the tone."""
    block = social.SocialBlock()
    for tone, bot in ((0.5, False), (-0.5, True), (1.0, False), (0.0, False)):
        post = PostIn("BTC", "s", "forum", f"{tone}", 0, 0, tone, 3, HASH, HASH, bot)
        block.add(post, KIND_RULES["social"])
    found = social.values([block])
    assert (found.posts, found.bot_posts, found.engagement) == (4, 1, 12)
    assert found.tone_mean == 0.25
    assert found.tone_stdev == pytest.approx(0.3125**0.5, rel=1e-15)


def test_posts_are_the_same_whose_simhashes_begin_with_the_same_sixteen_bits() -> None:
    """Not with fifteen; and what comes behind does not matter. Over blocks too."""
    blocks = [social.SocialBlock(), social.SocialBlock()]
    for number, text in enumerate(("8000", "80007fff", "8000ffff", "8001", "80018000", "0001")):
        simhash = text.ljust(16, "0")
        post = PostIn("BTC", "s", "forum", text, 0, 0, 0.0, 0, HASH, simhash)
        blocks[number % 2].add(post, KIND_RULES["social"])
    assert social.values(blocks).distinct_posts == 3


def test_a_development_window() -> None:
    """Forks, stars and comments are no development, and bots are counted apart."""
    block = development.DevelopmentBlock()
    acts = [
        "commit",
        "commit",
        "pull_request",
        "release",
        "issue",
        "review",
        "fork",
        "star",
        "comment",
    ]
    for number, act in enumerate(acts):
        event = RepositoryIn("BTC", "s", str(number), 0, 0, act, HASH)  # type: ignore[arg-type]
        block.add(event, KIND_RULES["development"])
    by_bot = RepositoryIn("BTC", "s", "bot", 0, 0, "commit", HASH, bot=True)
    block.add(by_bot, KIND_RULES["development"])
    found = development.values([block])
    assert (found.events, found.commits, found.bot_events) == (5, 2, 1)
    assert (found.pull_requests, found.releases, found.issues) == (1, 1, 1)
