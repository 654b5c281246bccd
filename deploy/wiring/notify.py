"""The notify role's objects."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from deploy.reporting import Part
from deploy.role import now_ms, run_role
from deploy.settings import Settings
from streams.serving.notify.alertmanager import AlertmanagerDoor, Wording
from streams.serving.notify.apprised import AppriseDoor
from streams.serving.notify.courier import Courier, Tally
from streams.serving.notify.door import Door
from streams.serving.notify.notifier import Notifier

log = structlog.get_logger()


def rising(clock: Callable[[], int]) -> Callable[[], int]:
    """Return a clock that never goes back, whatever the wall clock does: bounds in time rest on it."""
    latest = 0

    def read() -> int:
        nonlocal latest
        latest = max(latest, clock())
        return latest

    return read


def dashboard_of(settings: Settings) -> str:
    """Return where people find the dashboard."""
    serve = settings.serve
    return serve.base_url or f"http://{serve.host}:{serve.port}"


def open_doors(settings: Settings, clock: Callable[[], int] = now_ms) -> dict[str, Door]:
    """Return the way to each receiver, by name.

    Raises:
        SettingsError: An address is none.
    """
    return {name: _door(settings, name, clock) for name in settings.notify.receivers}


def _door(settings: Settings, name: str, clock: Callable[[], int]) -> Door:
    notify = settings.notify
    receiver = notify.receivers[name]
    if receiver.kind == "apprise":
        return AppriseDoor(name, receiver.url, attempt_s=notify.attempt_s)
    return AlertmanagerDoor(
        receiver.url,
        attempt_s=notify.attempt_s,
        wording=Wording(name, dashboard_of(settings), notify.refresh_s),
        now_ms=clock,
    )


async def run_notify(settings: Settings, *, lifeline: int | None) -> None:
    """Tell people about alerts until told to stop.

    Raises:
        SettingsError: An address is none.
    """
    clock = rising(now_ms)
    doors = open_doors(settings, clock)
    for name, door in doors.items():
        log.info("receiver", name=name, address=door.shown)
    if not doors:
        log.warning("no receiver is set: alerts are shown, and nobody is told")
    notifier = Notifier(
        settings.notify,
        settings.broker,
        doors,
        dashboard=dashboard_of(settings),
        instance_id=f"notify-{settings.instance}",
        now_ms=clock,
    )

    async def main(stop: asyncio.Event) -> None:
        await notifier.run(stop)

    await run_role(
        "notify",
        settings,
        main,
        parts=lambda: notify_parts(notifier),
        ready=lambda: (
            None if notifier.ready else "partitions are not assigned or not read back yet"
        ),
        lifeline=lifeline,
    )


def notify_parts(notifier: Notifier) -> list[Part]:
    """Return how the role is, and each receiver."""
    tenure = notifier.tenure
    if tenure is None:
        words = "another tells; this one takes over when it goes" if notifier.stands_by else ""
        return [Part("role", "standing_by" if notifier.stands_by else "starting", words)]
    if not tenure.couriers:
        return [Part("role", "mute", "no receiver is set: nobody is told")]
    failing = [name for name in tenure.couriers if notifier.tallies[name].failing]
    state = "degraded" if failing else "telling"
    words = f"not reached: {', '.join(failing)}" if failing else "every receiver is reached"
    role = Part("role", state, words, {"unfinished": float(tenure.unfinished)})
    return [role, *receiver_parts(tenure.couriers, notifier.tallies)]


def receiver_parts(couriers: Mapping[str, Courier], tallies: Mapping[str, Tally]) -> list[Part]:
    """Return how each receiver is: its words hold no address."""
    return [_receiver_part(name, courier, tallies[name]) for name, courier in couriers.items()]


def _receiver_part(name: str, courier: Courier, tally: Tally) -> Part:
    held = courier.lane.held
    if tally.failing:
        state, words = "failing", f"the last attempt failed: {tally.failing}"
    elif held:
        state, words = "holding", f"{held} held back: the hour's messages are used up"
    else:
        state, words = "well", f"{tally.sent} messages since the start"
    measures = {
        "sent": tally.sent,
        "told": tally.told,
        "failed": tally.failed_attempts,
        "waiting": courier.lane.waiting,
        "held": held,
        "muted": tally.muted,
        "filtered": tally.filtered,
        "undeliverable": tally.undeliverable,
        "last_delivered_ms": tally.last_delivered_ms,
    }
    numbers = {key: float(value) for key, value in measures.items() if value is not None}
    return Part(f"receiver/{name}", state, words, numbers)
