"""What the log says of a polling source's last minutes: PURE."""

from collections.abc import Sequence

from streams.collectors.recall import Told
from topics import GapDetected, GapFilled, GapPermanent


def open_since(past: Sequence[Told], target: str, covered_ms: int) -> int:
    """Return since when a target has not been covered: the promised time, or the beginning of a gap that is open.

    A gap that goes on is told again every minute, and its id says of which target it is (`coverage.py`).
    """
    ended = {told.gap_id for told in past if isinstance(told, GapFilled | GapPermanent)}
    begun = [
        told.from_ms
        for told in past
        if isinstance(told, GapDetected)
        and told.gap_id not in ended
        and told.gap_id.endswith(f"/{target}/{told.from_ms}")
    ]
    return min([*begun, covered_ms])
