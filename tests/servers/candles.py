"""Venues for tests: REST on loopback that answers for candles and tickers in each venue's form."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from tests.servers.web import WebServer

MINUTE_MS = 60_000


@dataclass
class Market:
    """What one market printed: the volume of each minute, as text, and of the last 24 h."""

    volumes: dict[int, str] = field(default_factory=dict)
    turnover: str = "1234.50000000"
    ticker_ms: int = 0


class Venue:
    """One venue: its markets by its own ids, its clock, and the server that answers for it."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Nothing listens before `server` is entered."""
        self.markets: dict[str, Market] = {}
        self.now_ms = now_ms
        self.dated = True
        """Whether answers say when they were made."""
        self.down = False
        self.bodies: list[str] = []
        """What is answered next, whatever was asked."""
        self.server = WebServer(self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503)
        for path, form in FORMS.items():
            if request.path.startswith(path):
                said = form(self, request)
                break
        else:
            return web.Response(status=404)
        if said is None:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        headers = {"Date": formatdate(self.now_ms() // 1_000, usegmt=True)} if self.dated else {}
        text = self.bodies.pop() if self.bodies else json_text(said)
        return web.Response(text=text, content_type="application/json", headers=headers)

    def candles(self, market_id: str, since_ms: int, limit: int) -> list[tuple[int, str]] | None:
        """Return the candles from a time on, the open one too; None if there is no such market."""
        market = self.markets.get(market_id)
        if market is None:
            return None
        now_ms = self.now_ms()
        there = [(at, v) for at, v in sorted(market.volumes.items()) if since_ms <= at <= now_ms]
        return there[:limit]


class Raw(str):
    """Text that is to stand in JSON as it is: a number with all its digits, or something hostile."""

    __slots__ = ()


def json_text(value: Any) -> str:
    """Return JSON in which `Raw` stands as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        inner = (f"{json_text(str(k))}:{json_text(v)}" for k, v in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    return json.dumps(value)


def _binance_klines(venue: Venue, request: web.Request) -> Any:
    query = request.query
    candles = venue.candles(query["symbol"], int(query["startTime"]), int(query["limit"]))
    return candles and [
        [at, "1.0", "1.0", "1.0", "1.0", volume, at + 59_999, "2", 7, "1", "1", "0"]
        for at, volume in candles
    ]


def _binance_ticker(venue: Venue, request: web.Request) -> Any:
    market = venue.markets.get(request.query["symbol"])
    return market and {
        "symbol": request.query["symbol"],
        "lastPrice": "60000.10",
        "openPrice": "59000.10",
        "volume": market.turnover,
        "quoteVolume": "7",
        "openTime": market.ticker_ms - 86_400_000,
        "closeTime": market.ticker_ms,
    }


def _kraken_ohlc(venue: Venue, request: web.Request) -> Any:
    asked = request.query["pair"]
    candles = venue.candles(asked, (int(request.query["since"]) + 60) * 1_000, 720)
    if candles is None:
        return {"error": ["EQuery:Unknown asset pair"]}
    rows = [[at // 1_000, "1", "1", "1", "1", "1", volume, 3] for at, volume in candles]
    return {"error": [], "result": {PRIMARY.get(asked, asked): rows, "last": 1}}


def _kraken_ticker(venue: Venue, request: web.Request) -> Any:
    asked = request.query["pair"]
    market = venue.markets.get(asked)
    if market is None:
        return {"error": ["EQuery:Unknown asset pair"]}
    pairs = {"a": ["2", "1", "1"], "b": ["1", "1", "1"], "c": ["1", "1"], "p": ["1", "1"]}
    last = {"v": ["3.1", market.turnover], "l": ["1", "1"], "h": ["2", "2"], "o": "1"}
    return {"error": [], "result": {PRIMARY.get(asked, asked): {**pairs, **last}}}


PRIMARY = {"XBTUSD": "XXBTZUSD", "ETHUSD": "XETHZUSD"}


def _since(venue: Venue, market_id: str, since_ms: int) -> list[tuple[int, str]]:
    return venue.candles(market_id, since_ms, 1_000) or []


def _okx(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.query["instId"], int(request.query["before"]) + 1)
    rows = [[str(at), "1", "1", "1", "1", v, "8", "9", "1"] for at, v in reversed(candles)]
    return {"code": "0", "msg": "", "data": rows}


def _bybit(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.query["symbol"], int(request.query["start"]))
    rows = [[str(at), "1", "1", "1", "1", v, "8"] for at, v in reversed(candles)]
    result = {"category": "spot", "symbol": request.query["symbol"], "list": rows}
    return {"retCode": 0, "retMsg": "OK", "result": result, "time": 1}


def _gate(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.query["currency_pair"], int(request.query["from"]) * 1_000)
    return [[str(at // 1_000), "8", "1", "1", "1", "1", v, "true"] for at, v in candles]


def _kucoin(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.query["symbol"], int(request.query["startAt"]) * 1_000)
    rows = [[str(at // 1_000), "1", "1", "1", "1", v, "8"] for at, v in reversed(candles)]
    return {"code": "200000", "data": rows}


def _bitstamp(venue: Venue, request: web.Request) -> Any:
    market_id = request.path.split("/")[4]
    candles = _since(venue, market_id, int(request.query["start"]) * 1_000)
    rows = [
        {
            "timestamp": str(at // 1_000),
            "open": "1",
            "high": "1",
            "low": "1",
            "close": "1",
            "volume": v,
        }
        for at, v in candles
    ]
    return {"data": {"pair": "BTC/USD", "ohlc": rows}}


def _gemini(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.path.split("/")[3], 0)
    return [[at, 1, 1, 1, 1, Raw(v)] for at, v in reversed(candles)]


def _coinbase(venue: Venue, request: web.Request) -> Any:
    candles = _since(venue, request.path.split("/")[6], int(request.query["start"]) * 1_000)
    rows = [
        {"start": str(at // 1_000), "low": "1", "high": "1", "open": "1", "close": "1", "volume": v}
        for at, v in reversed(candles)
    ]
    return {"candles": rows}


FORMS: dict[str, Callable[[Venue, web.Request], Any]] = {
    "/api/v3/klines": _binance_klines,
    "/api/v3/ticker/24hr": _binance_ticker,
    "/0/public/OHLC": _kraken_ohlc,
    "/0/public/Ticker": _kraken_ticker,
    "/api/v5/market/candles": _okx,
    "/v5/market/kline": _bybit,
    "/api/v4/spot/candlesticks": _gate,
    "/api/v1/market/candles": _kucoin,
    "/api/v2/ohlc/": _bitstamp,
    "/v2/candles/": _gemini,
    "/api/v3/brokerage/market/products/": _coinbase,
}
"""By the beginning of the path, after each venue's documents as of ccxt 4.5.90."""
