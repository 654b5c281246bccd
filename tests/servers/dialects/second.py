# ruff: noqa: ARG002 - some venues do not say when a frame was sent
"""Bitstamp, Gemini, Gate, KuCoin."""

from collections.abc import Mapping
from typing import Any

from .dialect import Dialect, Page, Rows, compact, load
from .market import Row

_SPANS_S = {"minute": 60, "hour": 3_600, "day": 86_400}


class Bitstamp(Dialect):
    """Spot: one channel an instrument; ids are of all instruments together. REST prints whole seconds."""

    quote = "USD"
    rest_ms = 1_000

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "").lower()

    def id(self, row: Row) -> str:
        return str(row.serial)

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        if request["event"] == "bts:heartbeat":
            told = {"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}}
            return [compact(told)], []
        channel = request["data"]["channel"]
        told = {"event": "bts:subscription_succeeded", "channel": channel, "data": {}}
        return [compact(told)], [channel.removeprefix("live_trades_")]

    def frame(self, row: Row, sent_ms: int) -> str:
        trade = {
            "id": row.serial,
            "timestamp": str(row.ms // 1000),
            "amount": float(row.size),
            "amount_str": row.size,
            "price": float(row.price),
            "price_str": row.price,
            "type": 0 if row.side == "buy" else 1,
            "microtimestamp": f"{row.ms}000",
            "buy_order_id": 1207733769326592,
            "sell_order_id": 1207733765476352,
        }
        channel = f"live_trades_{self.name(row.symbol)}"
        return compact({"data": trade, "channel": channel, "event": "trade"})

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        name = path.removeprefix("/api/v2/transactions/").strip("/")
        rows = market[self.symbol(name, list(market))]
        since_ms = rows[-1].ms - _SPANS_S[query["time"]] * 1000
        page = [
            {
                "date": str(row.ms // 1000),
                "tid": str(row.serial),
                "amount": row.size,
                "type": "0" if row.side == "buy" else "1",
                "price": row.price,
            }
            for row in reversed(rows)
            if row.ms >= since_ms
        ]
        return 200, compact(page)


class Gemini(Dialect):
    """Spot, version 1: the address subscribes. Ids are of all instruments together."""

    quote = "USD"
    page = 500

    def __init__(self) -> None:
        self._sequence = -1

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "")

    def id(self, row: Row) -> str:
        return str(row.serial)

    def opened(self, query: Mapping[str, str]) -> tuple[list[str], list[str]]:
        return [], [name for name in query.get("symbols", "").split(",") if name]

    def frame(self, row: Row, sent_ms: int) -> str:
        self._sequence += 1
        trade = {
            "type": "trade",
            "symbol": self.name(row.symbol),
            "tid": row.serial,
            "price": row.price,
            "amount": row.size,
            "makerSide": "ask" if row.side == "buy" else "bid",
        }
        return compact(
            {
                "type": "update",
                "eventId": row.serial,
                "socket_sequence": self._sequence,
                "timestamp": row.ms // 1000,
                "timestampms": row.ms,
                "events": [trade],
            }
        )

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        name = path.removeprefix("/v1/trades/")
        rows = list(market[self.symbol(name, list(market))])
        most = min(self.page, int(query.get("limit_trades", "50")))
        if "since_tid" in query:
            rows = [row for row in rows if row.serial > int(query["since_tid"])]
        elif "timestamp" in query:
            rows = [row for row in rows if row.ms >= int(query["timestamp"])]
        else:
            rows = rows[-most:]
        page = [
            {
                "timestamp": row.ms // 1000,
                "timestampms": row.ms,
                "tid": row.serial,
                "price": row.price,
                "amount": row.size,
                "exchange": "gemini",
                "type": row.side,
            }
            for row in reversed(rows[:most])
        ]
        return 200, compact(page)


class Gate(Dialect):
    """Spot; ids are of all instruments together."""

    path = "/ws/v4/"

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "_")

    def id(self, row: Row) -> str:
        return str(row.serial)

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        told = {
            "time": self.now_ms() // 1000,
            "time_ms": self.now_ms(),
            "channel": request["channel"],
            "event": request.get("event", ""),
        }
        if request["channel"] == "spot.ping":
            return [compact({**told, "channel": "spot.pong", "result": None})], []
        answer = {**told, "id": request["id"], "error": None, "result": {"status": "success"}}
        return [compact(answer)], request["payload"]

    def frame(self, row: Row, sent_ms: int) -> str:
        return compact(
            {
                "time": sent_ms // 1000,
                "time_ms": sent_ms,
                "channel": "spot.trades",
                "event": "update",
                "result": self._trade(row),
            }
        )

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        assert path == "/api/v4/spot/trades", path
        rows = list(market[self.symbol(query["currency_pair"], list(market))])
        most = int(query.get("limit", "100"))
        if "last_id" in query:
            last = int(query["last_id"])
            if query.get("reverse") == "true":
                rows = [row for row in rows if row.serial < last][-most:]
            else:
                rows = [row for row in rows if row.serial > last][:most]
        else:
            if "from" in query:
                rows = [row for row in rows if row.ms >= int(query["from"]) * 1000]
            if "to" in query:
                rows = [row for row in rows if row.ms // 1000 <= int(query["to"])]
            rows = rows[-most:]
        return 200, compact([self._trade(row) for row in reversed(rows)])

    def _trade(self, row: Row) -> dict[str, Any]:
        return {
            "id": str(row.serial),
            "create_time": str(row.ms // 1000),
            "create_time_ms": f"{row.ms}.123",
            "currency_pair": self.name(row.symbol),
            "side": row.side,
            "role": "taker",
            "amount": row.size,
            "price": row.price,
            "sequence_id": str(row.number),
        }


class Kucoin(Dialect):
    """Spot: the address comes with a token; only the sequence is in both its pages and its frames."""

    page = 100
    by_token = True

    def name(self, symbol: str) -> str:
        return symbol.replace("/", "-")

    def id(self, row: Row) -> str:
        return str(row.serial)

    def opened(self, query: Mapping[str, str]) -> tuple[list[str], list[str]]:
        assert query["token"] == "T-o-k-e-n"  # noqa: S105 - the test's own
        return [compact({"id": query.get("connectId", ""), "type": "welcome"})], []

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        request = load(text)
        if request["type"] == "ping":
            return [compact({"id": request["id"], "type": "pong", "timestamp": 1})], []
        names = request["topic"].removeprefix("/market/match:").split(",")
        return [compact({"id": request["id"], "type": "ack"})], names

    def frame(self, row: Row, sent_ms: int) -> str:
        name = self.name(row.symbol)
        trade = {
            "makerOrderId": "5e356bffedf0010008fa5d7f",
            "price": row.price,
            "sequence": str(row.serial),
            "side": row.side,
            "size": row.size,
            "symbol": name,
            "takerOrderId": "5e356c4a9f1a790008f8d921",
            "time": f"{row.ms}436443",
            "tradeId": row.digest[:24],
            "type": "match",
        }
        topic = f"/market/match:{name}"
        return compact(
            {"topic": topic, "type": "message", "subject": "trade.l3match", "data": trade}
        )

    def rest(self, path: str, query: Mapping[str, str], market: Rows) -> Page:
        if path == "/api/v1/bullet-public":
            raise AssertionError(path)
        assert path == "/api/v1/market/histories", path
        rows = market[self.symbol(query["symbol"], list(market))]
        page = [
            {
                "sequence": str(row.serial),
                "price": row.price,
                "size": row.size,
                "side": row.side,
                "time": int(f"{row.ms}436443"),
            }
            for row in rows[-self.page :]
        ]
        return 200, compact({"code": "200000", "data": page})
