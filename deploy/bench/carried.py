"""What a log holds of what a venue printed: every trade, once, in order, and nothing told missing. PURE."""

from collections.abc import Mapping

from topics import Heartbeat, Trade

ERRORS_MAX = 20


class Carried:
    """The trades of a log, each instrument's numbered from 1."""

    def __init__(self, *, resent: bool = False) -> None:
        """Begin with none. ``resent``: whether rounds were sent again, so that doubles are no fault."""
        self._resent = resent
        self._reached: dict[str, int] = {}
        self._marks = 0
        self._errors: list[str] = []

    def take(self, record: object) -> None:
        """Take the next record of a partition."""
        if not isinstance(record, Trade):
            self._marks += not isinstance(record, Heartbeat)
            return
        number, before = record.sequence or 0, self._reached.get(record.subject, 0)
        if number == before + 1:
            self._reached[record.subject] = number
        elif not (number <= before and self._resent) and len(self._errors) < ERRORS_MAX:
            self._errors.append(f"{record.subject}: {number} stands behind {before}")

    def errors(self, sent: Mapping[str, int], *, letters: int) -> list[str]:
        """Return what is wrong, given how many trades of each instrument were printed."""
        short = [
            f"{subject}: {self._reached.get(subject, 0)} of {count}"
            for subject, count in sent.items()
            if self._reached.get(subject, 0) != count
        ]
        told = []
        if self._marks or letters:
            told = [f"{self._marks} gap marks, {letters} dead letters"]
        return [*self._errors, *short, *told][:ERRORS_MAX]
