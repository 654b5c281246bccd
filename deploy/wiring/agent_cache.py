"""Where what is said of states is kept, out of an agent's settings."""

from urllib.parse import urlsplit

from agents.cache.narratives import NarrativeCache
from agents.cache.store import Store
from agents.settings import AgentSettings
from deploy.role import now_ms
from topics import SettingsError

PORT = 6379
"""Redis' own, where an address names none."""


def create_cache(settings: AgentSettings, prefix: str) -> NarrativeCache | None:
    """Return the cache, or None where no model is asked about states.

    Raises:
        SettingsError: Its Redis is none, or the one that the ledger is in.
    """
    if "state" not in settings.model.products:
        return None
    url, key = settings.cache.redis_url, "agent.cache.redis_url"
    if url is None:
        return NarrativeCache(settings.cache, None, prefix=prefix, now_ms=now_ms)
    try:
        store = Store(url, prefix=prefix)
    except ValueError as error:
        msg = f"{key}: {error}"
        raise SettingsError(msg) from None
    ledger = settings.budget.redis_url
    if ledger is not None and _server_of(url) == _server_of(ledger):
        msg = f"{key}: the ledger's Redis must never drop a key, the cache's must; give it another one"
        raise SettingsError(msg)
    return NarrativeCache(settings.cache, store, prefix=prefix, now_ms=now_ms)


def _server_of(url: str) -> str:
    """Return which server an address is of: what it does with its memory it does in all its databases."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    if parts.scheme in ("redis", "rediss"):
        return hosts if parts.port else f"{hosts}:{PORT}"
    return f"{hosts}{parts.path}"  # a socket's, or the name of what sentinels watch
