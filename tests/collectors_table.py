"""A row per venue: what a source survives there. ``python -m tests.collectors_table``."""

import asyncio

import stamina

from tests.servers.dialects import DIALECTS
from tests.unit.streams.collectors.market.ordeal import ordeal

HEAD = (
    "venue", "events", "twice", "back-filled", "sent", "refused",
    "planted", "by snapshot", "found", "filled", "permanent", "p95 ms",
)  # fmt: skip


def main() -> None:
    """Print the table."""
    stamina.instrumentation.set_on_retry_hooks([])  # of the table, not of each retry
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))  # noqa: T201 - its purpose
    faults: tuple[str, ...] = ()
    for venue in sorted(DIALECTS):
        o = asyncio.run(ordeal(venue))
        row = (
            o.venue, o.frames, o.duplicates, o.backfilled, o.sent, o.refused,
            o.planted, o.closed, o.found, o.filled, o.permanent, o.p95_ms,
        )  # fmt: skip
        print("| " + " | ".join(map(str, row)) + " |", flush=True)  # noqa: T201
        faults = o.faults
    print(f"\nEach venue: {', '.join(faults)}. Sent = events - twice + back-filled.")  # noqa: T201


if __name__ == "__main__":
    main()
