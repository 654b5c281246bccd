"""Where the demo is seen and heard: a port that is free, a receiver that remembers."""

import socket

from aiohttp import ClientSession

from deploy.demo.outlets import Outlets, free_port
from deploy.demo.plan import DASHBOARD_PORT
from deploy.settings import environment_of, load


def test_the_wanted_port_is_taken_if_it_can_be_and_else_another() -> None:
    """Whoever has something at 8080 sees the demo elsewhere."""
    wanted = free_port(0)
    assert free_port(wanted) == wanted
    with socket.socket() as other:
        other.bind(("127.0.0.1", wanted))
        other.listen()
        assert free_port(wanted) != wanted


def test_without_a_dashboard_there_is_no_address_and_nobody_to_serve() -> None:
    """People are told all the same."""
    outlets = Outlets(dashboard=False)
    assert (outlets.url, outlets.words, outlets.roles) == (None, "", ("notify",))
    assert set(outlets.settings()) == {"notify"}


async def test_what_is_posted_is_remembered_as_it_came() -> None:
    """A body that is none, too."""
    outlets = Outlets(dashboard=True)
    assert outlets.url is not None
    assert outlets.words == f"Dashboard: {outlets.url}"
    async with outlets.listening(), ClientSession() as session:
        url = f"http://{outlets.receiver.address}/anything"
        for told, status in (({"title": "a", "message": "b"}, 204), ({}, 204), ([1], 400)):
            async with session.post(url, json=told) as answer:
                assert answer.status == status
    assert [(m.title, m.text) for m in outlets.receiver.messages] == [("a", "b"), ("", "")]


async def test_their_settings_are_accepted() -> None:
    """By both roles."""
    outlets = Outlets(dashboard=True)
    async with outlets.listening():
        found = load(environment_of(outlets.settings(), {}))
    assert outlets.url == f"http://{found.serve.host}:{found.serve.port}"
    receiver = found.notify.receivers["demo"]
    assert receiver.url.get_secret_value() == f"json://{outlets.receiver.address}/"
    assert DASHBOARD_PORT > 1024  # a demo is nobody's root
