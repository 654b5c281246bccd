"""What two events share does not make them one: each counts, in the fold as in the audit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from deploy.audit import seen
from streams.windows import Fold
from streams.windows.intake import id_of, place_of, reader_of
from tests.audited import assert_audited, recomputed
from tests.strategies.contracts import raw_events
from topics import (
    Aggregate,
    DeadLetter,
    Heartbeat,
    Kind,
    Late,
    Post,
    RawEvent,
    RepositoryEvent,
    VolumeFlow,
    VolumeLevel,
    decoder_of,
    encode,
    kind_of,
)
from topics.units import EPOCH_MS_MAX

HOUR = 3_600_000
T0 = 1_700_000_000_000 // HOUR * HOUR
LOGGED_MS = T0 + 10**9
VolumeType = type[VolumeFlow | VolumeLevel]


def report(make: VolumeType, amount: int, **changes: Any) -> VolumeFlow | VolumeLevel:
    fields: dict[str, Any] = {
        "subject": "BTC",
        "source": "s",
        "venue": "a",
        "instrument": "b",
        "event_ms": T0 + 1,
        "received_ms": T0 + 1,
        "span_ms": 60_000,
        "volume": Decimal(amount),
    }
    return make(**(fields | changes))


def act(**changes: Any) -> RepositoryEvent:
    fields: dict[str, Any] = {
        "subject": "BTC",
        "source": "s",
        "repository": "a/b",
        "event_id": "1",
        "event_ms": T0 + 1,
        "received_ms": T0 + 1,
        "act": "commit",
        "author": "0" * 16,
    }
    return RepositoryEvent(**(fields | changes))


def folded(kind: Kind, *events: RawEvent) -> tuple[Fold, dict[str, Any]]:
    """The fold of some events, and the values of each subject's first hour; the audit says the same."""
    fold = Fold(kind, 0, partitions=1, subjects_max=100)
    log: list[tuple[bytes | None, bytes]] = [(None, beat(T0))]
    log += [(event.subject.encode(), encode(event)) for event in events]
    log.append((None, beat(T0 + HOUR)))
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, LOGGED_MS, key, value)
    second, expected = recomputed(kind, log, LOGGED_MS)
    assert_audited(fold.outputs, expected)
    assert second.counts["applied"] == fold.counters.applied
    windows = [o for o in fold.outputs if isinstance(o, Aggregate) and o.window_ms == HOUR]
    return fold, {window.subject: window.values for window in windows}


def beat(through_ms: int) -> bytes:
    return encode(Heartbeat(source="s", epoch=0, through_ms=through_ms))


def test_a_flow_and_a_level_of_one_place_and_time_both_count() -> None:
    """A venue may report the last minute as a candle and as a turnover."""
    fold, values = folded("volume", report(VolumeFlow, 3), report(VolumeLevel, 5))
    assert (values["BTC"].flow, values["BTC"].level) == (3.0, 5.0)
    assert fold.counters.duplicates == 0


@pytest.mark.parametrize("make", [VolumeFlow, VolumeLevel])
def test_an_instrument_reported_for_two_assets_counts_for_both(make: VolumeType) -> None:
    """Whether or not they share a partition."""
    _, values = folded("volume", report(make, 3), report(make, 4, subject="USD"))
    name = "flow" if make is VolumeFlow else "level"
    assert [getattr(values[subject], name) for subject in ("BTC", "USD")] == [3.0, 4.0]


def test_an_act_reported_for_two_assets_counts_for_both() -> None:
    """Whether or not they share a partition; said twice of one, it counts once."""
    fold, values = folded("development", act(), act(subject="ETH"), act())
    assert [values[subject].commits for subject in ("BTC", "ETH")] == [1, 1]
    assert fold.counters.duplicates == 1


@pytest.mark.parametrize("make", [VolumeFlow, VolumeLevel])
def test_two_places_are_two_however_their_names_are_cut(make: VolumeType) -> None:
    """A venue's name and an instrument's may both hold a slash."""
    places = [{"venue": "a", "instrument": "b/c"}, {"venue": "a/b", "instrument": "c"}]
    fold, values = folded("volume", *(report(make, 10 * n, **p) for n, p in enumerate(places, 1)))
    assert (values["BTC"].flow, values["BTC"].level) == (
        (30.0, None) if make is VolumeFlow else (0.0, 30.0)
    )
    assert len(fold.subjects["BTC"].record.places) == len(places)


def test_two_posts_are_two_however_their_names_are_cut() -> None:
    """A platform's name and a post's may both hold a slash."""
    fields: dict[str, Any] = {
        "subject": "BTC",
        "source": "s",
        "event_ms": T0 + 1,
        "received_ms": T0 + 1,
        "author": "0" * 16,
        "text": "words",
        "language": "en",
        "tone": 0.0,
        "tone_version": "t1",
        "engagement": 1,
        "simhash": "0" * 16,
    }
    one = Post(**fields, platform="a", post_id="b/c")
    _, values = folded("social", one, Post(**fields, platform="a/b", post_id="c"))
    assert values["BTC"].posts == 2


def test_late_events_of_two_assets_have_two_ids() -> None:
    """Their records would have one `ce_id` else."""
    old = {"event_ms": T0 - 13 * HOUR, "received_ms": T0}
    fold, _ = folded("development", act(**old), act(subject="ETH", **old))
    late = [output.event_id for output in fold.outputs if isinstance(output, Late)]
    assert late == ["repository.event|BTC|s|1", "repository.event|ETH|s|1"]


@pytest.mark.parametrize("make", [VolumeFlow, VolumeLevel])
@pytest.mark.parametrize("event_ms", [T0, T0 - 2 * HOUR], ids=["in time", "late"])
def test_a_span_of_a_thousand_digits_is_refused(make: VolumeType, event_ms: int) -> None:
    """The contract sets no bound, but a late event's record could not hold its id; at the bound it is taken."""
    times = {"event_ms": event_ms, "received_ms": T0}
    longest = report(make, 1, span_ms=EPOCH_MS_MAX, **times)
    beyond = [report(make, 1, span_ms=span, **times) for span in (EPOCH_MS_MAX + 1, 10**999)]
    fold, _ = folded("volume", longest, *beyond)
    letters = [output.reason for output in fold.outputs if isinstance(output, DeadLetter)]
    assert letters == ["out_of_range"] * 2
    assert fold.counters.applied + fold.counters.late == 1
    for late in (output for output in fold.outputs if isinstance(output, Late)):
        assert decoder_of(Late).decode(encode(late)) == late


@given(raw_events())
def test_the_audit_names_events_and_places_as_the_fold_does(event: RawEvent) -> None:
    """Written twice, from one text."""
    lean: Any = reader_of(kind_of(event)).decode(encode(event))
    names = [*lean.__struct_fields__]
    record = {name: getattr(lean, name) for name in names}
    record["type"] = lean.__struct_config__.tag
    assert seen.event_id(record) == id_of(lean)
    assert seen.place_of(record) == place_of(lean)
