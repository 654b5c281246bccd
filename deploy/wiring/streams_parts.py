"""What the streams role says of itself."""

from deploy.reporting import Part
from streams.engine.ownership import Ownership
from streams.metrics import STREAMS
from streams.processors.aggregate import AggregateProgram
from topics import KINDS


def streams_parts(ownership: Ownership, now_ms: int) -> list[Part]:
    """Return the role as a whole, and each kind over this worker's partitions."""
    programs = [
        writer.program
        for writer in ownership.writers.values()
        if isinstance(writer.program, AggregateProgram)
    ]
    running = ownership.loaded
    words = f"folding {len(programs)} partitions" if running else "waiting for partitions"
    parts = [
        Part(
            "role",
            "running" if running else "starting",
            words,
            {"partitions": float(len(programs)), "checkpoints": float(STREAMS.checkpoints)},
        )
    ]
    for kind in KINDS:
        folds = [program.folds[kind] for program in programs]
        clocks = [f.clock.watermark_ms for f in folds if f.clock.watermark_ms is not None]
        outcomes = {
            name: float(sum(getattr(fold.counters, name) for fold in folds))
            for name in ("applied", "corrected", "duplicates", "late", "dead_letters", "heartbeats")
        }
        open_windows = sum(len(fold.schedule) for fold in folds)
        for outcome, number in outcomes.items():
            STREAMS.records.labels(kind, outcome).set(number)
        STREAMS.open_windows.labels(kind).set(open_windows)
        measures = {
            **outcomes,
            "open_windows": float(open_windows),
            "subjects": float(sum(len(fold.subjects) for fold in folds)),
        }
        if clocks:
            STREAMS.watermark_ms.labels(kind).set(min(clocks))
            measures["watermark_ms"] = float(min(clocks))
            measures["watermark_lag_ms"] = float(now_ms - min(clocks))
        parts.append(Part(kind, "running" if clocks else "waiting", "", measures))
    return parts
