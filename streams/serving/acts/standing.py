"""What operators' acts mean now: the latest word of each subject, as long as it holds. PURE.

The view, the notifier and the pages ask this one module, so that they never differ. The newest word is the
last in the log, as it is for compaction: readers of any time come to the same.

- A mute holds until it expires or the same subject is unmuted. Of several that silence an alert any will do.
- An acknowledgement is of one alert, and ends with it: the next firing has another id.
- Of a person's words on an analysis the last counts.
"""

from typing import TypeVar

from topics import Alert, Control, Feedback, Redrive

from .making import ALERT, ALL, ASSET, OFF, RULE, Act, id_of

ACTS_MAX = 5_000
"""Acts kept, people's all of them; beyond this the oldest is dropped, and counted."""
FEEDBACK_MAX = 5_000
REDRIVES_MAX = 200
"""Each may have a thousand letters."""

K = TypeVar("K")
A = TypeVar("A", Control, Redrive)


class StandingActs:
    """The newest act of each (act, subject), and who said what of which analysis."""

    def __init__(
        self,
        acts_max: int = ACTS_MAX,
        feedback_max: int = FEEDBACK_MAX,
        redrives_max: int = REDRIVES_MAX,
    ) -> None:
        """Begin with none."""
        self.dropped = 0
        """Acts and feedback that others made room for."""
        self._acts: dict[tuple[str, str], Control] = {}
        self._feedback: dict[str, dict[str, Feedback]] = {}
        self._said: dict[tuple[str, str], None] = {}
        """Analysis and actor of each feedback kept, oldest first."""
        self._redrives: dict[str, Redrive] = {}
        self._acts_max, self._feedback_max = acts_max, feedback_max
        self._redrives_max = redrives_max

    @property
    def kept(self) -> int:
        """How many acts of operators are kept."""
        return len(self._acts)

    def take(self, act: Act) -> bool:
        """Take the next act of the log, and return whether anything is different now."""
        match act:
            case Feedback():
                return self._hear(act)
            case Redrive():
                return self._keep(self._redrives, act.redrive_id, act, self._redrives_max)
            case Control():
                return self._keep(self._acts, (act.act, act.subject), act, self._acts_max)

    def delete(self, subject: str) -> None:
        """Forget what was said of a subject: its record was deleted from the log."""
        for place in [place for place in self._acts if place[1] == subject]:
            del self._acts[place]
        for redrive in list(self._redrives.values()):
            if redrive.subject == subject:
                del self._redrives[redrive.redrive_id]
        for said in self._said:
            if (heard := self._feedback[said[0]][said[1]]).subject == subject:
                self._forget(heard.analysis_id, heard.actor)
                return

    def in_force(self, now_ms: int) -> list[Control]:
        """Return every act that holds, of whatever kind, in the order of the log."""
        return [act for act in self._acts.values() if _holds(act, now_ms)]

    def mutes(self, now_ms: int) -> list[Control]:
        """Return the mutes that hold, in the order of the log."""
        return [act for act in self.in_force(now_ms) if act.act == "mute"]

    def mute_of(self, alert: Alert, now_ms: int) -> Control | None:
        """Return the mute that silences an alert, of several the one that lasts longest; None: it is heard."""
        found = [self._acts.get(("mute", target)) for target in targets_of(alert)]
        holding = [act for act in found if act is not None and _holds(act, now_ms)]
        return max(holding, key=_until_ms, default=None)

    def acknowledgement_of(self, alert: Alert) -> Control | None:
        """Return who has seen an alert that fires; None of one that nobody has, or that is over."""
        if alert.state != "firing":
            return None
        return self._acts.get(("acknowledge", ALERT + alert.alert_id))

    def feedback_of(self, analysis_id: str) -> list[Feedback]:
        """Return what people think of an analysis, the last word of each."""
        return list(self._feedback.get(analysis_id, {}).values())

    def feedback(self) -> list[Feedback]:
        """Return what people think of analyses, in the order of the log."""
        return [self._feedback[analysis_id][actor] for analysis_id, actor in self._said]

    def redrives(self) -> list[Redrive]:
        """Return the redrives, begun or ended, in the order of the log."""
        return list(self._redrives.values())

    def redrives_of(self, letter_id: str) -> list[Redrive]:
        """Return the redrives that a dead letter was a part of: one, unless it was broken off before it."""
        return [one for one in self._redrives.values() if letter_id in one.letters]

    def _keep(self, kept: dict[K, A], place: K, act: A, most: int) -> bool:
        """Put an act last; the oldest makes room. One that was sent again is the same act, of its first time."""
        known = kept.get(place)
        if known is not None and id_of(known) == id_of(act):
            return False
        kept.pop(place, None)
        if len(kept) >= most:
            del kept[next(iter(kept))]
            self.dropped += 1
        kept[place] = act
        return True

    def _hear(self, heard: Feedback) -> bool:
        known = self._feedback.get(heard.analysis_id, {}).get(heard.actor)
        if known is not None:
            if id_of(known) == id_of(heard):
                return False
            self._forget(heard.analysis_id, heard.actor)
        elif len(self._said) >= self._feedback_max:
            self._forget(*next(iter(self._said)))
            self.dropped += 1
        self._feedback.setdefault(heard.analysis_id, {})[heard.actor] = heard
        self._said[heard.analysis_id, heard.actor] = None
        return True

    def _forget(self, analysis_id: str, actor: str) -> None:
        del self._said[analysis_id, actor]
        of_analysis = self._feedback[analysis_id]
        del of_analysis[actor]
        if not of_analysis:
            del self._feedback[analysis_id]


def targets_of(alert: Alert) -> tuple[str, ...]:
    """Return every target whose mute silences an alert."""
    rule = RULE + alert.rule
    return ALL, ASSET + alert.asset, rule, f"{rule}/{alert.subject}"


def _holds(act: Control, now_ms: int) -> bool:
    """Return whether an act is in force: it has not expired, and does not only take another back."""
    if act.act == "mute" and act.value == OFF:
        return False
    return act.expires_ms is None or now_ms < act.expires_ms


def _until_ms(act: Control) -> float:
    return float("inf") if act.expires_ms is None else act.expires_ms
