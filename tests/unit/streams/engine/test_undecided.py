"""What is left open by a broker that lost its markers is ended in one way in all its logs."""

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.undecided import Reach, is_committed

TOPICS = ("aggregates", "late", "deadletters")
DONE, OPEN = Reach(10, 10), Reach(4, 10)


def test_what_nobody_has_seen_any_of_never_happened() -> None:
    """All of it open, and the state complete or not: it is done again."""
    outputs = dict.fromkeys(TOPICS, OPEN)
    assert not is_committed(OPEN, outputs, {"aggregates": 7}, {})
    assert not is_committed(OPEN, outputs, {}, {})


def test_what_somebody_has_seen_is_finished() -> None:
    """Of an aborted one nobody sees anything, in whatever log it was decided."""
    outputs = {"aggregates": DONE, "late": OPEN}
    written = {"aggregates": 7, "late": 5}
    assert is_committed(OPEN, outputs, written, {"aggregates": True})
    assert not is_committed(OPEN, outputs, written, {"aggregates": False})


def test_a_decided_state_says_whose_the_open_outputs_are() -> None:
    """Those it notes are its own; others are of one that did not come to the state."""
    assert is_committed(DONE, {"late": OPEN}, {"late": 4}, {})
    assert not is_committed(DONE, {"late": OPEN}, {"late": 3}, {})
    assert not is_committed(DONE, {"late": OPEN}, {"aggregates": 9}, {})
    assert not is_committed(DONE, {"late": OPEN}, {}, {})


@given(
    outputs=st.sets(st.sampled_from(TOPICS)),
    marked=st.sets(st.sampled_from((*TOPICS, "state"))),
    was_committed=st.booleans(),
    reached=st.sampled_from(("outputs", "state")),
)
def test_whatever_markers_were_lost_it_ends_in_one_way(
    outputs: set[str], marked: set[str], was_committed: bool, reached: str
) -> None:
    """Each log holds ten decided records of before, then those of the transaction, decided where its marker came.

    Only one whose state is complete can have been committed; one in no log at all is not there.
    """
    was_committed = was_committed and reached == "state"
    logs = outputs | ({"state"} if reached == "state" else set())

    def reach(log: str) -> Reach:
        written = 15 if log in logs else 10
        return Reach(written if log in marked or log not in logs else 10, written)

    state_is_open = reach("state").is_open
    # An aborted or unfinished one leaves the note of the transaction before, whose records end at 9.
    is_noted = state_is_open or ("state" in marked and was_committed)
    noted = (
        dict.fromkeys(outputs, 12) if reached == "state" and is_noted else dict.fromkeys(TOPICS, 8)
    )
    if state_is_open and reached != "state":
        noted = {}
    seen = {log: was_committed for log in outputs if log in marked}
    open_logs = {log for log in logs if reach(log).is_open}
    if not open_logs:
        return
    commit = is_committed(reach("state"), {t: reach(t) for t in TOPICS}, noted, seen)
    ends = {was_committed for log in logs if log in marked} | {commit}
    assert len(ends) == 1
