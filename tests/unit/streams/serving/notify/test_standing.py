"""The alerts as they stand, and whose mute has ended."""

from streams.serving.acts.standing import StandingActs
from streams.serving.notify.standing import Book, Mutes
from topics import Control

from .alerts import NOW_MS, alert


def mute(subject: str, until_ms: int, value: str = "on") -> Control:
    """Return an operator's mute."""
    return Control(
        control_id=f"mute/{subject}/{until_ms}/{value}",
        act="mute",
        subject=subject,
        value=value,
        actor="alice",
        reason="known",
        at_ms=NOW_MS,
        expires_ms=until_ms if value == "on" else None,
    )


def test_the_latest_transition_of_an_id_counts() -> None:
    """An older one that comes again says nothing new."""
    book = Book()
    assert book.take(alert(), NOW_MS)
    assert book.take(alert(state="cleared", transition=2), NOW_MS)
    assert not book.take(alert(), NOW_MS)
    assert not book.fires(alert())
    assert book.firing() == []


def test_a_gap_of_a_rule_is_an_alert_beside_the_rules_own() -> None:
    """One may end while the other fires."""
    book = Book()
    book.take(alert(), NOW_MS)
    gap = alert(kind="data_gap")
    book.take(gap, NOW_MS)
    book.take(alert(state="cleared", transition=2), NOW_MS)
    assert [one.alert for one in book.firing()] == [gap]


def test_at_the_bound_the_alert_that_said_nothing_for_longest_is_forgotten_and_counted() -> None:
    """Of those that fire, that is; one that is over is no loss."""
    book = Book(alerts_max=2)
    book.take(alert(subject="A/USD", state="cleared", transition=2), NOW_MS)
    book.take(alert(subject="B/USD"), NOW_MS)
    book.take(alert(subject="C/USD"), NOW_MS)
    assert (book.forgotten, len(book.firing())) == (0, 2)
    book.take(alert(subject="D/USD"), NOW_MS)
    assert (book.forgotten, [one.alert.asset for one in book.firing()]) == (1, ["C", "D"])


def test_a_mute_that_expires_while_its_alert_fires_is_told_once() -> None:
    """With when it ended, so that another process says the same."""
    book, acts, mutes = Book(), StandingActs(), Mutes()
    book.take(alert(), NOW_MS)
    acts.take(mute("asset/BTC", NOW_MS + 60_000))
    assert mutes.ended(book, acts, NOW_MS) == []
    assert mutes.ended(book, acts, NOW_MS + 59_999) == []
    assert mutes.ended(book, acts, NOW_MS + 60_500) == [(alert(), NOW_MS + 60_000)]
    assert mutes.ended(book, acts, NOW_MS + 61_500) == []


def test_a_mute_that_is_taken_back_ends_too() -> None:
    """Who heard nothing of the alert must hear of it now."""
    book, acts, mutes = Book(), StandingActs(), Mutes()
    book.take(alert(), NOW_MS)
    acts.take(mute("rule/price_fall", NOW_MS + 60_000))
    mutes.ended(book, acts, NOW_MS)
    acts.take(mute("rule/price_fall", 0, value="off"))
    assert mutes.ended(book, acts, NOW_MS + 5_000) == [(alert(), NOW_MS + 5_000)]


def test_of_an_alert_that_is_over_nothing_is_told() -> None:
    """Its mute ends in silence."""
    book, acts, mutes = Book(), StandingActs(), Mutes()
    book.take(alert(), NOW_MS)
    acts.take(mute("all", NOW_MS + 60_000))
    mutes.ended(book, acts, NOW_MS)
    book.take(alert(state="cleared", transition=2), NOW_MS + 10)
    assert mutes.ended(book, acts, NOW_MS + 60_500) == []


def test_after_a_start_a_mute_that_ended_meanwhile_is_found() -> None:
    """If the alert fired before it ended."""
    book, acts, mutes = Book(), StandingActs(), Mutes()
    book.take(alert(), NOW_MS)
    book.take(alert(subject="ETH/USD"), NOW_MS + 90_000)
    acts.take(mute("all", NOW_MS + 60_000))
    later_ms = NOW_MS + 100_000
    mutes.recall(book, acts, later_ms - 3_600_000)
    assert mutes.ended(book, acts, later_ms) == [(alert(), NOW_MS + 60_000)]
