"""Where every record of a partition went."""

from msgspec import Struct


class Counters(Struct):
    """Counts of records; all but `corrected`, which is a part of `applied`, add up to the records folded."""

    heartbeats: int = 0
    marks: int = 0
    applied: int = 0
    duplicates: int = 0
    late: int = 0
    dead_letters: int = 0
    corrected: int = 0
    """Applied after the end of at least one of their windows."""

    def total(self) -> int:
        """Return the number of records folded."""
        return (
            self.heartbeats
            + self.marks
            + self.applied
            + self.duplicates
            + self.late
            + self.dead_letters
        )
