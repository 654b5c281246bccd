"""The doors against a server on this machine: what arrives, what a failure is, and what a log never holds."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from apprise import AppriseResult, AppriseResultStatus
from apprise.logger import NotifyLogEntry
from pydantic import SecretStr

from streams.serving.notify.alertmanager import ALERTS_MAX, AlertmanagerDoor, Wording
from streams.serving.notify.apprised import AppriseDoor, error_of
from streams.serving.notify.door import ASKED_S_MAX, DoorError, asked_wait_s
from streams.serving.notify.lane import Message
from streams.serving.notify.notice import Entry, entry_of, of_analysis
from streams.serving.notify.wording import letter_of, trial
from tests.servers.web import Hang, Status, WebServer
from topics import Alert, SettingsError

from .alerts import NOW_MS, alert, analysis, entry, notice

BODIES: list[Any] = []


async def taken(request: web.Request) -> web.Response:
    """Take a message."""
    BODIES.append(json.loads(await request.read()))
    return web.Response(text="ok")


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    """A server that takes everything, but what it is told to fail."""
    BODIES.clear()
    async with WebServer(taken) as found:
        yield found


def message(*entries: Entry) -> Message:
    """Return a message of these."""
    return Message(form="sent", entries=entries, begun_ms=NOW_MS)


def always(_: Alert) -> bool:
    """Return that it fires."""
    return True


def never(_: Alert) -> bool:
    """Return that it does not."""
    return False


def apprise_door(server: WebServer, attempt_s: float = 5.0) -> AppriseDoor:
    """Return the door to a web hook, with a secret in its address."""
    address = server.url.removeprefix("http://")
    url = SecretStr(f"json://user:verysecret@{address}/hook?+X-Token=alsosecret")
    return AppriseDoor("hook", url, attempt_s=attempt_s)


async def test_apprise_delivers_title_text_and_how_bad_it_is(server: WebServer) -> None:
    """As plain text, to the letter."""
    door = apprise_door(server)
    found = message(entry(severity="critical", headline="a <b> & \\n {x} fell"))
    letter = letter_of(found, "")
    await door.deliver(found, letter, always)
    over = message(entry(alert(state="cleared", transition=2)))
    await door.deliver(over, letter_of(over, ""), always)
    await door.attempt(trial("hook"))
    await door.close()
    assert [body["type"] for body in BODIES] == ["failure", "success", "info"]
    assert (BODIES[0]["title"], BODIES[0]["message"]) == (letter.title, letter.text)


async def test_what_apprise_was_not_rid_of_is_an_error_without_secrets(server: WebServer) -> None:
    """The status where it is known, and whether it would be so for ever; the address is shown without what is secret in it."""
    door = apprise_door(server)
    permanent = {503: False, 401: True, 408: False, 429: False, 404: True}
    server.faults.extend(Status(status) for status in permanent)
    for status, final in permanent.items():
        with pytest.raises(DoorError, match=f"HTTP status {status}") as refused:
            await door.attempt(trial("hook"))
        assert "secret" not in str(refused.value)
        assert refused.value.final is final
    await door.close()
    assert "secret" not in door.shown
    assert "127.0.0.1" in door.shown


async def test_a_web_hook_that_is_away_may_come_back() -> None:
    """No answer is no refusal."""
    async with WebServer(taken) as gone:
        door = apprise_door(gone)
    with pytest.raises(DoorError, match="did not take it") as refused:
        await door.attempt(trial("hook"))
    await door.close()
    assert not refused.value.final


@pytest.mark.parametrize(("second", "final"), [(403, True), (503, False), (0, False)])
def test_of_several_targets_behind_one_address_all_must_refuse_for_ever(
    second: int, *, final: bool
) -> None:
    """Otherwise it is tried again: whom the first refusal hides may still be reached."""
    words = f"Failed to send: no, error={second}." if second else "A Connection error occurred."
    said = [
        NotifyLogEntry("WARNING", "Failed to send: Bad Request, error=400."),
        NotifyLogEntry("INFO", "Sent to somebody else, error=500."),
        NotifyLogEntry("WARNING", words),
    ]
    found = error_of(AppriseResult(AppriseResultStatus.FAILURE, call_logs=said))
    assert (found.final, str(found)) == (
        final,
        "HTTP status 503" if second == 503 else "HTTP status 400",
    )


async def test_a_receiver_that_hangs_holds_up_its_own_thread_alone(server: WebServer) -> None:
    """It is given so long, and no longer."""
    async with WebServer(taken) as other:
        hanging, well = apprise_door(server, attempt_s=0.3), apprise_door(other)
        server.faults.append(Hang())
        waits = asyncio.create_task(hanging.attempt(trial("hook")))
        await well.attempt(trial("hook"))
        with pytest.raises(DoorError, match=r"no answer in 0\.3 s"):
            await waits
        await hanging.close()
        await well.close()
    assert len(BODIES) == 1


@pytest.mark.parametrize("url", ["nosuchscheme://token123", "discord://", "mailto://"])
def test_an_address_that_apprise_does_not_know_is_refused_by_its_key(url: str) -> None:
    """Without the address: it may be a secret with one letter wrong."""
    with pytest.raises(SettingsError, match=r"notify\.receivers\.phone\.url") as refused:
        AppriseDoor("phone", SecretStr(url), attempt_s=1.0)
    assert "token123" not in str(refused.value)


def manager_door(server: WebServer, attempt_s: float = 5.0) -> AlertmanagerDoor:
    """Return the door to an Alertmanager, with a secret in its address."""
    url = server.url.replace("http://", "http://user:verysecret@")
    wording = Wording("am", "http://127.0.0.1:8080", 60.0)
    return AlertmanagerDoor(
        SecretStr(url), attempt_s=attempt_s, wording=wording, now_ms=lambda: NOW_MS + 1_000
    )


async def test_alertmanager_is_told_what_fires_with_an_end_five_refreshes_ahead(
    server: WebServer,
) -> None:
    """As Prometheus does it; the labels hold what tells alerts apart, the annotations what people read."""
    door = manager_door(server)
    step = notice(alert(severity="critical", headline="@everyone https://evil.invalid"))
    one = entry_of(step, "am")
    await door.deliver(message(one), trial("am"), always)
    await door.close()
    assert server.paths == ["/api/v2/alerts"]
    assert server.requests[0].headers["Authorization"].startswith("Basic ")
    ((told,),) = BODIES
    assert told["labels"] == {
        "alertname": "price_fall",
        "asset": "BTC",
        "subject": "BTC/USD",
        "severity": "critical",
        "kind": "market",
        "service": "tapereader",
        "alert_key": told["labels"]["alert_key"],
    }
    assert one.key.startswith(told["labels"]["alert_key"])
    assert told["annotations"]["summary"] == "(at)everyone https[:]//evil[.]invalid"
    assert told["annotations"]["dedupe_key"] == one.key
    assert told["startsAt"] == "2026-09-21T14:13:20.000Z"
    assert told["endsAt"] == "2026-09-21T14:18:21.000Z"
    assert told["generatorURL"].startswith("http://127.0.0.1:8080/alerts/price_fall")
    assert "secret" not in door.shown


async def test_alertmanager_is_told_the_end_under_the_same_labels(server: WebServer) -> None:
    """Of an alert that begins and ends in one message only the end: it is told states."""
    door = manager_door(server)
    ended = alert(state="cleared", transition=2, as_of_ms=NOW_MS + 500)
    await door.deliver(message(entry()), trial("am"), always)
    await door.deliver(message(entry(), entry(ended)), trial("am"), never)
    await door.close()
    begun, (told,) = BODIES[0][0], BODIES[1]
    assert told["labels"] == begun["labels"]
    assert told["endsAt"] == "2026-09-21T14:13:20.500Z"
    assert "It fired from" in told["annotations"]["description"]


async def test_an_analysis_becomes_annotations_of_its_alert(server: WebServer) -> None:
    """The alert fires on, and a refresh says them again, as long as it fires."""
    door = manager_door(server)
    of = alert()
    step = of_analysis(of, analysis(of.alert_id), logged_ms=NOW_MS, place=None, value=b"")
    await door.deliver(message(entry_of(step, "am")), trial("am"), always)
    await door.refresh([of, alert(subject="ETH/USD")])
    await door.refresh([])
    await door.refresh([of])
    await door.close()
    (told,), (again, other), (later,) = BODIES
    assert told["annotations"]["analysis"] == "Bitcoin falls on heavy selling"
    assert told["endsAt"] == "2026-09-21T14:18:21.000Z"
    assert again["annotations"] == told["annotations"]
    assert (
        set(other["annotations"])
        == set(later["annotations"])
        == {"summary", "description", "dedupe_key"}
    )


async def test_a_refresh_tells_all_that_fires_in_requests_of_bounded_size(
    server: WebServer,
) -> None:
    """Nothing is asked of it when nothing fires."""
    door = manager_door(server)
    await door.refresh([])
    await door.refresh([alert(subject=f"C{n}/USD") for n in range(ALERTS_MAX + 1)])
    await door.close()
    assert [len(body) for body in BODIES] == [ALERTS_MAX, 1]


async def test_alertmanagers_errors_say_whether_to_try_again_and_when(server: WebServer) -> None:
    """A refusal is final; what is too much or broken is not, and may ask for time."""
    door = manager_door(server, attempt_s=0.3)
    server.faults.extend(
        [
            Status(400),
            Status(429, {"Retry-After": "7"}),
            Status(408),
            Status(503),
            Status(302),
            Hang(),
        ]
    )
    found = []
    for _ in range(6):
        with pytest.raises(DoorError) as refused:
            await door.refresh([alert()])
        found.append((str(refused.value), refused.value.final, refused.value.retry_after_s))
    await door.close()
    assert found == [
        ("HTTP status 400", True, None),
        ("HTTP status 429", False, 7.0),
        ("HTTP status 408", False, None),
        ("HTTP status 503", False, None),
        ("HTTP status 302", True, None),
        ("no answer in 0.3 s", False, None),
    ]


async def test_an_alertmanager_that_is_away_is_an_error_without_its_address() -> None:
    """It may hold a password."""
    async with WebServer(taken) as gone:
        door = manager_door(gone)
    with pytest.raises(DoorError, match="no answer") as refused:
        await door.attempt(trial("am"))
    await door.close()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("99999", ASKED_S_MAX),
        ("Mon, 21 Sep 2026 14:13:30 GMT", 10.0),
        ("Mon, 21 Sep 2020 14:13:30 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(
    header: str | None, seconds: float | None
) -> None:
    """What makes no sense asks for nothing."""
    assert asked_wait_s(header, NOW_MS) == seconds
