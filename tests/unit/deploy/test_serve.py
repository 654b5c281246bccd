"""The serve role's shell: its address, its market's time, what a broken broker means."""

import socket

import pytest

from deploy.settings import load
from deploy.wiring.serve import market_of
from deploy.wiring.serve_http import bound_socket
from streams.serving.settings import ServeSettings
from topics import SettingsError


def test_an_address_that_is_taken_is_refused_by_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServeSettings(port=taken.getsockname()[1])
        with pytest.raises(SettingsError, match=r"serve\.port = \d+: Address already in use"):
            bound_socket(settings)


def test_any_free_port_is_found() -> None:
    with bound_socket(ServeSettings(port=0)) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.getsockname()[1]


def test_the_markets_time_is_that_of_the_sources() -> None:
    assert market_of(load({})) is None
    pace = {"event_ms": 1_000, "wall_ms": 500, "speed": 10.0}
    market = market_of(load({}, collect={"pace": pace}))
    assert market is not None
    assert (market.time_ms(600), market.speed) == (2_000, 10.0)
