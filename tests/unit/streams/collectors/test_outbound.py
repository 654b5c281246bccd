"""What a source saw becomes records or letters, all of it, each in its place."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.feeds import FEEDS_MAX
from streams.collectors.outbound import (
    AHEAD_MS_MAX,
    EVENT_MS_MIN,
    PROMISE_AHEAD_MS_MAX,
    RAW_BYTES_MAX,
    Outbound,
)
from streams.collectors.port import Link, Refused, Through
from streams.windows.checks import check_heartbeat
from tests.strategies.contracts import raw_events
from topics import (
    FeedStatus,
    GapDetected,
    Heartbeat,
    Kind,
    PostDeleted,
    RawEvent,
    Trade,
    VolumeFlow,
    asset_of,
    decoder_of,
    encode,
    kind_of,
    partition_of,
)
from topics.broker import BrokerSettings
from topics.deadletter import DeadLetter, from_record
from topics.outbox import OutRecord

BROKER = BrokerSettings(prefix="t.", partitions=4)
NOW_MS = 1_700_000_000_000
TRADE = Trade(
    subject="XRP/ETH",
    source="live",
    venue="binance",
    trade_id="7",
    event_ms=NOW_MS,
    received_ms=NOW_MS,
    price=Decimal("0.00141342"),
    size=Decimal("23.00000000"),
    side="sell",
    sequence=7,
)
FLOW = VolumeFlow(
    subject="XRP",
    source="live",
    venue="binance",
    instrument="XRPETH",
    event_ms=NOW_MS,
    received_ms=NOW_MS,
    span_ms=60_000,
    volume=Decimal(5),
)
GONE = PostDeleted(
    subject="XRP",
    source="live",
    platform="forum",
    post_id="7",
    event_ms=NOW_MS,
    received_ms=NOW_MS,
)
BEATS, STATUSES = decoder_of(Heartbeat), decoder_of(FeedStatus)
replace = msgspec.structs.replace


def outbound(kind: Kind = "market") -> Outbound:
    return Outbound("live", kind, BROKER, epoch=3)


def letter_of(record: OutRecord) -> DeadLetter:
    assert record.topic == "t.deadletters"
    return from_record(record.key, record.value or b"", record.headers, NOW_MS)


def status_of(record: OutRecord) -> FeedStatus:
    assert record.topic == "t.feed.status"
    return STATUSES.decode(record.value or b"")


def test_an_event_is_a_record_of_its_assets_partition() -> None:
    """Under the base asset's key, without headers: the hot path is lean."""
    out = outbound()
    (record,) = out.take(TRADE, NOW_MS)
    assert record == OutRecord("t.raw.market", partition_of("XRP", 4), b"XRP", encode(TRADE))
    assert record.headers == []
    assert out.tally.sent == 1


@given(events=st.lists(raw_events(), max_size=8), kind=st.sampled_from(["market", "social"]))
def test_every_event_is_sent_or_refused(events: list[RawEvent], kind: Kind) -> None:
    """Whatever a contract allows, and also what it does not: sent + refused is what came."""
    out = outbound(kind)
    for event in events:
        before = out.tally.sent
        record, *marks = out.take(event, NOW_MS)
        if out.tally.sent > before:
            assert kind_of(event) == kind
            assert record.topic == f"t.raw.{kind}"
            assert record.partition == partition_of(asset_of(event.subject), 4)
            assert EVENT_MS_MIN <= event.event_ms <= event.received_ms + AHEAD_MS_MAX
        else:
            assert letter_of(record).stage == "collect"
            assert marks == []
    assert out.tally.sent + out.tally.refused == len(events)


@pytest.mark.parametrize(
    ("event_ms", "received_ms", "sent"),
    [
        (NOW_MS + AHEAD_MS_MAX, NOW_MS, True),
        (NOW_MS + AHEAD_MS_MAX + 1, NOW_MS, False),
        (EVENT_MS_MIN, NOW_MS, True),
        (EVENT_MS_MIN - 1, NOW_MS, False),
        (NOW_MS - 10 * 365 * 86_400_000, NOW_MS, True),
    ],
)
def test_absurd_times_are_refused(event_ms: int, received_ms: int, *, sent: bool) -> None:
    """Judged by the event's own receipt, so that a replay judges alike. Old is not absurd."""
    out = outbound()
    (record,) = out.take(replace(TRADE, event_ms=event_ms, received_ms=received_ms), NOW_MS)
    assert (out.tally.sent == 1) is sent
    if not sent:
        letter = letter_of(record)
        assert letter.reason == "absurd_time"
        assert letter.origin == "live/trade|XRP/ETH|binance|7"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (replace(TRADE, source="Not A Name"), "invalid"),
        (replace(TRADE, subject="xrp"), "invalid"),
        (replace(TRADE, sequence=-1), "invalid"),
        (replace(TRADE, trade_id="\ud800"), "invalid"),
        (replace(TRADE, received_ms=2**53, event_ms=2**53), "invalid"),
        (replace(TRADE, source="no name", received_ms=2**53 - 1), "invalid"),
        (replace(TRADE, received_ms=-1), "invalid"),
        (FLOW, "unknown_type"),
    ],
)
def test_what_breaks_the_contract_is_refused(event: RawEvent, reason: str) -> None:
    """A struct made in code has been checked by nobody, and a source may speak of another kind."""
    out = outbound()
    (record,) = out.take(event, NOW_MS)
    assert letter_of(record).reason == reason
    assert (out.tally.sent, out.tally.refused) == (0, 1)


def sized(length: int) -> Trade:
    """Return a trade that has so many bytes as JSON, by the digits of its price."""
    short = replace(TRADE, price=Decimal("1.0"))
    return replace(TRADE, price=Decimal("1." + "0" * (length - len(encode(short)) + 1)))


def test_a_record_must_fit() -> None:
    """At the bound it is sent; beyond it, it is a letter that says how long the event was."""
    out = outbound()
    (record,) = out.take(sized(RAW_BYTES_MAX), NOW_MS)
    assert len(record.value or b"") == RAW_BYTES_MAX
    (record,) = out.take(sized(RAW_BYTES_MAX + 1), NOW_MS)
    letter = letter_of(record)
    assert letter.reason == "too_large"
    assert letter.truncated
    assert letter.length == RAW_BYTES_MAX + 1
    assert (out.tally.sent, out.tally.refused) == (1, 1)


def test_a_refused_frame_is_a_letter() -> None:
    """With its bytes, its place, and as many events as were in it."""
    out = outbound()
    refused = Refused(
        reason="malformed",
        message="Input data was truncated",
        original=b'{"e":',
        origin="live/1700/12",
        received_ms=NOW_MS,
        events=3,
    )
    (record,) = out.take(refused, NOW_MS)
    letter = letter_of(record)
    assert (letter.reason, letter.message) == ("malformed", "Input data was truncated")
    assert (letter.value, letter.origin, letter.role) == (b'{"e":', "live/1700/12", "collect")
    assert out.tally.refused == 3


def test_marks_go_behind_the_trade_in_its_partition() -> None:
    """So that a reader has them in the order of what they speak of."""
    out = outbound()
    out.take(TRADE, NOW_MS)
    trade, mark = out.take(replace(TRADE, trade_id="9", sequence=9), NOW_MS)
    assert (trade.topic, trade.partition, trade.key) == (mark.topic, mark.partition, mark.key)
    assert decoder_of(GapDetected).decode(mark.value or b"").ids_missing == 1
    assert out.tally.gaps_detected == 1
    _, mark = out.take(replace(TRADE, trade_id="8", sequence=8), NOW_MS)
    assert b"gap.filled" in (mark.value or b"")
    assert out.tally.gaps_filled == 1


def test_a_refused_trade_is_no_proof_of_continuity() -> None:
    """Its number is missing from the topic, so it is a gap there."""
    out = outbound()
    out.take(TRADE, NOW_MS)
    out.take(replace(TRADE, trade_id="8", sequence=8, event_ms=0), NOW_MS)
    assert len(out.take(replace(TRADE, trade_id="9", sequence=9), NOW_MS)) == 2


def test_heartbeats_go_to_every_partition() -> None:
    """With source, epoch and time; none before the source has told its time, and its first word at once."""
    out = outbound()
    assert out.heartbeats(NOW_MS) == []
    assert out.heartbeats(NOW_MS, closed=True) == []
    beats = out.take(Through(NOW_MS), NOW_MS)
    assert out.take(Through(NOW_MS + 1), NOW_MS) == []
    assert [(beat.topic, beat.partition, beat.key) for beat in beats] == [
        ("t.raw.market", partition, None) for partition in range(4)
    ]
    expected = Heartbeat(source="live", epoch=3, through_ms=NOW_MS)
    assert {BEATS.decode(beat.value or b"") for beat in beats} == {expected}


def test_time_that_stands_still_is_not_told_again() -> None:
    """And it never goes back; but a source that closes says so in any case."""
    out = outbound()
    out.take(Through(NOW_MS), NOW_MS)
    out.heartbeats(NOW_MS)
    out.take(Through(NOW_MS - 1), NOW_MS)
    assert out.heartbeats(NOW_MS) == []
    (beat, *_) = out.heartbeats(NOW_MS, closed=True)
    expected = Heartbeat(source="live", epoch=3, through_ms=NOW_MS, state="closed")
    assert BEATS.decode(beat.value or b"") == expected


def promised(out: Outbound, now_ms: int) -> set[int]:
    return {BEATS.decode(beat.value or b"").through_ms for beat in out.heartbeats(now_ms)}


def test_a_promise_far_ahead_of_our_clock_waits_for_it() -> None:
    """The fold would refuse it. The first one, which says since when the source speaks, is told as it was; of
    later ones as much as may be."""
    out, far_ms = outbound(), NOW_MS + 45_000
    assert out.take(Through(far_ms), NOW_MS) == []
    out.take(Through(far_ms + 20_000), NOW_MS)
    due_ms = far_ms - PROMISE_AHEAD_MS_MAX
    assert promised(out, due_ms - 1) == set()
    assert promised(out, due_ms + 5) == {far_ms}
    assert promised(out, due_ms + 5) == {far_ms + 5}
    assert promised(out, due_ms + 5) == set()
    assert promised(out, due_ms) == set()
    assert promised(out, due_ms + 30_000) == {far_ms + 20_000}


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(-20_000, 90_000)), min_size=1))
def test_what_is_promised_the_fold_believes(steps: list[tuple[int, int]]) -> None:
    """Wherever the source's clock stands; promises rise, and none says more than the source did."""
    out, now_ms, most_ms, told_ms = outbound(), NOW_MS, 0, 0
    for pause_ms, ahead_ms in steps:
        now_ms += pause_ms
        most_ms = max(most_ms, now_ms + ahead_ms)
        records = out.take(Through(now_ms + ahead_ms), now_ms) + out.heartbeats(now_ms)
        for beat in (BEATS.decode(record.value or b"") for record in records):
            check_heartbeat(beat, now_ms)
            assert told_ms <= beat.through_ms <= most_ms
            told_ms = beat.through_ms


def test_a_feed_is_told_when_it_changes() -> None:
    """When it begins, when its connection or its gaps change; or always, if all are asked for."""
    out = outbound()
    assert out.feed_statuses(NOW_MS, every=True) == []
    out.take(Link(state="connected"), NOW_MS)
    out.take(TRADE, NOW_MS + 1)
    (record,) = out.feed_statuses(NOW_MS + 2, every=False)
    assert record.key == b"binance/XRP/ETH"
    assert record.partition == partition_of("binance/XRP/ETH", 4)
    status = status_of(record)
    assert (status.state, status.events, status.last_event_ms) == ("connected", 1, NOW_MS)
    assert (status.at_ms, status.gaps_open) == (NOW_MS + 2, 0)
    out.take(replace(TRADE, trade_id="8", sequence=8), NOW_MS)
    assert out.feed_statuses(NOW_MS, every=False) == []
    assert len(out.feed_statuses(NOW_MS, every=True)) == 1
    out.take(replace(TRADE, trade_id="10", sequence=10), NOW_MS)
    (record,) = out.feed_statuses(NOW_MS, every=False)
    assert status_of(record).gaps_open == 1
    out.take(Link(state="disconnected", reason="gone"), NOW_MS + 9)
    (record,) = out.feed_statuses(NOW_MS + 9, every=False)
    status = status_of(record)
    assert (status.state, status.reason, status.since_ms) == ("disconnected", "gone", NOW_MS + 9)
    (record,) = out.feed_statuses(NOW_MS, every=False, closed=True)
    assert status_of(record).state == "closed"


def test_a_gap_given_up_is_counted() -> None:
    """In the tally and in the feed's status."""
    out = outbound()
    for number in (1, 3, 4):
        later_ms = NOW_MS + (number == 4) * 600_001
        trade = replace(TRADE, sequence=number, event_ms=later_ms, received_ms=later_ms)
        out.take(trade, NOW_MS)
    assert (out.tally.gaps_detected, out.tally.gaps_permanent) == (1, 1)
    (record,) = out.feed_statuses(NOW_MS, every=True)
    assert (status_of(record).gaps_open, status_of(record).gaps_permanent) == (0, 1)


def test_a_feed_too_many_sends_its_events_and_has_no_status() -> None:
    """The memory is bounded, the data go on."""
    out = outbound()
    for number in range(FEEDS_MAX):
        out.take(replace(TRADE, subject=f"A{number}/USD"), NOW_MS)
    assert len(out.take(replace(TRADE, subject="ZZZ/USD"), NOW_MS)) == 1
    assert out.tally.sent == FEEDS_MAX + 1
    assert len(out.feed_statuses(NOW_MS, every=True)) == FEEDS_MAX


def test_a_deletion_goes_where_its_post_went_and_is_no_event() -> None:
    """Under the asset's key; it has no feed."""
    out = outbound("social")
    (record,) = out.take(GONE, NOW_MS)
    assert record == OutRecord("t.raw.social", partition_of("XRP", 4), b"XRP", encode(GONE))
    assert (out.tally.sent, out.tally.deletions, out.tally.refused) == (0, 1, 0)
    assert out.feed_statuses(NOW_MS, every=True) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"post_id": ""}, "invalid"),
        ({"post_id": "\ud800"}, "invalid"),
        ({"event_ms": NOW_MS + AHEAD_MS_MAX + 1}, "absurd_time"),
    ],
)
def test_a_deletion_that_cannot_be_sent_is_a_letter(
    changes: dict[str, object], reason: str
) -> None:
    """With its id, as far as it can be written."""
    out = outbound("social")
    (record,) = out.take(replace(GONE, **changes), NOW_MS)
    letter = letter_of(record)
    assert letter.reason == reason
    assert (letter.origin or "").startswith("live/post.deleted|XRP|forum|")
    assert (out.tally.sent, out.tally.deletions, out.tally.refused) == (0, 0, 0)
