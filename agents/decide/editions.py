"""Which window an aggregate's id names, and which edition of it: what a fact cites, and what a revision replaces. PURE."""

from topics import Aggregate

Edition = tuple[int, int]
"""epoch, revision"""


def window_of(aggregate: Aggregate) -> str:
    """Return the name of a window, whatever its edition: the part that all ids of its aggregates begin with."""
    return (
        f"{aggregate.kind}/{aggregate.subject}/{aggregate.window_ms}/{aggregate.step_ms}"
        f"/{aggregate.window_start_ms}"
    )


def named(aggregate_id: str) -> tuple[str, Edition] | None:
    """Return the window an aggregate's id names, and its edition; None of an id that is not of our making."""
    window, _, last = aggregate_id.rpartition("/")
    epoch = "0"
    if last[:1] == "e":
        epoch, (window, _, last) = last[1:], window.rpartition("/")
    if not (window and _is_number(last) and _is_number(epoch)):
        return None
    return window, (int(epoch), int(last))


def cited_in(aggregate_ids: list[str]) -> dict[str, Edition]:
    """Return the windows that are cited, each with the edition."""
    return dict(found for one in dict.fromkeys(aggregate_ids) if (found := named(one)) is not None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
