"""Where each object is in the API, beside its page. PURE."""

from streams.serving.pages.links import aggregate, alert, analysis, asset, letter, raw

__all__ = ["V1", "aggregate", "alert", "analysis", "asset", "decision", "letter", "of_api", "raw"]

V1 = "/api/v1"


def decision(decision_id: str) -> str:
    """Return a decision's address in the API; its page is its analysis's."""
    return f"{V1}/decisions{analysis(decision_id).removeprefix('/analyses')}"


def of_api(page: str) -> str:
    """Return the API's address of what a page shows."""
    return V1 + page.replace("?from=", "?from_ms=").replace("&to=", "&to_ms=")
