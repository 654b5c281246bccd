"""Where what is said of states is kept, out of an agent's settings."""

from agents.cache.narratives import NarrativeCache
from agents.cache.store import Store
from agents.settings import AgentSettings
from deploy.role import now_ms
from topics import SettingsError


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
    if url == settings.budget.redis_url:
        msg = f"{key}: the ledger's Redis must never drop a key, the cache's must; give it another one"
        raise SettingsError(msg)
    try:
        store = Store(url, prefix=prefix)
    except ValueError as error:
        msg = f"{key}: {error}"
        raise SettingsError(msg) from None
    return NarrativeCache(settings.cache, store, prefix=prefix, now_ms=now_ms)
