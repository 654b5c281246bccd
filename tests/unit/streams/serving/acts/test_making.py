"""Acts are checked before they are written, and say who did what in their ids."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.acts import MUTE_MS_MAX, REASON_CHARS_MAX, Act, ActRefusedError, making
from topics import BY_NAME, encode

NOW_MS = 1_790_000_040_000
ALERT = "volume.surge/BTC/1790000040000"
ANALYSIS = "state/BTC/1790000040000/0"


def acknowledged(**told: str | int) -> Act:
    return making.acknowledgement(
        **{"alert_id": ALERT, "actor": "ann", "reason": "seen", "at_ms": NOW_MS} | told  # type: ignore[arg-type]
    )


def muted(target: str = "asset/BTC", until_ms: int = NOW_MS + 1, at_ms: int = NOW_MS) -> Act:
    return making.mute(target, until_ms=until_ms, actor="ann", reason="known", at_ms=at_ms)


def judged(verdict: str = "wrong", **told: str | int) -> Act:
    fields = {"actor": "ann", "reason": "one venue was repaired", "at_ms": NOW_MS} | told
    return making.feedback(ANALYSIS, verdict, **fields)  # type: ignore[arg-type]


MADE: list[Callable[[], Act]] = [
    acknowledged,
    muted,
    lambda: making.unmute("asset/BTC", actor="ann", reason="over", at_ms=NOW_MS),
    judged,
    lambda: making.redrive(
        "0f", letters=["raw.market/0/1"], places=["raw.market/1"], actor="ann", reason="r", at_ms=1
    ),
]


@pytest.mark.parametrize("make", MADE)
def test_an_act_is_read_as_it_was_made(make: Callable[[], Act]) -> None:
    """By the decoder of the topic, under a key and an id that are no secret of ours."""
    act = make()
    assert BY_NAME["control"].decoder().decode(encode(act)) == act
    assert making.id_of(act)
    assert act.subject


@given(st.integers(0, MUTE_MS_MAX - 1))
def test_the_same_act_later_has_the_same_id(later_ms: int) -> None:
    """A request that is sent again is one act, whenever it comes."""
    at_ms, until_ms = NOW_MS + later_ms, NOW_MS + MUTE_MS_MAX + 1
    assert making.id_of(acknowledged(at_ms=at_ms)) == making.id_of(acknowledged())
    assert making.id_of(judged(at_ms=at_ms)) == making.id_of(judged())
    first = muted(until_ms=until_ms, at_ms=NOW_MS + 1)
    assert making.id_of(muted(until_ms=until_ms, at_ms=at_ms + 1)) == making.id_of(first)


def test_another_act_has_another_id() -> None:
    """By another person, of another reason, of another alert, until another time, of another sort."""
    ids = [
        making.id_of(act)
        for act in (
            *(make() for make in MADE),
            acknowledged(actor="bob"),
            acknowledged(reason="it is nothing"),
            acknowledged(alert_id=ALERT + "1"),
            acknowledged(actor="ann\0seen", reason="x"),
            acknowledged(actor="ann", reason="seen\0x"),
            muted(until_ms=NOW_MS + 2),
            muted("rule/a"),
            judged("unhelpful"),
            judged(actor="bob"),
        )
    ]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "target",
    ["all", "asset/BTC", "asset/1INCH", "rule/volume.surge", "rule/a/b", "rule/a/b/BTC/USD", "rule/a/BTC", "rule/a/BTC/USD:USD"],
)  # fmt: skip
def test_what_can_be_muted_is_muted(target: str) -> None:
    """All, an asset, a rule, and a rule's series of one subject."""
    assert muted(target).subject == target


@pytest.mark.parametrize(
    "target",
    ["", "everything", "asset/", "asset/btc", "asset/BTC\n", "rule/", "rule/Volume", "rule//BTC", "BTC", "rule/a/BTC/USD/EUR", "all/all", "\x1b[2J"],
)  # fmt: skip
def test_what_is_no_target_is_refused(target: str) -> None:
    """A mute that silences nothing would be believed to."""
    with pytest.raises(ActRefusedError, match="none of all, asset/BTC, rule/NAME"):
        muted(target)


def test_a_mute_ends_and_not_too_far_away() -> None:
    """At both bounds."""
    assert muted(until_ms=NOW_MS + MUTE_MS_MAX).subject == "asset/BTC"
    with pytest.raises(ActRefusedError, match="at most 30 days ahead"):
        muted(until_ms=NOW_MS + MUTE_MS_MAX + 1)
    with pytest.raises(ActRefusedError, match="it is over already"):
        muted(until_ms=NOW_MS)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"reason": " "}, "reason: it is missing"),
        ({"reason": "x" * (REASON_CHARS_MAX + 1)}, "no such act can be written"),
        ({"actor": ""}, "actor: it is missing"),
        ({"actor": "a" * 101}, "no such act can be written"),
        ({"alert_id": "  "}, "alert_id: it is missing"),
        ({"alert_id": "a" * 200}, "no such act can be written"),
        ({"reason": "half \ud83d"}, "no such act can be written"),
    ],
)
def test_a_part_that_is_missing_or_too_long_is_refused(told: dict[str, str], words: str) -> None:
    """Before anything is written."""
    with pytest.raises(ActRefusedError, match=words):
        acknowledged(**told)


@pytest.mark.parametrize("verdict", ["", "Wrong", "great", "x" * 1_000])
def test_another_verdict_is_refused(verdict: str) -> None:
    """In a line, however long it is."""
    with pytest.raises(ActRefusedError, match="neither wrong nor unhelpful") as refused:
        judged(verdict)
    assert len(str(refused.value)) < 200


def test_people_have_a_word_each_on_an_analysis() -> None:
    """Under keys of their own: compaction keeps both."""
    ann, bob = judged(), judged(actor="bob")
    assert (ann.subject, bob.subject) == (f"analysis/{ANALYSIS}/ann", f"analysis/{ANALYSIS}/bob")
