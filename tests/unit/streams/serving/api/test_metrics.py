"""What a monitor scrapes of the serve role."""

import pytest
from prometheus_client import CollectorRegistry

from streams.serving import memory
from streams.serving.acts.allowance import Allowance, TooManyActsError
from streams.serving.api.hub import Hub
from streams.serving.api.metrics import ServingMetrics
from streams.serving.guard.gate import Gate
from streams.serving.guard.tokens import Keyring
from streams.serving.settings import ServeSettings
from streams.serving.view import View
from tests.unit.streams.serving.test_view import status


def test_guard_streams_acts_and_view_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each as it is when somebody scrapes, by names that dashboards know."""
    monkeypatch.setattr(memory, "STATUSES_MAX", 2)
    settings = ServeSettings()
    gate = Gate(settings, Keyring(settings))
    hub, allowance, view = Hub(), Allowance(acts_per_min=1, actors_max=1), View()
    registry = CollectorRegistry()
    registry.register(ServingMetrics(gate, hub, allowance, view))
    gate.counts["unauthorized"] += 3
    gate.ended["unread"] += 1
    hub.subscribe((), ())
    allowance.take("ana", 0.0)
    with pytest.raises(TooManyActsError):
        allowance.take("ana", 0.0)
    allowance.take("bob", 0.0)
    for part in "abc":
        view.take(status(part))

    def told(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"tapereader_serve_{name}", labels)

    assert told("refused_total", code="unauthorized") == 3
    assert told("viewers_ended_total", why="unread") == 1
    with hub.seat("127.0.0.1"):
        assert (told("viewers"), told("streams_open")) == (0, 1)
    assert told("streams_open") == 0
    assert told("streams_total", outcome="opened") == 1
    assert (told("acts_total", outcome="allowed"), told("acts_total", outcome="refused")) == (2, 1)
    assert told("clients_forgotten_total") == 1
    assert told("view_kept", part="statuses") == told("view_kept_max", part="statuses") == 2
    assert told("view_forgotten_total", part="statuses") == 1
    assert told("view_forgotten_total", part="alerts") == 0
