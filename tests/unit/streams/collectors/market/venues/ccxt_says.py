"""What ccxt itself makes of the same text: a second reader of the venues' fields, which shares no code with ours."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from streams.collectors.market.tap import _ccxt_market
from streams.collectors.market.venues import Venue
from topics import Trade

ENTRIES: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
    "coinbase": lambda frame: [t for e in frame["events"] for t in e.get("trades", [])],
    "kraken": lambda frame: frame["data"],
    "okx": lambda frame: frame["data"],
    "bybit": lambda frame: frame["data"],
}
"""The entries of a frame with trades, by venue."""
WHOLE = {"bitstamp", "gate", "gemini", "kucoin"}
"""Where ccxt is given the whole frame, as its client would."""
MAKERS = {"coinbase"}
"""Where ccxt's side is the maker's: it hands on what the venue prints."""


class _Client:
    """As much of ccxt's client as its reading of a frame needs: who waits for what."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Any] = {}
        self.resolved: list[str] = []

    def resolve(self, result: Any, message_hash: str) -> Any:
        self.resolved.append(message_hash)
        return result


class CcxtReader:
    """The real ccxt class of a venue, which asks the network for nothing."""

    def __init__(self, ccxt_pro: Any, venue: Venue) -> None:
        self._exchange = getattr(ccxt_pro, venue.exchange)()
        self._exchange.set_markets([_ccxt_market(market) for market in venue.markets])
        self._name, self._venue = venue.exchange, venue

    def entries(self, frame: str) -> list[dict[str, Any]]:
        """Return the trades of a websocket frame as ccxt parses them."""
        if self._name in WHOLE:
            return self._handled(frame)
        return [self._parse_streamed(entry) for entry in ENTRIES[self._name](json.loads(frame))]

    def _handled(self, frame: str) -> list[dict[str, Any]]:
        client, self._exchange.trades = _Client(), {}
        self._exchange.handle_message(client, json.loads(frame))
        handled = [dict(trade) for cache in self._exchange.trades.values() for trade in cache]
        for trade in handled:
            assert f"trades:{trade['symbol']}" in client.resolved
            if self._name == "kucoin":  # ccxt's is `tradeId`, which REST has not
                trade["id"] = trade["info"]["sequence"]
        return [trade for trade in handled if trade["side"] is not None]  # an auction has no taker

    def parse(self, entry: Any, symbol: str) -> dict[str, Any]:
        """Return a trade of REST as ccxt parses it."""
        parsed: dict[str, Any] = self._exchange.parse_trade(entry, self._exchange.market(symbol))
        return parsed

    def _parse_streamed(self, entry: dict[str, Any]) -> dict[str, Any]:
        market = None
        if self._name == "bybit":  # one id for spot and linear: ccxt tells them by the address
            symbol = next(m.symbol for m in self._venue.markets if m.venue_id == entry["s"])
            market = self._exchange.market(symbol)
            parsed: dict[str, Any] = self._exchange.parse_ws_trade(entry, market)
        else:
            parsed = self._exchange.parse_trade(entry)
        return parsed


def agree(trade: Trade, parsed: dict[str, Any], *, name: str) -> None:
    """Say whether ours and ccxt's are one trade."""
    side = parsed["side"]
    if name in MAKERS:
        side = {"buy": "sell", "sell": "buy"}[side]
    assert (trade.trade_id, trade.subject, trade.side) == (parsed["id"], parsed["symbol"], side)
    assert trade.event_ms == parsed["timestamp"]
    assert float(trade.price) == float(Decimal(str(parsed["price"])))
    assert float(trade.size) == float(Decimal(str(parsed["amount"])))
