"""What the journal says of batches: nothing that may be under way is asked again, and nothing that was answered."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ask.batch import digest_of
from agents.evaluation.asked import INTENTS_MAX, Asked, AskedError, Pending
from tests.unit.agents.entries import AT_MS, intent, result
from topics import Intent, Result, Usage

LEASE_MS = 1_000
KEYS = tuple(letter * 64 for letter in "abcd")
WHO = ("evaluate", "anthropic", "claude-haiku-5-5", "deep_dive-1")
NOTHING = Usage()


def asked(*entries: Intent | Result) -> Asked:
    """Return what a journal of these says."""
    made = Asked(*WHO)
    for entry in entries:
        made.take(entry)
    return made


def sent(
    keys: tuple[str, ...], send: str = "1", digest: str | None = None, **fields: object
) -> list[Intent]:
    """Return the intents of one batch."""
    more = {"scope": "evaluate", "lease_ms": LEASE_MS} | fields
    return [
        intent(
            0,
            attempt_id=f"{key[:32]}/{send}",
            item_key=key,
            batch=digest or digest_of(keys),
            **more,
        )
        for key in keys
    ]


def ended(one: Intent, known: str = "settled", **fields: object) -> Result:
    """Return what came of an intent."""
    usage = NOTHING if known != "settled" else Usage(input_tokens=1, output_tokens=1)
    more = {"known": known, "usage": usage, "batch": one.batch} | fields
    return result(0, attempt_id=one.attempt_id, item_key=one.item_key, **more)


@given(data=st.data())
def test_an_item_is_asked_again_only_where_nothing_of_it_was_or_will_be_billed(
    data: st.DataObject,
) -> None:
    """Whatever was sent, how often, and came of it, in any order of the log."""
    entries: list[Intent | Result] = []
    became: dict[str, list[str]] = {key: [] for key in KEYS}
    for send in range(data.draw(st.integers(0, 4))):
        keys = tuple(sorted(data.draw(st.frozensets(st.sampled_from(KEYS), min_size=1))))
        for one in sent(keys, str(send)):
            known = data.draw(st.sampled_from(["open", "settled", "released", "charged_unknown"]))
            entries.append(one)
            became[one.item_key].append(known)
            if known != "open":
                entries.append(ended(one, known))
    journal = asked(*entries)
    for key, all_ in became.items():
        standing, found = journal.standing(key)
        assert (standing == "new") == (set(all_) <= {"released"})
        assert (standing == "answered") == ("settled" in all_)
        assert (standing == "open") == ("settled" not in all_ and "open" in all_)
        assert (found is None) == (standing == "open" or not all_)
    open_ = {one.attempt_id for pending in journal.pending() for one in pending.open}
    told = {one.attempt_id for one in entries if isinstance(one, Result)}
    assert open_ == {e.attempt_id for e in entries if isinstance(e, Intent)} - told
    assert all(pending.is_whole for pending in journal.pending())


def test_a_batch_is_whole_once_all_its_intents_are_there() -> None:
    """Before that nothing was sent; those that have ended are of it still."""
    intents = sent(KEYS)
    (pending,) = asked(*intents[1:]).pending()
    assert not pending.is_whole
    (pending,) = asked(*intents, ended(intents[0])).pending()
    assert pending == Pending(digest_of(KEYS), frozenset(KEYS), tuple(intents[1:]))
    assert pending.is_whole
    assert (pending.since_ms, pending.until_ms) == (AT_MS, AT_MS + LEASE_MS)


def test_the_same_items_sent_again_are_another_send() -> None:
    """The first came to nothing, and the second may be under way: the oldest is taken up first."""
    first, second = sent(KEYS, "1"), sent(KEYS, "2", at_ms=AT_MS + 1)
    journal = asked(*first, *second, *(ended(one, "released") for one in first[1:]))
    assert [pending.open for pending in journal.pending()] == [(first[0],), tuple(second)]


def test_what_is_anothers_is_none_of_ours() -> None:
    """Of another scope, model or prompt, or sent by itself for a candidate of the agent's."""
    others = [
        *sent(KEYS[:1], scope="other"),
        *sent(KEYS[:1], provider="aws"),
        *sent(KEYS[:1], model="other"),
        *sent(KEYS[:1], prompt_version="deep_dive-2"),
        intent(1, scope="evaluate", item_key=KEYS[0]),
    ]
    journal = asked(*others, *(ended(one) for one in others))
    assert journal.pending() == []
    assert journal.standing(KEYS[0]) == ("new", None)


def test_an_answer_that_came_late_is_an_answer() -> None:
    """It was charged in full and has its usage; one that never came has none."""
    late, lost = sent(KEYS[:1]), sent(KEYS[1:2])
    used = Usage(output_tokens=5)
    came = ended(late[0], "charged_unknown", usage=used)
    journal = asked(*late, *lost, came, ended(lost[0], "charged_unknown"))
    assert journal.standing(KEYS[0]) == ("answered", came)
    assert journal.standing(KEYS[1])[0] == "unknown"


def test_who_else_asks_the_same_is_seen() -> None:
    """But not oneself, what has ended, and what is asked beside it."""
    own, other, over = sent(KEYS[:2], "1"), sent(KEYS[1:3], "2"), sent(KEYS[:1], "3")
    journal = asked(*own, *other, *over, ended(over[0], "released"))
    mine = frozenset(one.attempt_id for one in own)
    assert journal.others_open(frozenset(KEYS[:2]), mine) == [other[0].attempt_id]
    assert journal.others_open(frozenset(KEYS[:1]), mine) == []


def test_results_since_the_journal_was_read_count() -> None:
    """Of attempts that it had, and of others."""
    intents = sent(KEYS[:2])
    journal = asked(intents[0])
    journal.take_results([ended(one) for one in intents])
    assert [journal.standing(key)[0] for key in KEYS[:3]] == ["answered", "answered", "new"]
    assert journal.pending() == []


def test_the_ledger_is_told_again_of_what_may_be_held_there() -> None:
    """Once the lease is over, it holds nothing."""
    intents = sent(KEYS[:2])
    journal = asked(*intents, ended(intents[0]))
    assert journal.untold(AT_MS + LEASE_MS - 1) == [ended(intents[0])]
    assert journal.untold(AT_MS + LEASE_MS) == []


def test_beyond_the_bound_it_is_refused() -> None:
    """To forget what was asked would be to ask it again."""
    journal, numbers = Asked(*WHO), count()
    (one,) = sent(KEYS[:1])
    journal._intents = {str(next(numbers)): one for _ in range(INTENTS_MAX)}
    with pytest.raises(AskedError, match="--scope"):
        journal.take(one)
