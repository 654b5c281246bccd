"""What the pages' buttons do: acts of operators, each answered with what became of it."""

from collections.abc import Callable, Sequence

from .elements import Done, Told
from .frame import Frame

MINUTE_MS = 60_000
MUTES = (
    ("15", "15 minutes"),
    ("60", "1 hour"),
    ("240", "4 hours"),
    ("1440", "1 day"),
    ("10080", "7 days"),
)
"""How long a mute may last, in minutes: always with an end."""
SEEN = "seen"
"""The reason of an acknowledgement for which none was written."""


def acknowledging(frame: Frame, alert_id: str = "") -> Done:
    """Return what acknowledges an alert: the one named, or the one of the row."""

    async def done(told: Told) -> None:
        wanted, reason = alert_id or told.key, told.reason.strip() or SEEN
        await frame.do(
            lambda acts, actor: acts.acknowledge(wanted, actor=actor, reason=reason),
            "Acknowledged. It goes on firing until the data clear it.",
        )

    return done


def muting(frame: Frame, targets: Sequence[str]) -> Done:
    """Return what mutes one of these targets for as long as was chosen; a browser names it by its place."""

    async def done(told: Told) -> None:
        place = int(told.scope) if told.scope in {str(i) for i in range(len(targets))} else 0
        target = targets[place]
        minutes = int(told.choice) if told.choice in dict(MUTES) else int(MUTES[0][0])
        until_ms = frame.desk.now_ms() + minutes * MINUTE_MS
        await frame.do(
            lambda acts, actor: acts.mute(
                target, until_ms=until_ms, actor=actor, reason=told.reason
            ),
            f"Muted for {dict(MUTES)[str(minutes)]}. It is still shown here; nobody is notified.",
        )

    return done


def unmuting(frame: Frame, target_now: Callable[[], str | None]) -> Done:
    """Return what takes the mute back that holds then."""

    async def done(told: Told) -> None:
        target = target_now()
        if target is None:
            frame.say("No mute holds any more.")
            return
        reason = told.reason.strip() or "no longer needed"
        await frame.do(
            lambda acts, actor: acts.unmute(target, actor=actor, reason=reason),
            "No longer muted.",
        )

    return done
