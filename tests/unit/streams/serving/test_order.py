"""Whatever order logs are read in, and however often they are read from their beginnings, the view is the same."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.counts import Counts
from streams.serving.letters import letter_of
from streams.serving.shown import Place
from streams.serving.view import View
from tests.strategies import aggregates
from topics import (
    Aggregate,
    Alert,
    Analysis,
    Control,
    DeadLetter,
    Decision,
    Feedback,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Late,
    Notification,
    Status,
    Tally,
)
from topics.deadletter import to_record

from .test_view import NOW_MS, analysis, golden

MINUTE_MS = 60_000
ASSETS = ("BTC", "ETH")
DAYS_MS = 3 * 86_400_000
"""Of market time in one log: what is a day old goes."""
small = st.integers(0, 3)


class Logged(NamedTuple):
    """A record of a log before it has its place."""

    event: object
    at_ms: int


def _windows() -> st.SearchStrategy[object]:
    return st.builds(
        lambda asset, number, revision, hops: aggregates.market(
            f"{asset}/USDT",
            number,
            revision=revision,
            window_ms=300_000,
            step_ms=MINUTE_MS if hops else 300_000,
        ),
        st.sampled_from(ASSETS),
        st.integers(0, DAYS_MS // 300_000),
        small,
        st.booleans(),
    )


def _analyses() -> st.SearchStrategy[object]:
    def made(number: int, replaces: int | None, status: str, alert: int | None) -> object:
        trigger = msgspec.structs.replace(
            analysis(1).trigger, alert_id=None if alert is None else f"r/BTC/USDT/{alert}"
        )
        supersedes = None if replaces is None else f"state/BTC/{replaces}/0"
        return analysis(number, supersedes=supersedes, status=status, trigger=trigger)

    state = st.sampled_from(["current", "superseded", "withdrawn"])
    return st.builds(made, small, st.none() | small, state, st.none() | small)


def _decisions() -> st.SearchStrategy[object]:
    return st.builds(
        lambda number, survivor, alerts: golden(
            Decision,
            decision_id=f"state/BTC/{number}/0",
            survivor_id=None if survivor is None else f"state/BTC/{survivor}/0",
            analysis_id=f"state/BTC/{number}/0",
            last_offset=number,
            alert_id=None,
            alert_ids=[f"r/BTC/USDT/{a}" for a in alerts],
        ),
        small,
        st.none() | small,
        st.lists(small, max_size=2),
    )


def _alerts() -> st.SearchStrategy[object]:
    return st.builds(
        lambda since, state, transition: golden(
            Alert,
            alert_id=f"r/BTC/USDT/{since}",
            rule="r",
            subject="BTC/USDT",
            state=state,
            transition=transition,
        ),
        small,
        st.sampled_from(["firing", "cleared", "retracted"]),
        st.integers(1, 3),
    )


def _gaps() -> st.SearchStrategy[object]:
    mark = st.sampled_from([GapDetected, GapFilled, GapPermanent])
    return st.builds(lambda m, n: golden(m, gap_id=f"g{n}"), mark, small)


def _acts() -> st.SearchStrategy[object]:
    subject = st.sampled_from(["alert/r/BTC/USDT/1", "rule/r", "asset/BTC"])
    made = st.builds(
        lambda s, n: golden(
            Control, act="acknowledge" if "alert" in s else "mute", subject=s, control_id=f"c{n}"
        ),
        subject,
        small,
    )
    said = st.builds(
        lambda n, who: golden(
            Feedback, analysis_id=f"state/BTC/{n}/0", actor=who, feedback_id=f"f{n}"
        ),
        small,
        st.sampled_from(["ana", "bo"]),
    )
    return made | said


def _letters() -> st.SearchStrategy[object]:
    return st.builds(
        lambda n: DeadLetter(
            reason=f"reason{n % 2}",
            message="",
            stage="fold",
            role="streams",
            key=None,
            value=b"x",
            time_ms=NOW_MS,
            topic="raw.market",
            partition=0,
            offset=n,
        ),
        small,
    )


CONTENT: dict[str, st.SearchStrategy[object]] = {
    "aggregates": _windows(),
    "analyses": _analyses(),
    "decisions": _decisions() | st.just(golden(Tally)),
    "alerts": _alerts(),
    "raw.market": _gaps() | st.just(golden(Heartbeat)),
    "control": _acts(),
    "status": st.builds(lambda n: golden(Status, at_ms=NOW_MS + n), small),
    "feed.status": st.builds(lambda n: golden(FeedStatus, at_ms=NOW_MS + n), small),
    "late": st.just(golden(Late)),
    "notifications": st.builds(
        lambda n: golden(Notification, notification_id=f"n{n}", alert_id=f"r/BTC/USDT/{n}"), small
    ),
    "deadletters": _letters(),
}


@st.composite
def logs(draw: st.DrawFn) -> dict[str, list[Logged]]:
    """Return a log of each of some topics: log times rise along each."""
    names = draw(st.lists(st.sampled_from(sorted(CONTENT)), unique=True, min_size=2, max_size=5))
    made = {}
    for name in names:
        events = draw(st.lists(CONTENT[name], max_size=8))
        at_ms, records = NOW_MS, []
        for event in events:
            at_ms += draw(st.sampled_from([0, 1, MINUTE_MS, 20_000_000]))
            records.append(Logged(event, at_ms))
        made[name] = records
    return made


def interleaved(draw: st.DrawFn, made: dict[str, list[Logged]]) -> list[tuple[Place, Logged]]:
    """Return the records of all logs in some order that keeps that of each."""
    left = {name: iter(enumerate(records)) for name, records in made.items()}
    order = draw(st.permutations([name for name, records in made.items() for _ in records]))
    taken = []
    for name in order:
        offset, logged = next(left[name])
        taken.append((Place(name, 0, offset), logged))
    return taken


def shown_after(records: Sequence[tuple[Place, Logged]]) -> View:
    """Return the view of records."""
    view = View()
    for place, logged in records:
        if isinstance(logged.event, DeadLetter):
            key, value, headers = to_record(logged.event)
            view.take_dead_letter(letter_of(key, value, headers, at_ms=logged.at_ms, place=place))
        else:
            view.take(logged.event, place, logged.at_ms)
    return view


def pictures(view: View, now_ms: int = NOW_MS + 10_000) -> Iterator[Any]:
    """Give everything a view can say."""
    yield msgspec.structs.asdict(view.counts)
    yield view.assets()
    for asset in view.assets():
        yield view.subjects(asset), view.latest_of(asset)
        for key in view.rows(asset):
            yield view.series(key.kind, key.subject, key.window_ms, step_ms=key.step_ms)
    yield view.analyses_of(), view.decisions(), view.alerts(now_ms), view.acts(now_ms)
    yield [view.path(f"state/BTC/{n}/0") for n in range(4)]
    yield view.standing(now_ms), view.summary(now_ms), view.money(now_ms)
    yield view.feed_rows(now_ms), view.gaps(), view.letters(), view.late()
    yield view.readings(9, now_ms)


@given(st.data(), logs())
def test_any_order_of_logs_gives_the_same_view(data: Any, made: dict[str, list[Logged]]) -> None:
    """As long as each log is read in its own order."""
    one = shown_after(interleaved(data.draw, made))
    other = shown_after(interleaved(data.draw, made))
    assert list(pictures(one)) == list(pictures(other))


@given(st.data(), logs())
def test_what_is_read_again_changes_nothing(data: Any, made: dict[str, list[Logged]]) -> None:
    """A reader that begins anew somewhere, in whatever order, counts nothing twice."""
    records = interleaved(data.draw, made)
    upto = data.draw(st.integers(0, len(records)))
    once = shown_after(records)
    again = shown_after(
        [*records[:upto], *records[: data.draw(st.integers(0, upto))], *records[upto:]]
    )
    assert list(pictures(once)) == list(pictures(again))


KEEP_MS = 24 * 3_600_000
WHOLE = ("alerts", "control", "feed.status", "status")
times = st.integers(0, 3 * KEEP_MS // 1000).map(lambda s: NOW_MS + 1000 * s)


@st.composite
def long_logs(draw: st.DrawFn) -> dict[str, list[Logged]]:
    """Return logs of three days in which events are logged when they happen, each id once."""
    made: dict[str, list[Logged]] = {}
    for at_ms in sorted(draw(st.lists(times, min_size=1, max_size=12, unique=True))):
        name = draw(st.sampled_from(["aggregates", "analyses", "decisions", "alerts", "status",
                                     "feed.status", "late", "notifications", "deadletters"]))  # fmt: skip
        event = draw(CONTENT[name])
        match event:
            case Aggregate():
                start_ms = at_ms - event.window_ms
                event = msgspec.structs.replace(event, window_start_ms=start_ms)
            case Analysis():
                own: dict[str, Any] = {"analysis_id": f"state/BTC/{at_ms}/0", "supersedes": None}
                event = msgspec.structs.replace(event, as_of_ms=at_ms, valid_until_ms=at_ms, **own)
            case Decision():
                own = {"decision_id": f"state/BTC/{at_ms}/0", "last_offset": at_ms}
                event = msgspec.structs.replace(event, **own)
            case Notification():
                event = msgspec.structs.replace(event, notification_id=str(at_ms))
            case Status() | FeedStatus():
                event = msgspec.structs.replace(event, at_ms=at_ms)
            case _:
                pass
        made.setdefault(name, []).append(Logged(event, at_ms))
    newest_ms = max(log[-1].at_ms for log in made.values())
    # Windows come all the time: as long as a kind brings none, what it brought last is shown.
    last = msgspec.structs.replace(aggregates.market(), window_start_ms=newest_ms - MINUTE_MS)
    made.setdefault("aggregates", []).append(Logged(last, newest_ms))
    return made


@given(st.data(), long_logs())
def test_who_starts_now_says_what_who_ran_for_days_says(
    data: Any, made: dict[str, list[Logged]]
) -> None:
    """As far as the log that the one reads tells: a day of it, and the compacted topics whole."""
    now_ms = max(log[-1].at_ms for log in made.values())
    records = interleaved(data.draw, made)
    young = [
        (place, logged)
        for place, logged in records
        if place.topic in WHOLE or logged.at_ms >= now_ms - KEEP_MS
    ]
    ran, starts = shown_after(records), shown_after(young)
    for view in (ran, starts):
        view.counts = Counts()
    assert list(pictures(ran, now_ms)) == list(pictures(starts, now_ms))
    assert ran.newest_at_ms == starts.newest_at_ms
