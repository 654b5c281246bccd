"""What each venue calls its markets, what its volumes count, and how its candles come: PURE.

Any other venue that ccxt knows can be had by settings: they say what its volumes count and its own ids.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from streams.collectors.assets import ASSETS, AssetError, Assets
from topics import SettingsError

Unit = Literal["base", "contracts"]


class VenueFacts(Struct, frozen=True, kw_only=True):
    """One venue, from its documents."""

    market_id: Callable[[str, str], str] | None
    """Of base and quote, by the venue's codes, of a spot market; None where there is no rule."""
    spot: bool = True
    """Whether volumes of spot markets are known to count the base asset."""
    linear: bool = False
    """Whether those of contracts settled in the quote are."""
    empty_candles: bool = False
    """Whether a candle comes for a span without trades too, so that a missing one proves a hole."""
    keeps: int | None = None
    """How many candles it gives at most, counted from the newest; None where older ones can be asked for."""
    page: int = 300
    """Candles of one answer that can be relied on."""


def _plain(base: str, quote: str) -> str:
    return base + quote


def _small(base: str, quote: str) -> str:
    return (base + quote).lower()


def _dashed(base: str, quote: str) -> str:
    return f"{base}-{quote}"


def _low(base: str, quote: str) -> str:
    return f"{base}_{quote}"


def _turned(base: str, quote: str) -> str:
    return f"{quote}-{base}"


FACTS: dict[str, VenueFacts] = {
    "binance": VenueFacts(market_id=_plain, linear=True, empty_candles=True),
    "binanceus": VenueFacts(market_id=_plain, empty_candles=True),
    "bitget": VenueFacts(market_id=_plain, page=200),
    "bitstamp": VenueFacts(market_id=_small),
    "bybit": VenueFacts(market_id=_plain, linear=True),
    "coinbase": VenueFacts(market_id=_dashed),
    "coinbaseexchange": VenueFacts(market_id=_dashed),
    "cryptocom": VenueFacts(market_id=_low),
    "gate": VenueFacts(market_id=_low),
    "gemini": VenueFacts(market_id=_small, keeps=1_440),
    "htx": VenueFacts(market_id=_small),
    "kraken": VenueFacts(market_id=_plain, keeps=720),
    "kucoin": VenueFacts(market_id=_dashed),
    "mexc": VenueFacts(market_id=_plain),
    "okx": VenueFacts(market_id=_dashed),
    "upbit": VenueFacts(market_id=_turned, page=200),
}
"""By ccxt's name. Gate, HTX, KuCoin and Upbit give the turnover in the quote too; ccxt takes the base's."""

UNKNOWN = VenueFacts(market_id=None, spot=False)
"""Of any other venue."""


class Pair(Struct, frozen=True, kw_only=True):
    """One market whose volume is asked for."""

    symbol: str
    """BASE/QUOTE or BASE/QUOTE:SETTLE, in our ids."""
    venue_id: str
    asset: str
    base: str
    quote: str
    """As the venue writes them."""
    settle: str | None
    factor: Decimal
    """What a volume of the venue is multiplied with, to count the asset."""


def facts_of(venue: str) -> VenueFacts:
    """Return what is known of a venue; nothing of one that is not in the table."""
    return FACTS.get(venue, UNKNOWN)


def pairs_of(
    venue: str,
    symbols: tuple[str, ...],
    *,
    ids: Mapping[str, str],
    unit: Unit | None,
    contract_size: Decimal,
    assets: Assets = ASSETS,
) -> tuple[Pair, ...]:
    """Return the markets of an entry of the settings.

    Raises:
        SettingsError: A market's id, its asset or what its volume counts is not certain.
    """
    factor = contract_size if unit == "contracts" else Decimal(1)
    pairs = []
    for symbol in symbols:
        pair = _pair(venue, symbol, ids.get(symbol), assets, factor=factor)
        if unit is None:
            _refuse_uncounted(venue, pair)
        pairs.append(pair)
    return tuple(pairs)


def _pair(
    venue: str, symbol: str, given_id: str | None, assets: Assets, *, factor: Decimal
) -> Pair:
    names, _, settle = symbol.partition(":")
    asset, _, quote_asset = names.partition("/")
    try:
        base = assets.code_of(venue, asset)
        # Quotes are asked for, never counted: what the venue's code for one is need not be certain.
        quote = _quote_code(assets, venue, quote_asset)
    except AssetError as error:
        msg = f"{symbol} at {venue}: {error}"
        raise SettingsError(msg) from error
    facts = facts_of(venue)
    venue_id = given_id or (
        facts.market_id(base, quote) if facts.market_id is not None and not settle else None
    )
    if venue_id is None:
        msg = f"{symbol}: what {venue} calls it is not known here: say it in ids"
        raise SettingsError(msg)
    return Pair(
        symbol=symbol,
        venue_id=venue_id,
        asset=asset,
        base=base,
        quote=quote,
        settle=settle or None,
        factor=factor,
    )


def _refuse_uncounted(venue: str, pair: Pair) -> None:
    facts = facts_of(venue)
    quote = pair.symbol.partition("/")[2].partition(":")[0]
    if facts.spot if pair.settle is None else facts.linear and pair.settle == quote:
        return
    msg = (
        f"{pair.symbol}: it is not known that {venue} counts its volume in {pair.asset}. If it does, say"
        " unit = 'base'; if it counts contracts, say unit = 'contracts' and contract_size, in the asset. What it"
        f" counts in {quote} cannot be told in {pair.asset} exactly, and is refused"
    )
    raise SettingsError(msg)


def _quote_code(assets: Assets, venue: str, quote: str) -> str:
    try:
        return assets.code_of(venue, quote)
    except AssetError:
        return quote


def ccxt_market(pair: Pair) -> dict[str, Any]:
    """Return as much of a market as ccxt needs to ask for it."""
    spot = pair.settle is None
    return {
        "id": pair.venue_id,
        "lowercaseId": pair.venue_id.lower(),
        "symbol": pair.symbol,
        "base": pair.base,
        "quote": pair.quote,
        "settle": pair.settle,
        "baseId": pair.base,
        "quoteId": pair.quote,
        "settleId": pair.settle,
        "type": "spot" if spot else "swap",
        "spot": spot,
        "margin": False,
        "swap": not spot,
        "future": False,
        "option": False,
        "contract": not spot,
        "linear": not spot,
        "inverse": False,
        "contractSize": None if spot else 1,
        "active": True,
        "precision": {"price": 1e-8, "amount": 1e-8},
        "limits": {},
        "info": {},
    }


def under_our_id(venue: str, answer: object, pair: Pair) -> object:
    """Return an answer whose markets bear the ids they were asked for by.

    Kraken answers for XBTUSD under XXBTZUSD, and ccxt looks for what it asked for.
    """
    if venue != "kraken" or not isinstance(answer, dict):
        return answer
    result = answer.get("result")
    if not isinstance(result, dict):
        return answer
    others = [name for name in result if name != "last"]
    if len(others) != 1 or others[0] == pair.venue_id:
        return answer
    renamed = {**result, pair.venue_id: result[others[0]]}
    del renamed[others[0]]
    return {**answer, "result": renamed}
