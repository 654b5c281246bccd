"""What would be written for which letters, and why the others stay."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.acts.making import redrive
from streams.serving.redrive import LETTERS_MAX, REMEDIES, Letter, Plan, planned
from streams.serving.redrive.plan import STRANGE, record_of, rival_of
from streams.windows import Fold
from streams.windows.intake import Logged
from tests.strategies.contracts import events
from topics import (
    DeadLetter,
    GapDetected,
    Heartbeat,
    Redrive,
    Trade,
    asset_of,
    encode,
    partition_of,
)
from topics.deadletter import ORIGINAL_BYTES_MAX, from_record, redriven_of, to_record
from topics.identity import event_id
from topics.settings import BrokerSettings

PARTITIONS = 4
BROKER = BrokerSettings(partitions=PARTITIONS)
AT_MS = 1_700_000_000_000
CURABLE = sorted(reason for reason, remedy in REMEDIES.items() if remedy.cure != "never")
TRADE = Trade(
    subject="BTC/USD",
    source="alpha",
    venue="alpha",
    trade_id="1",
    event_ms=AT_MS,
    received_ms=AT_MS,
    price=Decimal("10.5"),
    size=Decimal(2),
    side="buy",
    sequence=1,
)
GOOD = encode(TRADE)


def letter(**changes: object) -> Letter:
    """Return a letter of a trade that stood in the wrong partition."""
    fields: dict[str, object] = {
        "reason": "misrouted",
        "message": "BTC/USD belongs elsewhere",
        "stage": "fold",
        "role": "streams",
        "key": b"ETH",
        "value": GOOD,
        "time_ms": AT_MS,
        "topic": "raw.market",
        "partition": 1,
        "offset": 7,
    }
    return Letter(
        letter=DeadLetter(**(fields | changes)),  # type: ignore[arg-type]
        partition=1,
        offset=3,
        logged_ms=AT_MS,
    )


def plan_of(*letters: Letter, **bounds: object) -> Plan:
    return planned(letters, partitions=PARTITIONS, **bounds)  # type: ignore[arg-type]


def why(one: Letter, **bounds: object) -> str:
    plan = plan_of(one, **bounds)
    assert not plan.going
    assert not plan.redrive_id
    return plan.staying[0].why


def test_a_letter_goes_where_its_asset_belongs_and_says_where_it_comes_from() -> None:
    """Topic, partition, key, the bytes as they were, and the headers."""
    plan = plan_of(letter())
    (going,) = plan.going
    record = record_of(going, BROKER, plan.redrive_id, AT_MS + 5)
    assert record.topic == BROKER.topic("raw.market")
    assert record.partition == partition_of("BTC", PARTITIONS)
    assert (record.key, record.value, record.timestamp_ms) == (b"BTC", GOOD, AT_MS + 5)
    assert record.headers == [
        ("tapereader.attempt", b"2"),
        ("tapereader.original", b"raw.market/1/7"),
        ("tapereader.redriven", b"raw.market/1/7"),
        ("tapereader.redrive", plan.redrive_id.encode()),
    ]


def test_the_first_letter_stays_known() -> None:
    """However often it goes."""
    (going,) = plan_of(letter(attempt=2, original="raw.market/0/1")).going
    told = redriven_of(record_of(going, BROKER, "r", AT_MS).headers)
    assert told is not None
    assert (told.attempt, told.original, told.letter_id) == (3, "raw.market/0/1", "raw.market/1/7")


def test_an_attempt_at_the_bound_is_the_last() -> None:
    """A record that nothing helps does not go round for ever."""
    assert plan_of(letter(attempt=2)).going
    assert "attempt 3 already, of at most 3" in why(letter(attempt=3))
    assert plan_of(letter(attempt=3), attempts_max=4).going
    assert "of at most 1000" in why(letter(attempt=1_000), attempts_max=5_000)


@pytest.mark.parametrize("reason", sorted(set(REMEDIES) - set(CURABLE)))
def test_what_nothing_cures_stays(reason: str) -> None:
    """And it is told what to do instead."""
    assert REMEDIES[reason].todo in why(letter(reason=reason))


def test_a_reason_of_a_later_version_stays() -> None:
    """This one does not know what it would do."""
    assert "later version" in why(letter(reason="enchanted"))


def test_what_a_collector_refused_has_nowhere_to_go() -> None:
    """It is no record of any topic."""
    told = why(letter(stage="collect", topic=None, partition=None, offset=None, origin="a/1/2"))
    assert "nowhere to write" in told


@pytest.mark.parametrize("topic", ["aggregates", "alerts", None, "raw.weather", "tapereader.raw.market"])  # fmt: skip
def test_what_is_out_of_another_topic_stays(topic: str | None) -> None:
    """Aggregates are made of raw records; one written by hand would be one too many."""
    assert "only raw topics" in why(letter(topic=topic, stage="analyse"))


def test_what_was_cut_stays() -> None:
    """Part of a record is none."""
    assert "bytes were cut" in why(letter(truncated=True, length=10**6))


@pytest.mark.parametrize("value", [b"{", b'{"type":"trade"}', b'{"type":"trade.v2"}', b"\xff"])
def test_what_this_version_cannot_read_stays(value: bytes) -> None:
    """Whatever the letter's reason was: it would only come back."""
    assert "this version cannot read it either" in why(letter(value=value, reason="unknown_type"))


def test_a_heartbeat_stays() -> None:
    """It promised something about a moment that is over."""
    beat = encode(Heartbeat(source="alpha", epoch=1, through_ms=AT_MS))
    assert "of its moment" in why(letter(value=beat, reason="misrouted"))


def test_a_gap_mark_goes() -> None:
    """A window must know what it misses."""
    mark = GapDetected(
        gap_id="g", subject="BTC/USD", source="a", venue="a", from_ms=AT_MS, to_ms=AT_MS
    )
    assert plan_of(letter(value=encode(mark), reason="subjects_max")).going


def test_what_went_before_stays() -> None:
    """And it is told with which redrive."""
    assert why(letter(), taken={"raw.market/1/7": "it went with r"}) == "it went with r"


def test_a_redrive_has_a_bound() -> None:
    """What is beyond it is for the next one; those that stay take no room."""
    many = [letter(offset=number) for number in range(LETTERS_MAX + 5)]
    plan = plan_of(letter(offset=10**6, attempt=9), *many)
    assert len(plan.going) == LETTERS_MAX
    assert len(plan.staying) == 1
    assert plan.left_out == 5
    assert [going.letter.letter.offset for going in plan.going] == list(range(LETTERS_MAX))


@given(st.permutations(range(6)))
def test_the_order_of_the_letters_changes_nothing(order: list[int]) -> None:
    """The same letters are the same redrive, and go in the order in which they stood."""
    letters = [letter(offset=number % 3, partition=number // 3) for number in range(6)]
    assert plan_of(*(letters[n] for n in order)) == plan_of(*letters)


def test_other_letters_or_another_attempt_are_another_redrive() -> None:
    """Its id tells what was looked at from what is written."""
    plans = [plan_of(letter()), plan_of(letter(offset=8)), plan_of(letter(attempt=2))]
    assert len({plan.redrive_id for plan in plans}) == 3


ANY_LETTERS = st.lists(
    st.builds(
        letter,
        reason=st.sampled_from([*REMEDIES, "enchanted"]),
        stage=st.sampled_from(["collect", "fold", "analyse", "notify"]),
        value=events(Trade).map(encode) | st.binary(max_size=20) | st.just(GOOD),
        topic=st.sampled_from(["raw.market", "raw.social", "aggregates", None]),
        attempt=st.integers(1, 5),
        truncated=st.booleans(),
        offset=st.integers(0, 5),
    ),
    max_size=8,
    unique_by=lambda one: one.letter_id,
)


@given(ANY_LETTERS, st.integers(1, 4), st.integers(0, 3))
def test_every_letter_goes_or_stays_with_a_reason(
    letters: list[Letter], attempts_max: int, letters_max: int
) -> None:
    """None is lost and none goes twice; what goes is whole, belongs where it goes, and is below the bound."""
    plan = plan_of(*letters, attempts_max=attempts_max, letters_max=letters_max)
    assert len(plan.going) + len(plan.staying) + plan.left_out == len(letters)
    assert len(plan.going) <= letters_max
    assert all(staying.why for staying in plan.staying)
    for going in plan.going:
        was = going.letter.letter
        assert was.stage == "fold"
        assert was.reason in CURABLE
        assert not was.truncated
        assert going.attempt == was.attempt + 1 <= attempts_max
        assert going.topic == was.topic
        assert going.partition == partition_of(going.key.decode(), PARTITIONS)


HEADER = st.tuples(
    st.sampled_from([name for name, _ in to_record(letter(original="o").letter)[2]]),
    st.sampled_from([b"", b"-1", b"0", b"1", b"2", b"1001", b"9" * 4_000, b"x" * 500, b"raw.market", b"fold", b"\xff", b"\x1b[2J"])
    | st.binary(max_size=5),
)  # fmt: skip


@given(st.lists(HEADER, max_size=4), st.integers(1, 2_000))
def test_a_letter_that_anybody_wrote_goes_well_or_not_at_all(
    forged: list[tuple[str, bytes]], attempts_max: int
) -> None:
    """What goes can be told on control, comes back with its attempt, and holds up no other letter."""
    key, value, honest = to_record(letter(original="raw.market/0/0", attempt=2).letter)
    named = {name for name, _ in forged}
    headers = [*(h for h in honest if h[0] not in named), *forged]
    try:
        found = from_record(key, value, headers, AT_MS)
    except ValueError:
        return
    one = Letter(letter=found, partition=0, offset=0, logged_ms=AT_MS)
    for going in plan_of(one, attempts_max=attempts_max).going:
        told = redriven_of(record_of(going, BROKER, "r", AT_MS).headers)
        assert told is not None
        assert (told.attempt, told.letter_id) == (going.attempt, going.letter_id)
        redrive("r", letters=[going.letter_id], places=[], actor="a", reason="r", at_ms=AT_MS)


@pytest.mark.parametrize("stage", ["analyse", "notify", "elsewhere"])
def test_a_letter_of_another_role_stays_though_its_record_is_raw(stage: str) -> None:
    """The streams role has counted that record: only its own letters say that it has not."""
    assert plan_of(letter()).going
    assert why(letter(stage=stage)) == STRANGE


def test_a_letter_larger_than_ours_stays() -> None:
    """With its headers it would not fit into a record."""
    value = encode(replace(TRADE, trade_id="x"))
    assert plan_of(letter(value=value + b" " * (ORIGINAL_BYTES_MAX - len(value)))).going
    assert why(letter(value=value + b" " * (ORIGINAL_BYTES_MAX + 1 - len(value)))) == STRANGE


@dataclass
class Topic:
    """Raw logs of one kind, each folded as it is written, and the letters that come of it."""

    subjects_max: int
    folds: list[Fold] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with empty logs."""
        self.folds = [
            Fold("market", n, partitions=PARTITIONS, subjects_max=self.subjects_max)
            for n in range(PARTITIONS)
        ]

    def write(self, partition: int, written: Logged) -> None:
        """Put a record behind the others of a partition."""
        fold = self.folds[partition]
        offset = fold.next_offset or 0
        fold.feed(offset, written.timestamp, written.key, written.value or b"", written.headers)

    def letters(self) -> list[Letter]:
        """Return all letters."""
        found = [one for fold in self.folds for one in fold.outputs if isinstance(one, DeadLetter)]
        return [Letter(letter=one, partition=0, offset=0, logged_ms=AT_MS) for one in found]

    def sums(self) -> list[tuple[int, int]]:
        """Return of each partition how many records were written, and how many are accounted for."""
        counted = [fold.counters for fold in self.folds]
        return [
            (
                fold.next_offset or 0,
                c.heartbeats + c.marks + c.applied + c.duplicates + c.late + c.dead_letters,
            )
            for fold, c in zip(self.folds, counted, strict=True)
        ]


TRADES = st.lists(
    st.tuples(
        st.builds(
            lambda base, number: replace(
                TRADE, subject=f"{base}/USD", trade_id=str(number), sequence=number
            ),
            st.sampled_from(["BTC", "ETH", "SOL", "XRP"]),
            st.integers(1, 6),
        ),
        st.integers(0, PARTITIONS - 1),
    ),
    min_size=1,
    max_size=15,
)


@given(TRADES)
def test_a_cured_letter_is_counted_once_and_the_sums_hold(
    trades: list[tuple[Trade, int]],
) -> None:
    """Trades written to any partition: after the redrive each is in a window once, however often it was written."""
    topic = Topic(subjects_max=100)
    for trade, partition in trades:
        record = Logged(0, AT_MS, asset_of(trade.subject).encode(), encode(trade))
        topic.write(partition, record)
    plan = plan_of(*topic.letters())
    assert not plan.staying
    for _ in range(2):  # a redrive that ran twice would change no window
        for going in plan.going:
            out = record_of(going, BROKER, plan.redrive_id, AT_MS)
            topic.write(out.partition, Logged(0, AT_MS, out.key, out.value, out.headers))
    assert sum(fold.counters.applied for fold in topic.folds) == len(
        {event_id(trade) for trade, _ in trades}
    )
    assert len(topic.letters()) == len(plan.going)
    assert all(written == counted for written, counted in topic.sums())


def test_a_letter_that_nothing_helps_comes_back_until_the_bound() -> None:
    """Attempt 2, attempt 3, and no more; each knows the first."""
    topic = Topic(subjects_max=1)
    home = partition_of("BTC", PARTITIONS)
    for subject in ("BTC/USD", "BTC/EUR"):
        value = encode(replace(TRADE, subject=subject))
        topic.write(home, Logged(0, AT_MS, b"BTC", value))
    first = topic.letters()[0]
    for attempt in (2, 3):
        plan = plan_of(topic.letters()[-1])
        out = record_of(plan.going[0], BROKER, plan.redrive_id, AT_MS)
        topic.write(out.partition, Logged(0, AT_MS, out.key, out.value, out.headers))
        letter = topic.letters()[-1].letter
        assert (letter.reason, letter.attempt) == ("subjects_max", attempt)
        assert letter.original == first.letter_id
    assert "attempt 3 already" in why(topic.letters()[-1])
    assert all(written == counted for written, counted in topic.sums())


def begun(
    letters: list[str], actor: str, at_ms: int = AT_MS, ended_ms: int | None = None
) -> Redrive:
    """Return a word of a redrive of these letters; those of the same letters have the same id."""
    return redrive("".join(letters), letters=letters, places=[], actor=actor, reason="r", at_ms=at_ms, ended_ms=ended_ms)  # fmt: skip


def test_of_two_redrives_of_the_same_letters_the_later_on_the_log_gives_way() -> None:
    """Whoever's clock is ahead; and one that has ended meanwhile wrote them as well."""
    ann, bob = begun(["a", "b"], "ann", AT_MS + 9), begun(["a", "b"], "bob")
    assert rival_of(ann, [ann, bob]) is None
    assert rival_of(bob, [ann, bob]) == ann
    ended = begun(["a", "b"], "ann", AT_MS + 9, AT_MS + 10)
    assert rival_of(bob, [ann, ended, bob]) == ended


def test_redrives_with_one_letter_in_common_give_way_to_each_other() -> None:
    """Unless one has gone back already; those with none in common do not."""
    ann, bob, eve = begun(["a", "b"], "ann"), begun(["b", "c"], "bob"), begun(["d"], "eve")
    told = [ann, bob, eve]
    assert (rival_of(ann, told), rival_of(bob, told)) == (bob, ann)
    assert rival_of(eve, told) is None
    gone_back = redrive("bc", letters=[], places=[], actor="bob", reason="r", at_ms=AT_MS, ended_ms=AT_MS)  # fmt: skip
    assert rival_of(ann, [*told, gone_back]) is None
