"""Wherever a collector dies, the one after it knows every gap that was told, and tells what was not."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.outbound import Outbound
from streams.collectors.port import Link, Through
from streams.collectors.recall import LASTS_MAX, PAST_MS, PAST_RECORDS_MAX, Recall
from topics import (
    BY_NAME,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    Trade,
    decoder_of,
)
from topics.broker import BrokerSettings
from topics.outbox import OutRecord

NOW_MS = 1_700_000_000_000
BROKER = BrokerSettings(prefix="t.", partitions=4)
RAW = BY_NAME["raw.market"].decoder()


def trade(number: int | None, subject: str = "XRP/ETH", *, event_ms: int | None = None) -> Trade:
    return Trade(
        subject=subject,
        source="live",
        venue="binance",
        trade_id=str(number),
        event_ms=NOW_MS + (number or 0) if event_ms is None else event_ms,
        received_ms=NOW_MS + 600_000,
        price=Decimal(1),
        size=Decimal(1),
        side="buy",
        sequence=number,
    )


def detected(first: int, missing: int | None = None) -> GapDetected:
    return GapDetected(
        gap_id=f"binance/XRP/ETH/{first}",
        subject="XRP/ETH",
        source="live",
        venue="binance",
        from_ms=NOW_MS,
        to_ms=NOW_MS + 1,
        ids_missing=missing,
        first_missing=None if missing is None else first,
    )


def filled(first: int) -> GapFilled:
    return GapFilled(
        gap_id=f"binance/XRP/ETH/{first}",
        subject="XRP/ETH",
        source="live",
        venue="binance",
        from_ms=NOW_MS,
        to_ms=NOW_MS + 1,
    )


def outbound() -> Outbound:
    return Outbound("live", "market", BROKER, epoch=3)


def marks_of(records: list[OutRecord]) -> list[GapMark]:
    told = [RAW.decode(record.value or b"") for record in records if record.topic == "t.raw.market"]
    return [record for record in told if isinstance(record, GapMark)]


def recalled(records: list[OutRecord]) -> Recall:
    recall = Recall("live")
    for at, record in enumerate(records):
        recall.take(RAW.decode(record.value or b""), partition=record.partition, logged_ms=at)
    return recall


@st.composite
def markets(draw: st.DrawFn) -> list[Trade | Through]:
    """Trades of two instruments with holes, late ones, doubles, and promises between them."""
    seen: list[Trade | Through] = [Through(NOW_MS)]
    reached = {"XRP/ETH": 0, "BTC/USDT": 1_000}
    for _ in range(draw(st.integers(1, 40))):
        if draw(st.integers(0, 9)) == 0:
            seen.append(Through(NOW_MS + len(seen)))
            continue
        subject = draw(st.sampled_from(sorted(reached)))
        step = draw(st.sampled_from([1, 1, 1, 2, 4, -1, -2, -3, 0]))
        number = max(0, reached[subject] + step)
        reached[subject] = max(reached[subject], number)
        seen.append(trade(number, subject))
    return seen


@given(market=markets(), data=st.data())
def test_a_death_between_two_records_changes_no_mark(
    market: list[Trade | Through], data: st.DataObject
) -> None:
    """Each hole is told once, and its end once, wherever the log breaks off."""
    whole = outbound()
    log = [(at, record) for at, seen in enumerate(market) for record in whole.take(seen, NOW_MS)]
    cut = data.draw(st.integers(0, len(log)))
    before, after = [record for _, record in log[:cut]], outbound()
    owed = after.resume(recalled(before))
    told = marks_of(before) + marks_of(after.take_all(owed, NOW_MS))
    begin = log[cut - 1][0] + 1 if cut else 0
    told += marks_of(after.take_all(market[begin:], NOW_MS))
    expected = marks_of([record for _, record in log])
    assert sorted(map(repr, told)) == sorted(map(repr, expected))


@given(market=markets(), data=st.data())
def test_a_reading_that_begins_anywhere_invents_no_gap(
    market: list[Trade | Through], data: st.DataObject
) -> None:
    """What is told after it, an undisturbed collector tells too; nothing but what happened before is unknown."""
    whole = outbound()
    log = [record for seen in market for record in whole.take(seen, NOW_MS)]
    end = outbound_beats(whole)
    begin = data.draw(st.integers(0, len(log)))
    after = outbound()
    owed = after.resume(recalled(log[begin:] + end))
    assert owed == []
    known = {mark.gap_id for mark in marks_of(log)}
    assert {mark.gap_id for mark in after._continuity.open_marks()} <= known


def outbound_beats(out: Outbound) -> list[OutRecord]:
    out.take(Through(NOW_MS + 10_000), NOW_MS)
    return out.heartbeats(NOW_MS + 10_000)


def test_a_mark_alone_is_a_gap_that_can_be_filled() -> None:
    """The trades before it were logged too long ago to be read."""
    recall = Recall("live")
    recall.take(detected(5, 2), partition=0, logged_ms=1)
    out = outbound()
    out.resume(recall)
    assert marks_of(out.take(trade(8), NOW_MS)) == []
    assert marks_of(out.take(trade(5), NOW_MS)) == []
    assert [type(mark) for mark in marks_of(out.take(trade(6), NOW_MS))] == [GapFilled]


def test_a_gap_without_numbers_is_open_until_its_end() -> None:
    """It counts in the feed's status, and is given to the source however old it is."""
    recall = Recall("live")
    recall.take(trade(1), partition=0, logged_ms=0)
    recall.take(detected(0), partition=0, logged_ms=1)
    recall.take(trade(2), partition=0, logged_ms=2 * PAST_MS)
    assert list(recall.past()) == [detected(0), trade(2)]
    out = outbound()
    out.resume(recall)
    (status,) = out.feed_statuses(NOW_MS, every=True)
    assert decoder_of(FeedStatus).decode(status.value or b"").gaps_open == 1
    out.take(filled(0), NOW_MS)
    (status,) = out.feed_statuses(NOW_MS, every=True)
    told = decoder_of(FeedStatus).decode(status.value or b"")
    assert (told.gaps_open, told.events) == (0, 0)


def test_a_source_that_gives_a_gap_up_ends_it() -> None:
    """Nothing tells a second end of it, ten minutes later."""
    out = outbound()
    out.take_all([trade(1), trade(5)], NOW_MS)
    mark = detected(2)
    lost = GapPermanent(
        gap_id=mark.gap_id,
        subject=mark.subject,
        source="live",
        venue="binance",
        from_ms=0,
        to_ms=1,
        reason="the venue does not have it",
    )
    out.take(lost, NOW_MS)
    assert marks_of(out.take(trade(6, event_ms=NOW_MS + 3_600_000), NOW_MS)) == []
    assert out.tally.gaps_permanent == 1


def test_the_past_is_in_the_logs_order_and_bounded() -> None:
    """Two minutes over all partitions; of an instrument that was quiet, its last trade."""
    recall = Recall("live")
    recall.take(trade(1, "ADA/USDT"), partition=0, logged_ms=0)
    recall.take(trade(2, "BTC/USDT"), partition=1, logged_ms=10)
    recall.take(trade(3, "BTC/USDT"), partition=1, logged_ms=PAST_MS + 20)
    recall.take(trade(4, "XRP/ETH"), partition=2, logged_ms=PAST_MS + 5)
    recall.take(trade(5, "XRP/ETH"), partition=2, logged_ms=PAST_MS)  # a clock that was set back
    recall.take(Heartbeat(source="live", epoch=7, through_ms=1), partition=0, logged_ms=PAST_MS + 9)
    numbers = [getattr(record, "sequence", None) for record in recall.past()]
    assert numbers == [1, 4, 5, None, 3]
    assert (recall.epoch, recall.beaten_ms) == (7, PAST_MS + 9)


def test_a_flood_is_bounded() -> None:
    """The oldest are let go, of whatever partition, and no more instruments are kept than the bound."""
    recall = Recall("live")
    same = trade(None)
    for at in range(PAST_RECORDS_MAX + 10):
        recall.take(same, partition=at % 3, logged_ms=at // 1_000)
    assert len(recall.past()) == PAST_RECORDS_MAX
    names = Recall("live", keeps=False)
    for at in range(LASTS_MAX + 1):
        names.take(trade(None, f"A{at}/USDT"), partition=0, logged_ms=at)
    assert len(names.lasts()) == LASTS_MAX


def test_a_link_is_told_of_the_feeds_of_before() -> None:
    """A feed that has brought nothing since the start is told all the same."""
    recall = Recall("live")
    recall.take(trade(1), partition=0, logged_ms=0)
    out = outbound()
    out.resume(recall)
    out.take(Link(state="disconnected", reason="away"), NOW_MS)
    (record,) = out.feed_statuses(NOW_MS, every=False)
    assert decoder_of(FeedStatus).decode(record.value or b"").state == "disconnected"
