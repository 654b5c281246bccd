"""What is not as it should be, each with since when and what to do. PURE.

======== =================================================== ============================================
what     broken                                              degraded
======== =================================================== ============================================
log      every role has fallen silent at once
role     no live process of a role that was there            never heard of; failed; starting for minutes
data     no event of any kind for long                       none of one kind for long
lag      windows far behind the market                       windows behind the market
feed     no feed is connected                                some are not; gaps that stay open
cut                                                          the log was deleted before it was read
letter                                                       dead letters come fast
budget                                                       closed, spent, nearly spent
breaker                                                      open: rules answer
told                                                         an alert could not be told to a receiver
======== =================================================== ============================================
"""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from topics import KINDS, FeedStatus, Kind, Status

from . import trouble
from .answers import Answers
from .questions import feed_state
from .shown import Finding
from .trouble import finding, named
from .words import plain, span

NEEDED = ("collect", "streams", "agent")
"""Roles without which nobody is told anything."""
ASIDE = ("serve", "notify")
"""Roles that are missed only where they have been."""
GONE_MS = 3_600_000
"""A role that is not needed is missed for an hour: after that it was ended on purpose."""
STARTING_MS = 120_000
"""For which a part may start, connect or wait."""
UNSETTLED = ("starting", "connecting", "waiting", "catching_up")
FAILED = ("failed", "failing")
STALE_MS: dict[Kind, int] = {
    "market": 300_000,
    "volume": 1_800_000,
    "social": 3_600_000,
    "development": 43_200_000,
}
"""Of market time without an event of a kind: more than a quiet market, forum or repository has."""
LAG_MS: dict[Kind, int] = {
    "market": 180_000,
    "volume": 1_200_000,
    "social": 1_200_000,
    "development": 7_200_000,
}
"""Of market time that windows may be behind: three of the smallest ones, and what their sources may be late."""
BROKEN_TIMES = 5
"""As far behind as this many times what may be is broken."""
GAP_MS = 60_000
"""Longer than a gap that is filled is open."""


def findings_of(view: Answers, now_ms: int, event_now_ms: int) -> list[Finding]:
    """Return what is wrong at a time, the worst first."""
    found = [
        *(_silence(view, now_ms) or _roles(view, now_ms)),
        *_parts(view, now_ms),
        *_data(view, event_now_ms),
        *_lags(view, now_ms, event_now_ms),
        *_feeds(view, now_ms),
        *_gaps(view, now_ms),
        *trouble.cuts(view),
        *trouble.letters(view, now_ms),
        *trouble.money(view, now_ms),
        *trouble.breakers(view, now_ms),
        *trouble.untold(view, now_ms),
    ]
    order = {what: at for at, what in enumerate(_ORDER)}
    # Clocks differ: nothing is told to be wrong since a time that is yet to come.
    latest_ms = max(now_ms, event_now_ms)
    found = [
        f if f.since_ms is None or f.since_ms <= latest_ms else replace(f, since_ms=latest_ms)
        for f in found
    ]
    return sorted(
        found, key=lambda f: (f.state != "broken", order[f.what.partition("/")[0]], f.what)
    )


_ORDER = (
    "log",
    "role",
    "data",
    "lag",
    "feed",
    "gap",
    "cut",
    "part",
    "letter",
    "budget",
    "breaker",
    "told",
)


def _silence(view: Answers, now_ms: int) -> list[Finding]:
    """Return that nobody is heard: Kafka may be away, and no role to blame."""
    statuses = view.statuses.values()
    alone = len({status.role for status in statuses}) <= 1
    if alone or any(status.expires_ms > now_ms for status in statuses):
        return []
    last_ms = max(status.at_ms for status in statuses)
    words = f"Nothing has been heard from any role for {span(now_ms - last_ms)}"
    action = "see whether Kafka answers, and then whether the roles run"
    return [finding("broken", "log", words, action, last_ms)]


def _roles(view: Answers, now_ms: int) -> Iterator[Finding]:
    last = {role: view.last_of_role(role) for role in (*NEEDED, *ASIDE)}
    gone = {role: s for role, s in last.items() if s is not None and s.expires_ms <= now_ms}
    for role, status in gone.items():
        silent_ms = now_ms - status.at_ms
        if role in NEEDED or silent_ms < GONE_MS:
            yield finding(
                "broken" if role in NEEDED else "degraded",
                f"role/{role}",
                f"The {role} role has not been heard from for {span(silent_ms)}",
                f"look at its log, and start it again with `tapereader {role}`",
                status.at_ms,
            )
    if never := [role for role in NEEDED if last[role] is None]:
        yield finding(
            "degraded",
            "role/never",
            f"Nothing has been heard of {' and '.join(never)} yet",
            f"wait while that starts, or start it: `tapereader {never[0]}`",
        )


def _parts(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Parts that have failed, or do not come to their work."""
    wrong: dict[tuple[str, bool], list[Status]] = {}
    for (role, _, _), status in view.statuses.items():
        failed = status.state in FAILED
        slow = status.state in UNSETTLED and now_ms - status.since_ms > STARTING_MS
        # A kind that has no source waits for ever, and is right to.
        idle = role == "streams" and status.part in KINDS and status.state == "waiting"
        if status.expires_ms > now_ms and (failed or slow) and not idle:
            wrong.setdefault((role, failed), []).append(status)
    for (role, failed), statuses in sorted(wrong.items()):
        first = min(statuses, key=lambda status: (status.since_ms, status.part))
        names = named(sorted({status.part for status in statuses}))
        state = "failed" if failed else "not come to their work"
        words = f": {plain(first.words)}" if first.words else ""
        yield finding(
            "degraded",
            f"part/{role}",
            f"Parts of {role} have {state} ({names}{words})",
            f"look at the log of {role}",
            first.since_ms,
        )


def _data(view: Answers, event_now_ms: int) -> Iterator[Finding]:
    for kind in sorted(KINDS):
        newest_ms = view.newest_event(kind)
        if newest_ms is None:
            continue
        behind_ms = event_now_ms - newest_ms
        if behind_ms > STALE_MS[kind]:
            yield finding(
                "broken" if kind == "market" else "degraded",
                f"data/{kind}",
                f"The {kind} data are stale: no event for {span(behind_ms)}",
                "look at the feeds, and at the log of collect",
                newest_ms,
            )


def _lags(view: Answers, now_ms: int, event_now_ms: int) -> Iterator[Finding]:
    for kind in KINDS:
        clocks = view.clocks(kind, now_ms)
        if not clocks:
            continue
        # Of several workers the slowest: their windows are everybody's.
        lag_ms = event_now_ms - min(clocks)
        if lag_ms > LAG_MS[kind]:
            yield finding(
                "broken" if lag_ms > BROKEN_TIMES * LAG_MS[kind] else "degraded",
                f"lag/{kind}",
                f"The {kind} windows are {span(lag_ms)} behind the market",
                "see whether a source is silent, or streams cannot keep up",
                min(clocks),
            )


def _feeds(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Feeds that bring nothing. One nobody has told of for as long as the view remembers was taken down."""
    feeds = [f for f in view.feeds.values() if now_ms - f.at_ms <= view.keep_ms]
    states = {(f.venue, f.subject): feed_state(f, now_ms) for f in feeds}
    wrong = [f for f in feeds if _is_wrong(f, states[f.venue, f.subject], now_ms)]
    if not wrong:
        return
    told = Counter(states[f.venue, f.subject] for f in wrong)
    how = ", ".join(f"{n:,} {state}" for state, n in sorted(told.items()))
    names = named(sorted(f"{plain(f.venue)} {plain(f.subject)}" for f in wrong))
    none_works = not any(state == "connected" for state in states.values())
    yield finding(
        "broken" if none_works else "degraded",
        "feed",
        f"{len(wrong):,} of {len(feeds):,} feeds bring nothing: {how} ({names})",
        "collect connects again by itself; if it does not, look at its log and at the venue",
        min(f.since_ms if states[f.venue, f.subject] == f.state else f.at_ms for f in wrong),
    )


def _is_wrong(feed: FeedStatus, state: str, now_ms: int) -> bool:
    if state in ("connected", "closed"):
        return False
    return state != "connecting" or now_ms - feed.since_ms > STARTING_MS


def _gaps(view: Answers, now_ms: int) -> Iterator[Finding]:
    open_ = [g for g in view.gaps() if g.state == "open" and now_ms - g.at_ms > GAP_MS]
    # A gap nobody fills any more stays open in the log; the feed knows better.
    holed = [g for g in open_ if (f := view.feeds.get((g.venue, g.subject))) and f.gaps_open]
    # Raw topics are not read from so far back as a gap may be old; its feed tells of it all the same.
    untold = [f for f in view.feeds.values() if f.gaps_open and not view.gap_book.of(f)]
    untold = [f for f in untold if feed_state(f, now_ms) == f.state]
    if holed or untold:
        count = len(holed) + sum(f.gaps_open for f in untold)
        counted = "1 gap has" if count == 1 else f"{count:,} gaps have"
        names = {f"{plain(g.venue)} {plain(g.subject)}" for g in holed}
        names |= {f"{plain(f.venue)} {plain(f.subject)}" for f in untold}
        yield finding(
            "degraded",
            "gap",
            f"{counted} been open for over a minute ({named(sorted(names))})",
            "collect fills them by itself; alerts on their windows wait or say that data are missing",
            None if untold else min(g.at_ms for g in holed),
        )
