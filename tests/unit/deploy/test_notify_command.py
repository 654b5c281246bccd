"""`tapereader notify check` and `test`: who is told of what, and whether a receiver takes a message."""

import pytest
from aiohttp import web

from deploy.commands.notify import _checked, _tried
from deploy.settings import Settings, load
from tests.servers.web import Status, WebServer
from topics import SettingsError

PHONE = "TAPEREADER_NOTIFY__RECEIVERS__PHONE"


async def taken(_: web.Request) -> web.Response:
    """Take a message."""
    return web.Response(text="ok")


def settings(server: WebServer) -> Settings:
    """Return settings with one receiver, whose address holds a secret."""
    address = server.url.replace("http://", "json://user:verysecret@")
    return load({f"{PHONE}__URL": f"{address}/hook", f"{PHONE}__SEVERITY_MIN": "warning"})


async def test_check_explains_receivers_routes_and_links() -> None:
    """Without a secret, and without asking anybody."""
    async with WebServer(taken) as server:
        lines = await _checked(settings(server))
        assert server.requests == []
    assert lines[0].endswith("(apprise; warning and worse; at most 30 messages an hour)")
    assert lines[1:] == [
        "info: nobody is told",
        "notice: nobody is told",
        "warning: phone",
        "critical: phone",
        "links lead to http://127.0.0.1:8080",
    ]
    assert "verysecret" not in lines[0]


async def test_check_says_when_nobody_is_told() -> None:
    """It is no error: the dashboard shows alerts all the same."""
    assert await _checked(load({})) == ["no receiver is set: alerts are shown, and nobody is told"]


async def test_check_refuses_an_address_that_is_none() -> None:
    """By its key."""
    with pytest.raises(SettingsError, match=r"notify\.receivers\.phone\.url"):
        await _checked(load({f"{PHONE}__URL": "nosuch://verysecret"}))


async def test_test_sends_one_message_and_says_whether_it_was_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2 when it was not, with why."""
    async with WebServer(taken) as server:
        said = await _tried(settings(server), "phone")
        assert said.endswith("took the message")
        assert len(server.requests) == 1
        server.faults.append(Status(500))
        with pytest.raises(SystemExit) as refused:
            await _tried(settings(server), "phone")
    told = capsys.readouterr().err
    assert refused.value.code == 2
    assert "did not take the message: HTTP status 500" in told
    assert "verysecret" not in said + told
