"""What a trial of a source says to people."""

from collections.abc import AsyncIterator
from decimal import Decimal

from deploy.collecting.trial import AGAIN_S, Trial, attempt
from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from topics import GapDetected, Kind, Trade

NOW_MS = 1_700_000_000_000


class Scripted:
    """Yields what it is given, one list a session; a session that is an error raises it."""

    name = "venue"
    kind: Kind = "market"

    def __init__(self, *sessions: list[Observation] | SourceError) -> None:
        self.sessions = list(sessions)

    async def observations(self) -> AsyncIterator[Observation]:
        session = self.sessions.pop(0)
        if isinstance(session, SourceError):
            raise session
        for observation in session:
            yield observation


def clock() -> float:
    return 0.0


async def test_what_came_is_told() -> None:
    gap = GapDetected(
        gap_id="v/BTC/USDT/2", subject="BTC/USDT", source="venue", venue="v", from_ms=1, to_ms=2
    )
    refused = Refused(
        reason="malformed", message="no JSON", original=b"{", origin="v/1", received_ms=NOW_MS
    )
    event = Trade(
        subject="BTC/USDT",
        source="venue",
        venue="v",
        trade_id="1",
        event_ms=NOW_MS - 90_000,
        received_ms=NOW_MS,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
    )
    source = Scripted([Link(state="connected"), event, refused, gap, Through(NOW_MS - 2_000)])
    trial = await attempt(source, seconds=5, monotonic_s=clock)
    told = "\n".join(trial.lines(NOW_MS))
    assert trial.well
    assert (trial.events, trial.refused) == (1, 1)
    for words in (
        "connected after 0.0 s",
        f"1 in all: {event.subject} 1",
        "the latest is of 90.0 s ago",
        "complete up to 2.0 s ago",
        "gaps detected: 1",
        "refused 1: malformed: no JSON",
        "come to its end",
    ):
        assert words in told


async def test_a_venue_that_cannot_be_reached_is_said_to_be_so() -> None:
    error = SourceError("no such host")
    trial = await attempt(Scripted(error, error, error), seconds=AGAIN_S, monotonic_s=clock)
    told = "\n".join(trial.lines(NOW_MS))
    assert not trial.well
    assert "nothing answered" in told
    assert "no such host" in told


async def test_a_failure_is_tried_again() -> None:
    source = Scripted(SourceError("busy"), [Link(state="connected")])
    trial = await attempt(source, seconds=AGAIN_S + 5, monotonic_s=clock)
    assert trial.well
    assert trial.finished
    assert trial.failures == {"busy": 1}


def test_silence_is_not_well() -> None:
    trial = Trial(name="venue", kind="market")
    assert not trial.well
    assert "nothing came in this time" in "\n".join(trial.lines(NOW_MS))


def test_a_source_that_goes_on_by_itself_says_that_it_reaches_nobody() -> None:
    trial = Trial(name="github", kind="development")
    trial.take(Link(state="disconnected", reason="no such host"), 0.1)
    told = list(trial.lines(0))
    assert "  nothing answered" in told
    assert "  failed 1: no such host" in told
