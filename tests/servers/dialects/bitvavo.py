"""Bitvavo: a venue that is read by ccxt's parsing alone."""

from collections.abc import Mapping
from typing import Any

from .dialect import Dialect, Page, Rows, compact, load
from .market import Row


class Bitvavo(Dialect):
    """Spot. Ids mean nothing, and there is no snapshot."""

    quote = "EUR"
    page = 500

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "-")

    def id(self, row: Row) -> str:
        return f"{row.digest[:8]}-{row.digest[8:12]}"

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        (channel,) = load(text)["channels"]
        assert channel["name"] == "trades"
        told = {"event": "subscribed", "subscriptions": {"trades": channel["markets"]}}
        return [compact(told)], channel["markets"]

    def frame(self, row: Row, sent_ms: int) -> str:
        del sent_ms
        return compact({"event": "trade", "market": self.name(row.symbol), **self._trade(row)})

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        if path == "/v2/markets":
            return 200, compact([self._market(symbol) for symbol in market])
        if path == "/v2/assets":
            return 200, "[]"
        _, _, name, kind = path.split("/")
        assert kind == "trades", path
        rows = market[self.symbol(name, list(market))]
        since_ms = int(query.get("start", "0"))
        page = [self._trade(row) for row in rows if row.ms >= since_ms][-self.page :]
        return 200, compact(page[::-1])

    def _trade(self, row: Row) -> dict[str, Any]:
        return {
            "id": self.id(row),
            "timestamp": row.ms,
            "amount": row.size,
            "price": row.price,
            "side": row.side,
        }

    def _market(self, symbol: str) -> dict[str, Any]:
        base, _, quote = symbol.partition("/")
        return {
            "market": self.name(symbol),
            "status": "trading",
            "base": base,
            "quote": quote,
            "pricePrecision": 5,
            "tickSize": "0.01",
            "quantityDecimals": 8,
            "notionalDecimals": 2,
            "minOrderInBaseAsset": "0.0001",
            "minOrderInQuoteAsset": "5",
            "maxOrderInBaseAsset": "1000000",
            "maxOrderInQuoteAsset": "1000000",
            "orderTypes": ["market", "limit"],
        }
