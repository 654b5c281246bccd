"""Who may come in: tokens, hosts, origins, rates and headers, before the API, the pages and their websocket."""

from .access import Access, access_of, holds_of

__all__ = ["Access", "access_of", "holds_of"]
