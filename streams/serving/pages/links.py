"""Permanent addresses of what is shown: made and read in this one place. PURE.

Ids come from topics. They go into an address percent-encoded, so that none can end its path, begin a query or leave
this host.
"""

from urllib.parse import quote, urlencode

OVERVIEW, ALERTS, FEEDS, COST, LETTERS = "/", "/alerts", "/feeds", "/cost", "/deadletters"
_SAFE = "/:@"
"""What ids hold and a path may hold: their parts stay readable."""


def asset(name: str) -> str:
    """Return the address of an asset's page."""
    return f"/assets/{quote(name, safe=':@')}"


def aggregate(aggregate_id: str) -> str:
    """Return the address of one revision of one window."""
    return f"/aggregates/{_path(aggregate_id)}"


def analysis(analysis_id: str) -> str:
    """Return the address of an analysis and its decision path."""
    return f"/analyses/{_path(analysis_id)}"


def alert(alert_id: str) -> str:
    """Return the address of an alert."""
    return f"/alerts/{_path(alert_id)}"


def letter(letter_id: str) -> str:
    """Return the address of a dead letter."""
    return f"/deadletters/{_path(letter_id)}"


def raw(kind: str, subject: str, from_ms: int, to_ms: int) -> str:
    """Return the address of the raw events of a subject in a span of event time."""
    query = urlencode({"from": from_ms, "to": to_ms})
    return f"/raw/{quote(kind, safe='')}/{_path(subject)}?{query}"


def is_local(address: str) -> bool:
    """Return whether an address stays on this host: a path, and not another host's by two slashes."""
    return address.startswith("/") and not address.startswith(("//", "/\\"))


def _path(name: str) -> str:
    # A part that is "." or ".." would be resolved by the browser before it asks; encoded dots are resolved too,
    # so such a part, which no id of ours has, gets a mark that leads nowhere.
    parts = [f"{part}~" if part in {".", ".."} else part for part in name.split("/")]
    return quote("/".join(parts), safe=_SAFE)
