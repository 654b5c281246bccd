"""Which states may be told again in the words of before, once a window of theirs is revised."""

from agents.analyst import Analyst
from agents.decide.candidate import Candidate
from agents.decide.partition import PartitionDecider
from agents.decide.superseding import Superseding
from agents.settings import AgentSettings, GateSettings
from tests.strategies.aggregates import BASE_MS, HOUR_MS, calm, market, social
from topics import Aggregate

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0))
WORDS = (("direction", "flat"), ("volume", "usual"), ("regime", "sideways"))
HOUR = market(window_ms=HOUR_MS, base_ms=BASE_MS - HOUR_MS)
"""Before the first minute."""
LAST = 15
"""The minute in which a state is told again: the first one's time is over."""


class Reader:
    """A partition that is read, and answered at once by rules."""

    def __init__(self, *log: Aggregate) -> None:
        self.decider = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
        self.analyst = Analyst(SETTINGS, None, now_ms=lambda: 5)
        self.made: list[Candidate] = []
        for one in log:
            self.read(one)

    def read(self, aggregate: Aggregate) -> Superseding | None:
        """Take a window, and return what takes the place of an analysis because of it."""
        made = self.decider.take(self.decider.next_offset, aggregate, 0.0)
        if made is not None:
            self.made.append(made)
            self.decider.corrections.answered(made, self.analyst.decline(made, "no_model")[0])
        return self.decider.next_superseding()


def reader(*more: Aggregate) -> Reader:
    """Return a reader of calm minutes, the last of them told as a state, and of these windows."""
    ours = Reader(HOUR, *calm(LAST + 1), *more)
    assert [made.product for made in ours.made[:2]] == ["state", "state"]
    assert ours.made[1].as_of_ms == market(number=LAST).window_end_ms
    assert ours.made[1].labels == WORDS
    return ours


def revised(number: int = LAST, **changes: float) -> Aggregate:
    """Return a minute with a little more volume, or otherwise corrected."""
    return market(number=number, revision=1, **({"volume": 11.0} | changes))  # type: ignore[arg-type]


def test_a_state_in_the_same_words_is_told_again_in_them() -> None:
    """With the instrument that they are of."""
    found = reader().read(revised())
    assert found is not None
    assert (found.labels, found.lead) == (WORDS, "BTC/USDT")
    assert not found.withdraws


def test_a_state_in_other_words_is_not() -> None:
    """The revision makes much of its volume."""
    found = reader().read(revised(volume=60.0))
    assert found is not None
    assert (found.labels, found.lead) == ((), None)


def test_a_window_behind_the_latest_is_not_told_in_words_it_was_not_looked_at_for() -> None:
    """The state is still called as it was, by a later minute; of the revised one that may not hold."""
    for volume in (11.0, 60.0):
        found = reader(market(number=LAST + 1)).read(revised(volume=volume))
        assert found is not None
        assert found.lead is None


def test_another_instruments_windows_do_not_matter() -> None:
    """The words are those of the main one, and of the asset."""
    first, then = (market("BTC/USD", number, volume=1.0) for number in (LAST - 1, LAST))
    ours = Reader(HOUR, *calm(LAST), first, market(number=LAST), then)
    found = ours.read(revised())
    assert found is not None
    assert first.aggregate_id in {fact.aggregate_id for fact in found.candidate.facts}
    assert found.lead == "BTC/USDT"


def test_once_the_asset_is_spoken_of_again_the_words_of_before_are_over() -> None:
    """A later state has them now."""
    ours = reader(*[market(number=LAST + number) for number in range(1, 16)])
    assert len(ours.made) == 3
    found = ours.read(revised())
    assert found is None or found.lead is None
    latest = ours.read(revised(2 * LAST))
    assert latest is not None
    assert latest.before.as_of_ms == ours.made[2].as_of_ms
    assert latest.lead == "BTC/USDT"


def test_nor_are_they_told_once_a_deep_dive_has_spoken_of_the_asset() -> None:
    """On another instrument, while the state's own windows are the latest yet."""
    ours = reader(market("BTC/USD", LAST + 1, low=80.0))
    assert ours.made[-1].product == "deep_dive"
    found = ours.read(revised())
    assert found is not None
    assert found.before.product == "state"
    assert found.lead is None


def test_the_words_are_those_the_state_was_first_told_in() -> None:
    """Not those that a deep dive on a late window spoke of since: a replay asks for the state's own."""
    ours = reader()
    assert ours.read(revised(volume=25.0)) is not None
    late = market("BTC/USD", LAST - 1, low=80.0)
    ours.read(market("BTC/USD", LAST))
    ours.read(late)
    assert ours.made[-1].product == "deep_dive"
    assert ours.made[-1].as_of_ms == late.window_end_ms
    found = ours.read(market(number=LAST, revision=2, volume=26.0))
    assert found is not None
    assert found.before.product == "state"
    assert found.lead is None


def test_what_is_withdrawn_or_no_state_has_no_words_of_before() -> None:
    """Rules say that it is gone, and a deep dive's words are its own."""
    ours = reader(market(number=LAST + 1, low=90.0))
    assert ours.made[-1].product == "deep_dive"
    found = ours.read(market(number=LAST + 1, revision=1, low=91.0))
    assert found is not None
    assert found.before.product == "deep_dive"
    assert found.lead is None
    gone = ours.read(market(number=LAST + 1, revision=2))
    assert gone is not None
    assert gone.withdraws
    assert gone.lead is None


def test_posts_behind_the_latest_are_as_a_minute_is() -> None:
    """They are the asset's own: revised before the next window of theirs the words hold, and not after it."""
    for later in ([], [social(number=3, posts=4)]):
        ours = Reader(HOUR, *calm(LAST), social(number=2, posts=4), market(number=LAST), *later)
        found = ours.read(social(number=2, posts=5, revision=1))
        assert found is not None
        assert found.lead == (None if later else "BTC/USDT")
