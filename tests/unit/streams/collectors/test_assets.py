"""One id an asset, whatever it is called; what cannot be told apart is refused."""

import pytest

from streams.collectors.assets import ASSETS, AssetError, read

LARGE = [
    "BTC",
    "ETH",
    "XRP",
    "SOL",
    "BNB",
    "DOGE",
    "ADA",
    "TRX",
    "LINK",
    "AVAX",
    "XLM",
    "SUI",
    "HBAR",
    "LTC",
    "DOT",
    "BCH",
    "TON",
    "UNI",
    "NEAR",
    "APT",
]


def test_the_large_ones_are_there_with_what_each_source_calls_them() -> None:
    assert len(ASSETS.by_id) >= 100
    assert all(asset.coingecko for asset in ASSETS.by_id.values())
    assert [name for name in LARGE if not ASSETS.by_id[name].repositories] == []
    bitcoin = ASSETS.by_coingecko["bitcoin"]
    assert (bitcoin.id, ASSETS.of_chain("Bitcoin"), ASSETS.of_repository("Bitcoin/bitcoin")) == (
        "BTC",
        bitcoin,
        bitcoin,
    )
    uniswap = ASSETS.of_protocol("uniswap")
    assert uniswap is not None
    assert uniswap.id == "UNI"
    assert ASSETS.of_chain("Nowhere") is ASSETS.of_repository("no/body") is None


@pytest.mark.parametrize(
    ("venue", "code", "asset"),
    [
        ("kraken", "XBT", "BTC"),
        ("kraken", "BTC", "BTC"),
        ("bitmex", "XBT", "BTC"),
        ("binance", "BTC", "BTC"),
        ("kraken", "XDG", "DOGE"),
        ("bitfinex", "IOT", "IOTA"),
        ("binance", "IOTA", "IOTA"),
        ("bitfinex", "UST", "USDT"),
        ("kraken", "UST", "USTC"),
        ("binance", "LUNA", "LUNA"),
        ("binance", "LUNC", "LUNC"),
        ("kraken", "LUNA", "LUNC"),
        ("kraken", "LUNA2", "LUNA"),
        ("binance", "BTTC", "BTT"),
        ("okx", "BTT", "BTT"),
        ("coinbase", "CGLD", "CELO"),
        ("binance", "WBTC", "WBTC"),
        ("binance", "1INCH", "1INCH"),
        ("anywhere", "NEWCOIN", "NEWCOIN"),
    ],
)
def test_a_venue_s_code_is_one_asset(venue: str, code: str, asset: str) -> None:
    assert ASSETS.asset_of(venue, code) == asset


@pytest.mark.parametrize(
    ("venue", "code"),
    [
        ("anywhere", "LUNA"),
        ("binance", "BTT"),
        ("mexc", "XBT"),
        ("upbit", "TON"),
        ("bitstamp", "MNT"),
        ("binance", "1000PEPE"),
        ("bybit", "SHIB1000"),
        ("kraken", "btc"),
        ("kraken", "BTC/USD"),
        ("kraken", "BTC\n"),
        ("kraken", ""),
    ],
)
def test_a_code_that_may_be_another_asset_is_refused(venue: str, code: str) -> None:
    with pytest.raises(AssetError):
        ASSETS.asset_of(venue, code)


@pytest.mark.parametrize(
    ("venue", "asset", "code"),
    [
        ("kraken", "BTC", "XBT"),
        ("binance", "BTC", "BTC"),
        ("kraken", "LUNC", "LUNA"),
        ("kraken", "LUNA", "LUNA2"),
        ("binance", "BTT", "BTTC"),
        ("kraken", "NEWCOIN", "NEWCOIN"),
    ],
)
def test_a_venue_is_asked_by_its_own_code(venue: str, asset: str, code: str) -> None:
    assert ASSETS.code_of(venue, asset) == code
    assert ASSETS.asset_of(venue, code) == asset


def test_a_venue_is_not_asked_for_an_asset_by_the_code_of_another() -> None:
    with pytest.raises(AssetError, match="kraken calls LUNC LUNA"):
        read(
            '[asset.LUNC]\nname = "a"\ncoingecko = "a"\ncodes = { kraken = ["LUNA"] }\n'
            '[asset.LUNA]\nname = "b"\ncoingecko = "b"\n'
        ).code_of("kraken", "LUNA")
    with pytest.raises(AssetError, match="not certain"):
        ASSETS.code_of("anywhere", "LUNA")


@pytest.mark.parametrize(
    ("asset", "coingecko"),
    [
        ("LUNA", "terra-luna-2"),
        ("LUNC", "terra-luna"),
        ("UNI", "uniswap"),
        ("COMP", "compound-governance-token"),
        ("GRT", "the-graph"),
        ("PEPE", "pepe"),
        ("MNT", "mantle"),
        ("BTT", "bittorrent"),
        ("BTTOLD", "bittorrent-old"),
        ("SAN", "santiment-network-token"),
        ("TON", "the-open-network"),
        ("WBTC", "wrapped-bitcoin"),
        ("WETH", "weth"),
        ("STETH", "staked-ether"),
        ("MATIC", "matic-network"),
        ("POL", "polygon-ecosystem-token"),
    ],
)
def test_tokens_that_share_a_ticker_are_told_apart_at_coingecko(asset: str, coingecko: str) -> None:
    assert ASSETS.by_id[asset].coingecko == coingecko
    assert ASSETS.by_coingecko[coingecko].id == asset


def test_what_wraps_an_asset_stays_an_asset_of_its_own() -> None:
    wrapped = {asset.id: asset.wraps for asset in ASSETS.by_id.values() if asset.wraps}
    assert wrapped == {"WBTC": "BTC", "WETH": "ETH", "STETH": "ETH"}
    for name, native in wrapped.items():
        assert ASSETS.asset_of("binance", name) == name != native


ONE = '[asset.A]\nname = "a"\ncoingecko = "a"\n'


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[asset.B]\nname = "b"\ncoingecko = "a"\n', "both a"),
        ('[asset.B]\nname = "b"\ncoingecko = "b"\nwraps = "C"\n', "wraps C"),
        ('[asset.b]\nname = "b"\ncoingecko = "b"\n', "cannot be an asset's id"),
        (
            (
                '[asset.B]\nname = "b"\ncoingecko = "b"\n'
                'repositories = [{ name = "https://github.com/b/b", role = "core" }]\n'
            ),
            "no owner/name",
        ),
        (
            (
                '[asset.B]\nname = "b"\ncoingecko = "b"\ncodes = { x = ["C"] }\n'
                '[asset.D]\nname = "d"\ncoingecko = "d"\ncodes = { x = ["C"] }\n'
            ),
            "B and D are both",
        ),
        (
            (
                '[asset.B]\nname = "b"\ncoingecko = "b"\ndefillama = { chain = "X" }\n'
                '[asset.D]\nname = "d"\ncoingecko = "d"\ndefillama = { chain = "X" }\n'
            ),
            "B and D are both",
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(more: str, told: str) -> None:
    with pytest.raises(AssetError, match=told):
        read(ONE + more)
