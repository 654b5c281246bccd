"""What a fold forgets at a tick: all that no window can need any more."""

from typing import TYPE_CHECKING

from .history import KEPT_MAX
from .subject import Subject

if TYPE_CHECKING:
    from .fold import Fold


def expire(fold: "Fold", watermark_ms: int) -> None:
    """Forget what no window can need any more. Only after corrections, so that none is pending."""
    fold.schedule.forget_before(watermark_ms - fold.rules.horizon_ms)
    fold.digests.forget_before(watermark_ms - fold.rules.dedupe_ms)
    keep_ms = watermark_ms - fold.rules.retention_ms
    expired = fold.block_starts.take_until(keep_ms - fold.rules.block_ms)
    for start_ms, name in expired:
        del fold.subjects[name].blocks[start_ms]
        fold.dirty_blocks.add((name, start_ms))
    faded = {name for _, name in fold.fading.take_until(watermark_ms)}
    for name in sorted({name for _, name in expired} | fold.watched | faded):
        if name in fold.subjects:
            _forget(fold, fold.subjects[name], keep_ms, watermark_ms)


def _forget(fold: "Fold", subject: Subject, keep_ms: int, watermark_ms: int) -> None:
    if subject.forget_gaps_before(keep_ms):
        fold.dirty_subjects.add(subject.name)
    if subject.record.gaps:
        return
    fold.watched.discard(subject.name)
    if subject.blocks:
        return
    until_ms = subject.remembered_until_ms()
    if until_ms > watermark_ms:
        fold.fading.add(until_ms, subject.name)
        return
    del fold.subjects[subject.name]
    fold.dirty_subjects.add(subject.name)
    for size, history in subject.histories.items():
        for entry in history.entries:
            fold.dirty_history.add((subject.name, size, entry.number % KEPT_MAX))
