# ruff: noqa: ARG002 - some venues do not say when a frame was sent
"""Binance, Coinbase, Kraken, OKX, Bybit."""

from collections.abc import Mapping, Sequence
from typing import Any

from .dialect import Dialect, Page, Rows, compact, load, rfc3339
from .market import Row


class Binance(Dialect):
    """Spot: aggregate trades."""

    path = "/stream/ws"
    numbered = True

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "")

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        names = [stream.partition("@")[0] for stream in request["params"]]
        return [compact({"result": None, "id": request["id"]})], names

    def frame(self, row: Row, sent_ms: int) -> str:
        return compact({"e": "aggTrade", "E": sent_ms, "s": self.name(row.symbol), **_agg(row)})

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        assert path == "/api/v3/aggTrades", path
        rows = market[self.symbol(query["symbol"], list(market))]
        page = [_agg(row) for row in rows if row.number >= int(query["fromId"])]
        return 200, compact(page[: int(query["limit"])])


def _agg(row: Row) -> dict[str, Any]:
    return {
        "a": row.number,
        "p": row.price,
        "q": row.size,
        "f": row.number * 2,
        "l": row.number * 2 + 1,
        "T": row.ms,
        "m": row.side == "sell",
        "M": True,
    }


class Coinbase(Dialect):
    """Advanced Trade. The side is the maker's."""

    quote = "USD"
    numbered = True
    snapshot = 20

    def __init__(self) -> None:
        self._sequence = -1

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "-")

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        channel, names = request["channel"], request["product_ids"]
        told = self._envelope("subscriptions", self.now_ms(), [{"subscriptions": {channel: names}}])
        return [told], names if channel == "market_trades" else []

    def frame(self, row: Row, sent_ms: int) -> str:
        return self._envelope(
            "market_trades", sent_ms, [{"type": "update", "trades": [self._trade(row)]}]
        )

    def latest(self, rows: Sequence[Row], sent_ms: int) -> str:
        trades = [self._trade(row) for row in reversed(rows)]
        return self._envelope("market_trades", sent_ms, [{"type": "snapshot", "trades": trades}])

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        name = path.removeprefix("/api/v3/brokerage/market/products/").removesuffix("/ticker")
        rows = market[self.symbol(name, list(market))]
        start_ms, end_ms = int(query["start"]) * 1000, int(query["end"]) * 1000
        page = [self._trade(row) for row in reversed(rows) if start_ms <= row.ms <= end_ms]
        return 200, compact(
            {"trades": page[: int(query["limit"])], "best_bid": "1", "best_ask": "2"}
        )

    def _envelope(self, channel: str, sent_ms: int, events: list[dict[str, Any]]) -> str:
        self._sequence += 1
        return compact(
            {
                "channel": channel,
                "client_id": "",
                "timestamp": rfc3339(sent_ms, "123456"),
                "sequence_num": self._sequence,
                "events": events,
            }
        )

    def _trade(self, row: Row) -> dict[str, str]:
        return {
            "trade_id": str(row.number),
            "product_id": self.name(row.symbol),
            "price": row.price,
            "size": row.size,
            "side": "SELL" if row.side == "buy" else "BUY",
            "time": rfc3339(row.ms, "999"),
        }


class Kraken(Dialect):
    """Spot, websocket v2. Numbers are JSON numbers."""

    path = "/v2"
    quote = "USD"
    numbered = True
    snapshot = 20

    def name(self, symbol: str) -> str:
        return symbol

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        now_ms = self.now_ms()
        at = {"time_in": rfc3339(now_ms, "1"), "time_out": rfc3339(now_ms)}
        if request["method"] == "ping":
            return [compact({"method": "pong", **at})], []
        names = request["params"]["symbol"]
        return [
            compact(
                {
                    "method": "subscribe",
                    "req_id": request["req_id"],
                    "result": {"channel": "trade", "snapshot": True, "symbol": name},
                    "success": True,
                    **at,
                }
            )
            for name in names
        ], names

    def frame(self, row: Row, sent_ms: int) -> str:
        return self._frame("update", [row])

    def latest(self, rows: Sequence[Row], sent_ms: int) -> str:
        return self._frame("snapshot", rows)

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        assert path == "/0/public/Trades", path
        symbol = next(s for s in market if _rest_name(s) == query["pair"])
        since_ns = int(query["since"])
        page = [row for row in market[symbol] if row.ms * 1_000_000 > since_ns]
        page = page[: int(query["count"])]
        rows = ",".join(
            f'["{row.price}","{row.size}",{row.ms // 1000}.{row.ms % 1000:03d},"{row.side[0]}","l","",{row.number}]'
            for row in page
        )
        last = page[-1].ms * 1_000_000 if page else since_ns
        return 200, f'{{"error":[],"result":{{"{query["pair"]}":[{rows}],"last":"{last}"}}}}'

    def _frame(self, kind: str, rows: Sequence[Row]) -> str:
        data = ",".join(
            f'{{"symbol":"{row.symbol}","side":"{row.side}","price":{row.price},"qty":{row.size},'
            f'"ord_type":"market","trade_id":{row.number},"timestamp":"{rfc3339(row.ms, "706")}"}}'
            for row in rows
        )
        return f'{{"channel":"trade","type":"{kind}","data":[{data}]}}'


def _rest_name(symbol: str) -> str:
    return symbol.replace("BTC", "XBT").replace("DOGE", "XDG").replace("/", "")


class Okx(Dialect):
    """Spot: the channel that puts fills together."""

    path = "/ws/v5"
    page = 100

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "-")

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        if text == "ping":
            return ["pong"], []
        asked = load(text)["args"]
        answers = [
            compact({"event": "subscribe", "arg": arg, "connId": "a4d3ae55"}) for arg in asked
        ]
        return answers, [arg["instId"] for arg in asked]

    def frame(self, row: Row, sent_ms: int) -> str:
        arg = {"channel": "trades", "instId": self.name(row.symbol)}
        return compact({"arg": arg, "data": [{**self._trade(row), "count": "1", "seqId": 7}]})

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        assert path == "/api/v5/market/history-trades", path
        rows = market[self.symbol(query["instId"], list(market))]
        after = int(query["after"])
        page = [self._trade(row) for row in reversed(rows) if row.number < after]
        return 200, compact({"code": "0", "msg": "", "data": page[: int(query["limit"])]})

    def _trade(self, row: Row) -> dict[str, str]:
        return {
            "instId": self.name(row.symbol),
            "tradeId": str(row.number),
            "px": row.price,
            "sz": row.size,
            "side": row.side,
            "source": "0",
            "ts": str(row.ms),
        }


class Bybit(Dialect):
    """V5, spot. Ids are no numbers."""

    path = "/v5/public/spot"
    page = 60

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "")

    def id(self, row: Row) -> str:
        d = row.digest
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:32]}"

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        answer = {"success": True, "conn_id": "2324d924", "req_id": request["req_id"]}
        if request["op"] == "ping":
            return [compact({**answer, "ret_msg": "pong", "op": "ping"})], []
        names = [topic.removeprefix("publicTrade.") for topic in request["args"]]
        return [compact({**answer, "ret_msg": "subscribe", "op": "subscribe"})], names

    def frame(self, row: Row, sent_ms: int) -> str:
        name = self.name(row.symbol)
        trade = {
            "T": row.ms,
            "s": name,
            "S": row.side.capitalize(),
            "v": row.size,
            "p": row.price,
            "L": "PlusTick",
            "i": self.id(row),
            "BT": False,
        }
        topic = f"publicTrade.{name}"
        return compact({"topic": topic, "ts": sent_ms, "type": "snapshot", "data": [trade]})

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        assert path == "/v5/market/recent-trade", path
        rows = market[self.symbol(query["symbol"], list(market))]
        page = [
            {
                "execId": self.id(row),
                "symbol": query["symbol"],
                "price": row.price,
                "size": row.size,
                "side": row.side.capitalize(),
                "time": str(row.ms),
                "isBlockTrade": False,
            }
            for row in reversed(rows[-min(self.page, int(query["limit"])) :])
        ]
        result = {"category": query["category"], "list": page}
        return 200, compact({"retCode": 0, "retMsg": "OK", "result": result, "time": rows[-1].ms})
