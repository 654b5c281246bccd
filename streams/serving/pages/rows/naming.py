"""What the ids of windows say, as people read them. PURE."""

from msgspec import Struct

from streams.serving.words import plain

from .quantities import window_words

_PARTS_MIN = 6
"""kind/subject/window_ms/step_ms/window_start_ms/revision, and more of it where the subject has a stroke."""


class Named(Struct, frozen=True, kw_only=True):
    """A window, as its id names it."""

    kind: str
    subject: str
    window_ms: int
    step_ms: int
    start_ms: int
    revision: int
    epoch: int

    @property
    def words(self) -> str:
        """Kind, subject and length; the time is to be shown beside it, in the reader's zone."""
        return f"{self.kind} {self.subject}, {window_words(self.window_ms)}"

    @property
    def edition(self) -> str:
        """Which edition of the window."""
        told = f"revision {self.revision}" if self.revision else "first edition"
        return f"{told}, epoch {self.epoch}" if self.epoch else told


def named(aggregate_id: str) -> Named | None:
    """Return what an id says; None of one that is none."""
    parts = aggregate_id[:200].split("/")
    epoch = 0
    if len(parts) > _PARTS_MIN and parts[-1][:1] == "e" and _is_number(parts[-1][1:]):
        epoch = int(parts.pop()[1:])
    if len(parts) < _PARTS_MIN or not all(map(_is_number, parts[-4:])):
        return None
    window_ms, step_ms, start_ms, revision = map(int, parts[-4:])
    if not window_ms or not step_ms:
        return None
    return Named(
        kind=plain(parts[0], 32),
        subject=plain("/".join(parts[1:-4]), 80),
        window_ms=window_ms,
        step_ms=step_ms,
        start_ms=start_ms,
        revision=revision,
        epoch=epoch,
    )


def candidate(analysis_id: str) -> tuple[str, int] | None:
    """Return what a candidate or an analysis is, and as of when, by its id; None of one that is none."""
    parts = analysis_id[:200].split("/")
    if len(parts) != len(("product", "asset", "as_of_ms", "supersessions")) or not _is_number(parts[2]):  # fmt: skip
        return None
    return plain(f"{parts[0].replace('_', ' ')} of {parts[1]}", 80), int(parts[2])


def alert_words(alert_id: str) -> str:
    """Return an alert by its rule and subject; an id that is none as it is."""
    rule, _, rest = alert_id.removesuffix("/data_gap").partition("/")
    subject, _, since = rest.rpartition("/")
    if not (rule and subject and _is_number(since)):
        return plain(alert_id, 200)
    gap = ", not to be judged" if alert_id.endswith("/data_gap") else ""
    return plain(f"{rule} for {subject}{gap}", 200)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16  # noqa: PLR2004 - of milliseconds beyond any calendar
