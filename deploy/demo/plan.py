"""What the demo plays: when its market begins, and the settings of every role. PURE."""

from pathlib import Path
from typing import Any

from msgspec import Struct

SPEED = 60
"""Market time against wall time."""
HOURS = 60
"""How long ago the demo's market begins; an hour of wall time brings it to now."""
START_MINUTE = 40
"""Of an hour: so that an hourly window ends within the first half minute of wall time."""
RECORDING = "binance-xrpeth-aggtrades-2019-10.jsonl.gz"
RECORDING_FIRST_MS = 1_570_752_011_620
SEED = 2
"""Of an invented market whose developers who leave still do something: of an hour without any event there is
no window, and so nothing that shows it."""
MODELS = ("rules", "simulated")
DASHBOARD_PORT = 8080
"""Where it is free; else any that is."""
MESSAGES_PER_HOUR = 30
"""Of market time, to one receiver."""
OUTAGE_S = (12, 24)
"""The planted outage of the simulated model, in seconds since its first request."""

_HOUR_MS = 3_600_000


class Plan(Struct, frozen=True):
    """When the demo's market begins, and by how much the recording is shifted into it."""

    start_ms: int
    began_ms: int
    """The wall time of `start_ms`."""
    shift_ms: int

    def event_ms(self, now_ms: int) -> int:
        """Return the market's time at a wall time."""
        return self.start_ms + (now_ms - self.began_ms) * SPEED


def plan(began_ms: int) -> Plan:
    """Return the plan for a market that begins at a wall time."""
    latest_ms = began_ms - (HOURS - 1) * _HOUR_MS
    start_ms = latest_ms // _HOUR_MS * _HOUR_MS + START_MINUTE * 60_000
    if start_ms > latest_ms:
        start_ms -= _HOUR_MS
    return Plan(start_ms, began_ms, start_ms + 1_000 - RECORDING_FIRST_MS)


def collect_settings(planned: Plan, recording: Path) -> dict[str, Any]:
    """Return the collect role's branch: the recording and an invented market, at one pace."""
    return {
        "pace": {"event_ms": planned.start_ms, "wall_ms": planned.began_ms, "speed": SPEED},
        "sources": {
            "recording": {
                "type": "recorded",
                "files": [str(recording)],
                "format": "binance.aggtrades",
                "venue": "binance",
                "subject": "XRP/ETH",
                "shift_ms": planned.shift_ms,
            },
            "simulated": {"type": "synthetic", "seed": SEED},
        },
    }


def agent_settings(base_url: str | None, redis_url: str) -> dict[str, Any]:
    """Return the agent role's branch: rules alone, or the simulated model behind an address."""
    soon = {"tally_s": 1.0}
    if base_url is None:
        return soon
    return soon | {
        "model": {
            "base_url": base_url,
            "api_key": "simulated",
            "simulated": True,
            "products": ["state", "deep_dive"],
        },
        "budget": {"redis_url": redis_url, "usd_per_day": 0.05},
        # It tries again so soon that the recovery can be watched.
        "breaker": {"open_s": 1.5, "open_s_max": 2.0, "calls_min": 4, "window_s": 6.0},
    }


def serve_settings(port: int) -> dict[str, Any]:
    """Return the serve role's branch: on this machine, and as soon gone as the rest of the demo."""
    return {"port": port, "stop_s": 1.0}


def notify_settings(address: str) -> dict[str, Any]:
    """Return the notify role's branch: everything to our own receiver, an hour of whose market is a minute."""
    receiver = {"url": f"json://{address}/", "per_hour": MESSAGES_PER_HOUR * SPEED}
    return {"receivers": {"demo": receiver}, "fresh_s": 86_400}


def outage_script() -> list[dict[str, Any]]:
    """Return what the simulated model plays."""
    return [{"fault": "overloaded", "seconds": list(OUTAGE_S)}]
