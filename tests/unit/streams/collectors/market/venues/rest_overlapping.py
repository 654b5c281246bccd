"""The REST of venues whose ids have holes of their own, as their documents describe it, over a tape that the test makes."""

from streams.collectors.market.venues import Ask

from .rest import Answer, Print, dumped

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def bitstamp(prints: list[Print], *, now_ms: int) -> Answer:
    """GET /api/v2/transactions/{pair}/: all of the last hour or day, newest first; times in seconds, all as text."""

    def answer(ask: Ask) -> bytes:
        assert (ask.endpoint, ask.params["pair"]) == ("publicGetTransactionsPair", "btcusd")
        since_ms = now_ms - {"hour": HOUR_MS, "day": DAY_MS}[str(ask.params["time"])]
        rows = [
            {
                "date": str(p.ms // 1000),
                "tid": str(p.number),
                "amount": p.size,
                "type": {"buy": "0", "sell": "1"}[p.side],
                "price": p.price,
            }
            for p in prints[::-1]
            if p.ms >= since_ms
        ]
        return dumped(rows)

    return answer


def gemini(prints: list[Print], *, latest: bool = False) -> Answer:
    """GET /v1/trades/{symbol}: those later than an id, newest first; the next ones, or the ``latest`` that there are."""

    def answer(ask: Ask) -> bytes:
        assert (ask.endpoint, ask.params["symbol"]) == ("publicGetV1TradesSymbol", "btcusd")
        later = [p for p in prints if p.number > int(ask.params["since_tid"])]
        most = int(ask.params["limit_trades"])
        page = later[-most:] if latest else later[:most]
        rows = [
            {
                "timestamp": p.ms // 1000,
                "timestampms": p.ms,
                "tid": p.number,
                "price": p.price,
                "amount": p.size,
                "exchange": "gemini",
                "type": p.side,
            }
            for p in page[::-1]
        ]
        return dumped(rows)

    return answer


def gate(prints: list[Print]) -> Answer:
    """GET /spot/trades with `reverse`: those earlier than an id, newest first."""

    def answer(ask: Ask) -> bytes:
        assert (ask.endpoint, ask.params["currency_pair"]) == ("publicSpotGetTrades", "BTC_USDT")
        assert ask.params["reverse"] == "true"
        earlier = [p for p in prints if p.number < int(ask.params["last_id"])]
        rows = [
            {
                "id": str(p.number),
                "create_time": str(p.ms // 1000),
                "create_time_ms": f"{p.ms}.123000",
                "currency_pair": "BTC_USDT",
                "side": p.side,
                "amount": p.size,
                "price": p.price,
                "sequence_id": "1",
            }
            for p in earlier[::-1][: int(ask.params["limit"])]
        ]
        return dumped(rows)

    return answer


def kucoin(prints: list[Print]) -> Answer:
    """GET /api/v1/market/histories: the newest 100."""

    def answer(ask: Ask) -> bytes:
        assert (ask.endpoint, ask.params["symbol"]) == ("publicGetMarketHistories", "BTC-USDT")
        rows = [
            {
                "sequence": str(p.number),
                "price": p.price,
                "size": p.size,
                "side": p.side,
                "time": p.ms * 1_000_000 + 999_999,
            }
            for p in prints[-100:]
        ]
        return dumped({"code": "200000", "data": rows})

    return answer
