"""Venues' REST as their documents describe its paging, over a tape that the test makes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from streams.collectors.market.venues import Ask, Filled, Filling, Reply

RECEIVED_MS = 1_764_101_000_000
BEGIN_MS = 1_764_100_800_000
ASKS_MAX = 2_000
"""More than any hole of these tests needs: a filling that goes on asks for ever."""

Answer = Callable[[Ask], bytes]


class Print(Struct, frozen=True):
    """One trade, or one fill, of the tape."""

    number: int
    ms: int
    price: str = "100.10"
    size: str = "0.50"
    side: str = "buy"


def tape(first: int, last: int, *, step_ms: int = 7) -> list[Print]:
    return [
        Print(n, BEGIN_MS + n * step_ms, side="sell" if n % 3 else "buy")
        for n in range(first, last + 1)
    ]


def run(filling: Filling | None, answer: Answer) -> tuple[Filled, list[Ask]]:
    """Give each ask its answer, until the filling ends."""
    assert filling is not None
    asks: list[Ask] = []
    try:
        ask = next(filling)
        while True:
            asks.append(ask)
            assert len(asks) < ASKS_MAX, "it never ends"
            ask = filling.send(Reply(body=answer(ask), received_ms=RECEIVED_MS))
    except StopIteration as end:
        filled: Filled = end.value
        return filled, asks


def kraken(prints: list[Print]) -> Answer:
    """GET /0/public/Trades: later than `since`, in nanoseconds, oldest first."""

    def answer(ask: Ask) -> bytes:
        assert ask.endpoint == "publicGetTrades"
        assert ask.params["pair"] == "XBTUSD"
        since, most = int(ask.params["since"]), int(ask.params["count"])
        page = [p for p in prints if p.ms * 1_000_000 > since][:most]
        rows = [
            f'["{p.price}","{p.size}",{p.ms / 1000:.3f},"{p.side[0]}","l","",{p.number}]'
            for p in page
        ]
        last = page[-1].ms * 1_000_000 if page else since
        return f'{{"error":[],"result":{{"XXBTZUSD":[{",".join(rows)}],"last":"{last}"}}}}'.encode()

    return answer


def coinbase(prints: list[Print]) -> Answer:
    """GET /market/products/{product_id}/ticker: from `start` to `end`, in seconds, newest first."""

    def answer(ask: Ask) -> bytes:
        assert ask.endpoint == "v3PublicGetBrokerageMarketProductsProductIdTicker"
        start, end = int(ask.params["start"]), int(ask.params["end"])
        inside = [p for p in prints if start * 1000 <= p.ms <= end * 1000]
        page = inside[::-1][: int(ask.params["limit"])]
        trades = [
            {
                "trade_id": str(p.number),
                "product_id": ask.params["product_id"],
                "price": p.price,
                "size": p.size,
                "time": _rfc3339(p.ms),
                "side": {"buy": "SELL", "sell": "BUY"}[p.side],
                "bid": "",
                "ask": "",
            }
            for p in page
        ]
        return dumped({"trades": trades, "best_bid": "1", "best_ask": "2"})

    return answer


def okx(prints: list[Print]) -> Answer:
    """GET /market/history-trades, type 1: earlier than the id `after`, newest first."""

    def answer(ask: Ask) -> bytes:
        assert ask.endpoint == "publicGetMarketHistoryTrades"
        assert ask.params["type"] == "1"
        older = [p for p in prints if p.number < int(ask.params["after"])]
        page = older[::-1][: int(ask.params["limit"])]
        data = [
            {
                "instId": ask.params["instId"],
                "side": p.side,
                "sz": p.size,
                "px": p.price,
                "source": "0",
                "tradeId": str(p.number),
                "ts": str(p.ms),
            }
            for p in page
        ]
        return dumped({"code": "0", "msg": "", "data": data})

    return answer


def bybit(prints: list[Print]) -> Answer:
    """GET /v5/market/recent-trade: the newest, newest first."""

    def answer(ask: Ask) -> bytes:
        assert ask.endpoint == "publicGetV5MarketRecentTrade"
        page = prints[::-1][: int(ask.params["limit"])]
        trades = [
            {
                "execId": f"id-{p.number}",
                "symbol": ask.params["symbol"],
                "price": p.price,
                "size": p.size,
                "side": p.side.capitalize(),
                "time": str(p.ms),
                "isBlockTrade": False,
                "isRPITrade": False,
            }
            for p in page
        ]
        result = {"category": ask.params["category"], "list": trades}
        return dumped(
            {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": RECEIVED_MS}
        )

    return answer


def dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _rfc3339(ms: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
