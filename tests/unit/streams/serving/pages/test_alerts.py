"""Alerts: all of them, and one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.pages.pieces import Now, wire
from streams.serving.pages.rows import alert as one_alert
from streams.serving.pages.rows import alerts, announced, measured
from streams.serving.view import View
from topics import Notification

from .told import NOW_MS, act, alert, hrefs, keys, shown, text, texts


def notification(outcome: str, receiver: str = "ops", **changes: object) -> Notification:
    """What became of a step on its way to a receiver."""
    fields = {
        "notification_id": f"{receiver}/{outcome}",
        "alert_id": alert().alert_id,
        "asset": "SOL",
        "receiver": receiver,
        "step": "firing",
        "outcome": outcome,
        "at_ms": NOW_MS,
        "logged_ms": NOW_MS - 180,
        "attempts": 1,
    }
    return Notification(**fields | changes)  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(st.sampled_from(["critical", "warning", "notice", "info"]), st.booleans()),
        max_size=60,
    )
)
def test_what_nobody_has_seen_comes_first_then_the_most_severe(
    given_: list[tuple[str, bool]],
) -> None:
    """And beyond the cap it says how many more."""
    found = [
        shown(i, severity=level, seen=act() if seen else None)
        for i, (level, seen) in enumerate(given_)
    ]
    rows = alerts.firing(found)
    levels = ["critical", "warning", "notice", "info"]
    order = {s.alert.alert_id: (not s.asks, levels.index(s.alert.severity)) for s in found}
    assert [order[key] for key in keys(rows)] == sorted(order[key] for key in keys(rows))
    assert len(rows.rows) == min(len(found), alerts.FIRING_MAX)
    assert rows.more == len(found) - len(rows.rows)


def test_a_firing_alert_tells_all_that_was_done_about_it() -> None:
    """Who has seen it, until when it is muted, who was told."""
    mute = act(act="mute", value="on", expires_ms=NOW_MS + 60_000, actor="bo")
    told = replace(
        shown(seen=act(), degraded=True),
        muted=mute,
        notifications=(notification("sent"), notification("undeliverable", "chat")),
    )
    cells = texts(alerts.firing([told]).rows[0])
    assert cells[0] == "Warning data missing"
    assert cells[4:] == ["ana", "until by bo", "ops not chat", ""]


def test_an_alert_nobody_has_seen_can_be_acknowledged() -> None:
    """By its own id."""
    row = alerts.firing([shown()]).rows[0]
    assert wire(row.cells[-1])[0]["key"] == alert().alert_id
    assert texts(row)[4:7] == ["nobody yet", "no", "nobody"]


@pytest.mark.parametrize(
    ("state", "word"), [("cleared", "Cleared"), ("retracted", "Retracted"), ("firing", "Cleared")]
)
def test_an_alert_that_is_over_says_how_it_ended(state: str, word: str) -> None:
    """One whose rule fired anew is over, whatever it said last."""
    ended = replace(shown(state=state), latest=False)
    assert texts(alerts.over([ended]).rows[0])[0] == word


def test_a_receiver_that_took_a_later_step_was_told() -> None:
    """Though an earlier one was given up."""
    both = (notification("undeliverable"), notification("sent", notification_id="n2"))
    assert text(alerts.told(replace(shown(), notifications=both))) == "ops"


def test_a_screen_reader_is_told_new_critical_alerts_and_nothing_else() -> None:
    """Not those that were there when the page was opened, and each once."""
    news = announced.News()
    first = (("a", "A fell"),)
    assert news.of(first) == ()
    assert news.of(first) == ()
    assert text(news.of((("b", "B fell"), *first))) == "New critical alert: B fell."
    assert news.of((("b", "B fell"),)) == ()
    many = tuple((str(i), f"{i} fell") for i in range(5))
    assert text(news.of(many)).endswith("0 fell. 1 fell. 2 fell. And 2 more.")


def test_only_critical_ones_that_ask_are_announced() -> None:
    """Of a view."""
    view = View()
    for i, changes in enumerate(
        ({"severity": "critical"}, {"severity": "warning"}, {"severity": "critical"})
    ):
        view.take(alert(i, rule=f"r{i}", alert_id=f"r{i}/SOL/USDT/{NOW_MS}", **changes))
    view.take(act(subject=f"alert/r2/SOL/USDT/{NOW_MS}"))
    now = Now(NOW_MS, NOW_MS)
    assert [alert_id for alert_id, _ in announced.critical_of(view, now)] == [
        f"r0/SOL/USDT/{NOW_MS}"
    ]


@pytest.mark.parametrize(("state", "word"), [("firing", "fired"), ("cleared", "was over")])
def test_what_was_measured_says_whether_at_its_begin_or_its_end(state: str, word: str) -> None:
    """What cleared an alert is another number than the one in its headline."""
    told = one_alert.picture(shown(state=state), [])
    assert word in text(told.judged)
    assert {"is": "instant", "at_ms": alert().as_of_ms} in wire(told.judged)


def test_an_unknown_alert_says_why_it_may_be() -> None:
    """And where those that are known stand."""
    picture = one_alert.picture_of(View(), Now(NOW_MS, NOW_MS), "no/such/1")
    assert not picture.known
    assert [p["href"] for p in wire(picture.lead) if "href" in p] == ["/alerts"]


def test_the_page_of_an_alert_has_its_terms_and_what_may_be_done() -> None:
    """An act that stands is not offered again."""
    fresh = one_alert.picture(shown(missing=["simex"], degraded=True), [])
    assert {fact.term for fact in fresh.facts} >= {"Asset", "Rule", "State", "Missing data of"}
    assert (fresh.may_acknowledge, fresh.muted_target) == (True, None)
    mute = act(act="mute", subject="rule/price.drop", expires_ms=NOW_MS + 1)
    done = one_alert.picture(replace(shown(seen=act()), muted=mute), [])
    assert (done.may_acknowledge, done.muted_target) == (False, "rule/price.drop")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "market.log_return.5m",
            0.0312,
            ["return, first to last (log)", "5m", "+3.12 %", "not judged"],
        ),
        ("market.close.1m", 64_250.5, ["last price", "1m", "64,250.5 USDT", "not judged"]),
        ("market.volume.5m", 1250.5, ["volume", "5m", "1,250.5 SOL", "not judged"]),
        ("odd", 40.0, ["odd", "", "40", "not judged"]),
        ("social.posts.1h", 40.0, ["posts", "1h", "40 posts", "not judged"]),
    ],
)
def test_measures_have_their_unit_and_window(name: str, value: float, said: list[str]) -> None:
    """Shares in per cent, prices in the quote, sizes in the asset."""
    assert texts(measured.values(alert(values={name: value})).rows[0]) == said


def test_a_measure_and_its_score_are_one_row() -> None:
    """The score has the name with `.z`."""
    rows = measured.values(alert(values={"market.volume.5m": 2.0, "market.volume.5m.z": 6.25}))
    assert [texts(row)[-1] for row in rows.rows] == ["+6.2 (very unusual)"]


def test_the_windows_behind_an_alert_lead_to_themselves_and_to_their_raw_events() -> None:
    """By permanent addresses."""
    rows = measured.windows(alert(aggregate_ids=["market/SOL/USDT/60000/60000/1200000/2", "odd"]))
    assert hrefs(rows.rows[0]) == [
        "/aggregates/market/SOL/USDT/60000/60000/1200000/2",
        "/raw/market/SOL/USDT?from=1200000&to=1260000",
    ]
    assert texts(rows.rows[0])[:2] == ["market of SOL/USDT", "1 min"]
    assert hrefs(rows.rows[1]) == ["/aggregates/odd"]


def test_what_may_be_muted_is_named_from_the_narrowest() -> None:
    """As the acts take it."""
    targets = [target for target, _ in one_alert.targets("price.drop/SOL/USDT/1200000")]
    assert targets == ["rule/price.drop/SOL/USDT", "rule/price.drop", "asset/SOL"]
    gap = [t for t, _ in one_alert.targets("posts.many/SOL/1200000/data_gap")]
    assert gap == ["rule/posts.many/SOL", "rule/posts.many", "asset/SOL"]
