"""Aggregators for tests: CoinGecko and DefiLlama on loopback, in their documented forms."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.candles import json_text
from tests.servers.web import WebServer


class CoinGecko:
    """Coins by CoinGecko's ids, each what the service says of it."""

    def __init__(self) -> None:
        """Nothing listens before `server` is entered."""
        self.coins: dict[str, Any] = {}
        self.down = False
        self.server = WebServer(self._answer)

    def say(self, coin: str, usd: Any, volume: Any, updated_s: Any) -> None:
        """Say something of a coin."""
        self.coins[coin] = {"usd": usd, "usd_24h_vol": volume, "last_updated_at": updated_s}

    async def _answer(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503)
        if not request.path.endswith("/simple/price"):
            return web.Response(status=404)
        asked = request.query["ids"].split(",")
        said = {coin: _now(self.coins[coin]) for coin in asked if coin in self.coins}
        return web.Response(text=json_text(said), content_type="application/json")


def _now(coin: Any) -> Any:
    """Return what is said of a coin, its time where that is a clock's."""
    if isinstance(coin, dict) and callable(coin.get("last_updated_at")):
        return {**coin, "last_updated_at": coin["last_updated_at"]()}
    return coin


@dataclass
class DefiLlama:
    """DEX volumes by path, prices by CoinGecko's id."""

    volumes: dict[str, Any] = field(default_factory=dict)
    coins: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing listens before `server` is entered."""
        self.server = WebServer(self._answer)

    def price(self, coin: str, usd: Any, at_s: Any) -> None:
        """Say a coin's price."""
        self.coins[f"coingecko:{coin}"] = {
            "price": usd,
            "symbol": "X",
            "timestamp": at_s,
            "confidence": 0.99,
        }

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path.startswith("/prices/current/"):
            asked = request.path.removeprefix("/prices/current/").split(",")
            said: Any = {"coins": {name: self.coins[name] for name in asked if name in self.coins}}
        elif request.path in self.volumes:
            said = self.volumes[request.path]
        else:
            return web.json_response({"message": "not found"}, status=404)
        return web.Response(text=json_text(said), content_type="application/json")
