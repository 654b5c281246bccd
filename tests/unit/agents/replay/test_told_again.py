"""States that are told in words of before, first and as revised: whoever ends meanwhile, a replay tells them so too."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.analyst import Analyst
from agents.answer.answered import Answered
from agents.ask.prompt import state_prompt_of
from agents.cache.codec import Entry
from agents.cache.key import name_of
from agents.cache.narratives import NarrativeCache
from agents.decide.candidate import Candidate
from agents.desk import Desk
from agents.kept import Kept, key_of, packed
from agents.replay.recorded import Recorded, Span
from agents.replay.strict import Again, Miss, PartitionReplay
from agents.settings import AgentSettings, CacheSettings, GateSettings, ModelSettings
from agents.trail import Trail
from tests.strategies.aggregates import calm, market
from tests.unit.agents.decide.test_corrections import Act, acts
from tests.unit.agents.entries import intent, result
from tests.unit.agents.lives import Life, Partition
from tests.unit.agents.office import MODEL, SaidModel, said, seat_of, terms
from tests.unit.agents.replay.lives import GOOD_STATE
from topics import Aggregate, Analysis, Decision, Intent, Result, encode
from topics.settings import BrokerSettings

SETTINGS = AgentSettings(
    gate=GateSettings(cool_down_s=0),
    model=ModelSettings(simulated=True, products=("deep_dive", "state")),
)


class Book(Partition):
    """A partition, with the journal of all."""

    def __init__(self, log: list[Aggregate]) -> None:
        super().__init__(log)
        self.journal: dict[str, tuple[Intent, Result]] = {}

    def replayed(self) -> list[Again | Miss]:
        """Return what a replay says."""
        recorded = Recorded(Span(partition=0, begin=0, end=len(self.log)))
        for told in self.told:
            if not isinstance(told, Analysis):
                recorded.take_told(told)
        for told in self.told:
            if isinstance(told, Analysis):
                recorded.take_analysis(told, encode(told))
        for pair in self.journal.values():
            for entry in pair:
                recorded.take_entry(entry)
        replay = PartitionReplay(SETTINGS, recorded, read_from=0)
        again = [one for n, w in enumerate(self.log) for one in replay.take(n, w)]
        return again + replay.finish()

    def origins(self) -> Counter[tuple[str, str]]:
        """Return where the words of states came from, and why."""
        states = [one for one in self.analyses.values() if one.product == "state"]
        return Counter((one.origin, one.origin_reason) for one in states)

    def check(self) -> None:
        """Hold that all is told once, and said again by a replay, to the byte."""
        again = self.replayed()
        assert [one for one in again if isinstance(one, Miss)] == []
        said_again = [one.analysis for one in again if isinstance(one, Again)]
        found = {one.analysis_id: one for one in said_again if one is not None}
        assert {name: encode(one) for name, one in found.items()} == {
            name: encode(one) for name, one in self.analyses.items()
        }
        assert self.twice() == []
        assert self.decided() == set(self.analyses)
        for told in self.told:
            if isinstance(told, Decision) and told.analysis_id is not None:
                origin = self.analyses[told.analysis_id].origin
                assert told.outcome == {"cache": "cached", "rules": "rules"}[origin]


class Narrated(Life):
    """A process whose memory has words for every state that it comes to."""

    def __init__(self, book: Book) -> None:
        super().__init__(book)
        self.book = book
        now_ms = lambda: 5  # noqa: E731 - as `Life` has it
        ledger = Ledger("redis://127.0.0.1:9", prefix="t.", scope="test", terms=terms(1))
        seat = seat_of(SaidModel(said()))
        seat.products = frozenset(SETTINGS.model.products)
        self.kept = NarrativeCache(CacheSettings(), None, prefix="t.", now_ms=now_ms)
        desk = Desk([seat], Books(ledger, self._write_entry, now_ms=now_ms))
        self.analyst = Analyst(SETTINGS, desk, now_ms=now_ms, cache=self.kept)
        self.trail = Trail(
            BrokerSettings(prefix="t."),
            self.publisher,
            {0: self.ours},
            now_ms=now_ms,
            correct=self.analyst.corrected,
        )

    async def _write_entry(self, entry: Intent | Result) -> None:
        raise AssertionError(entry)

    def answer(self, number: int = 0) -> None:
        """Tell one of those that wait; a state in words of before, where it has any."""
        ready = [made for made in self.waiting if made.heir is None]
        if not ready:
            return
        made = ready[number % len(ready)]
        self.waiting.remove(made)
        again = self._again(made) if made.product == "state" and number < 4 else None
        if again is None:
            self.trail.tell(made, *self.analyst.decline(made, "no_model"))
        else:
            self.trail.tell(made, self.analyst._analysis(made, again), again)

    def _again(self, made: Candidate) -> Answered | None:
        prompt = state_prompt_of(made.labels, MODEL)
        attempt_id = f"{prompt.item_key[:32]}/1-1-ab"
        named = {"attempt_id": attempt_id, "item_key": prompt.item_key, "asset": "ETH"}
        asked = intent(1, **named, product="state", model=MODEL, prompt_version=prompt.version)
        self.book.journal[attempt_id] = asked, result(1, **named, answer=GOOD_STATE)
        value = packed(Kept(attempt_id=attempt_id, provider="anthropic", answer=GOOD_STATE))
        name = name_of("t.", 0, key_of(prompt, MODEL, simulated=True).word)
        self.kept._making._levels._remember(name, Entry(value, 5))
        assert self.analyst._narrating is not None
        return self.analyst._narrating.retold(made, "l1")


def lived(log: list[Aggregate], did: list[Act]) -> Book:
    """Return what is left of a partition after these acts, and one more process that finishes."""
    book = Book(log)
    life = Narrated(book)
    for act, number, half in did:
        if act == "K":
            life.publish(number, half=half)
            kept = life.kept
            life = Narrated(book)
            life.kept._making._levels._local = kept._making._levels._local  # as from Redis
        else:
            life.act(act, number)
    life.finish()
    return book


@st.composite
def minutes(draw: st.DrawFn) -> list[Aggregate]:
    """Return minutes of an instrument that says little, each perhaps corrected by a little or by more."""
    log, number, revisions = calm(12), 11, Counter[int]()
    steps = st.tuples(
        st.sampled_from(["next", "next", "revise", "revise", "late"]),
        st.sampled_from([10.0, 10.5, 11.0, 25.0]),
        st.sampled_from([100.0, 100.04, 100.5]),
    )
    for kind, volume, last in draw(st.lists(steps, max_size=24)):
        number += kind == "next"
        one = number - (kind == "late")
        revisions[one] += kind != "next"
        log.append(market(number=one, revision=revisions[one], volume=volume, last=last))
    return log


@settings(max_examples=40)
@given(minutes(), acts("rrraaoppppptcK"))
def test_whatever_happens_what_was_told_again_is_said_again(
    log: list[Aggregate], did: list[Act]
) -> None:
    """Coalesced, revised, killed between any two writes: in the same words, once, by a decision that says so."""
    lived(log, did).check()


RISE = market(number=12, last=100.5)
MORE = market(number=12, last=100.5, volume=11.0, revision=1)


def test_a_revised_state_is_told_in_the_words_of_before() -> None:
    """However often; and a replay finds whose they were, and in which state."""
    yet_more = market(number=12, last=100.5, volume=11.5, revision=2)
    book = lived([*calm(12), RISE, MORE, yet_more], [("r", 1, False), ("a", 0, False)] * 15)
    assert book.origins() == {("cache", "l1"): 2, ("cache", "revised"): 2}
    book.check()


@pytest.mark.parametrize("published", [0, 1, 2, 3])
@pytest.mark.parametrize("half", [False, True])
def test_a_kill_between_what_is_told_again_and_its_decision_is_made_up_for(
    published: int, half: bool
) -> None:
    """The next process decides on the analysis as it stands there, whose words it names."""
    did = [*[("r", 1, False), ("a", 0, False)] * 14, ("K", published, half)]
    book = lived([*calm(12), RISE, MORE], did)
    assert {origin for origin, _ in book.origins()} <= {"cache", "rules"}
    book.check()
    if half and published < 3:
        named = {d.narrative_attempt_id for d in book.told if isinstance(d, Decision)} - {None}
        assert named == {a.narrative_attempt_id for a in book.analyses.values()} - {None}


def test_words_of_a_state_that_was_another_are_not_told_of_its_revision() -> None:
    """Rules say it: the gate asks about the other state."""
    much = market(number=12, last=100.5, volume=25.0, revision=1)
    book = lived([*calm(12), RISE, much], [("r", 1, False), ("a", 0, False)] * 14)
    assert book.origins()["rules", "revised"] == 1
    book.check()
