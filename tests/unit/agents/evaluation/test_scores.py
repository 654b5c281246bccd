"""Scores: planted skill is found, no skill is found to be none as often as the interval says, and the sums are right."""

from math import log
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.bootstrap import DAYS_MIN, LEVEL, Interval, student_quantile, tail_of
from agents.evaluation.forecast import Voice
from agents.evaluation.scores import SURE, Score, score_of
from agents.evaluation.windows import Window

from .planted import Planted

VOICE = Voice("deep_dive", "model", "deep_dive-1")
SEEDS = 200
DRAWS = 400
_PROBABILITIES = st.sampled_from([0.0, 0.35, 0.45, 0.5, 0.55, 0.65, 1.0])


def window(day: int, rose: bool, said: float, momentum: float = 0.5, rules: float = 0.5) -> Window:
    return Window(
        analysis_id="a", asset="BTC", day=day, rose=rose, said=said, momentum=momentum, rules=rules
    )


def scored(windows: list[Window], *, seed: int = 1, resamples: int = DRAWS) -> Score:
    return score_of(VOICE, windows, {}, prompts_tried=3, seed=seed, resamples=resamples)


def of_planted(seed: int, *, right: float, sure: float, days: int = 20, assets: int = 3) -> Score:
    evidence, marks = Planted(seed, days=days, assets=assets, right=right, sure=sure).read()
    (score,) = evidence.scores(marks.find, {}, seed=seed)
    return score


def test_planted_skill_is_found() -> None:
    """Who is right six times of ten, and says so, is better than all baselines, surely."""
    score = of_planted(1, right=0.6, sure=0.6)
    assert (score.windows, score.days, score.assets) == (20 * 24 * 3, 21, 3)
    assert score.lost == {}
    for against in score.against.values():
        assert against.brier.is_skill
        assert against.log_loss.is_skill
    assert score.hit_rate.interval is not None
    assert score.hit_rate.interval.low > 0.55
    assert score.coverage == 1.0
    for bin_ in score.reliability:  # 0.4 and 0.6 were said, and came
        assert bin_.rose.interval is not None
        assert not bin_.rose.interval.excludes(bin_.foretold)


def test_who_is_sure_without_knowing_is_worse_than_who_says_nothing() -> None:
    """Right half of the time and sure of six of ten: the score is surely worse than always flat's."""
    brier = of_planted(2, right=0.5, sure=0.6).against["flat"].brier
    assert brier.interval is not None
    assert brier.interval.low > 0


def _without_skill(seed: int, days: int, right: float = 0.5) -> list[Window]:
    """Return what came of coins, where five assets move as one, and so do the opinions on them.

    The voice and momentum always disagree, and each is right half of the time: neither is better. Right 0.55 of the time
    and sure of 0.6, a voice is as good as always flat: -0.09 x 0.55 + 0.11 x 0.45 is 0.
    """
    random = Random(seed)
    windows = []
    for day in range(days):
        for _ in range(8):
            came = random.random() < 0.5
            up = came if random.random() < right else not came
            windows += [window(day, came, 0.6 if up else 0.4, momentum=0.4 if up else 0.6)] * 5
    return windows


@pytest.mark.parametrize(("baseline", "right"), [("momentum", 0.5), ("flat", 0.55)])
def test_without_skill_the_interval_holds_zero_as_often_as_it_says(
    baseline: str, right: float
) -> None:
    """Of many markets without any: 19 of 20. Windows taken one by one would be far too sure of themselves."""
    held = naive = 0
    for seed in range(SEEDS):
        windows = _without_skill(seed, days=15, right=right)
        interval = scored(windows, seed=seed).against[baseline].brier.interval
        assert interval is not None
        held += not interval.excludes(0.0)
        naive += not _one_by_one(windows, baseline).excludes(0.0)
    # Three standard deviations of a count of 200 are 0.046.
    assert LEVEL - 0.05 <= held / SEEDS <= LEVEL + 0.045
    assert naive / SEEDS < 0.75


def _one_by_one(windows: list[Window], baseline: str) -> Interval:
    others = [w.momentum if baseline == "momentum" else 0.5 for w in windows]
    differences = [
        (w.said - w.rose) ** 2 - (other - w.rose) ** 2
        for w, other in zip(windows, others, strict=True)
    ]
    error = 1.96 * float(np.std(differences)) / len(windows) ** 0.5
    mean = float(np.mean(differences))
    return Interval(mean - error, mean + error)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.booleans(), _PROBABILITIES, _PROBABILITIES, _PROBABILITIES
        ),
        min_size=1,
        max_size=40,
    )
)
def test_scores_are_the_sums_they_are_defined_by(
    told: list[tuple[int, bool, float, float, float]],
) -> None:
    """Worked out one by one, whatever the order of days."""
    windows = [window(*one) for one in told]
    score = scored(windows, resamples=50)
    count = len(windows)

    def brier(of: list[float]) -> float:
        return sum((p - w.rose) ** 2 for p, w in zip(of, windows, strict=True)) / count

    said = [w.said for w in windows]
    given_to_what_came = [
        min(max(p if w.rose else 1 - p, SURE), 1 - SURE) for p, w in zip(said, windows, strict=True)
    ]
    assert score.brier.value == pytest.approx(brier(said))
    assert score.log_loss.value == pytest.approx(-sum(map(log, given_to_what_came)) / count)
    assert score.baselines == pytest.approx(
        {
            "flat": 0.25,
            "momentum": brier([w.momentum for w in windows]),
            "rules": brier([w.rules for w in windows]),
        }
    )
    for name, value in score.baselines.items():
        assert score.against[name].brier.value == pytest.approx(brier(said) - value)
    directed = [w for w in windows if w.said != 0.5]
    hits = [w for w in directed if (w.said > 0.5) == w.rose]
    assert score.coverage == pytest.approx(len(directed) / count)
    assert score.hit_rate.value == (pytest.approx(len(hits) / len(directed)) if directed else None)
    assert sum(bin_.windows for bin_ in score.reliability) == count
    for bin_ in score.reliability:
        of = [w for w in windows if w.said == pytest.approx(bin_.foretold)]
        assert bin_.windows == len(of)
        assert bin_.rose.value == pytest.approx(sum(w.rose for w in of) / len(of))


def test_few_days_give_no_interval() -> None:
    """Though they give a value; and nothing gives nothing."""
    score = scored([window(day, day % 2 == 0, 0.6) for day in range(DAYS_MIN - 1)])
    assert score.brier.value is not None
    assert score.brier.interval is None
    assert scored([window(day, day % 2 == 0, 0.6) for day in range(DAYS_MIN)]).brier.interval
    empty = scored([])
    assert (empty.windows, empty.brier.value, empty.coverage, empty.reliability) == (
        0,
        None,
        None,
        [],
    )


def test_a_score_is_the_same_with_the_same_seed_and_moves_little_with_another() -> None:
    """The draws are many enough."""
    windows = _without_skill(5, days=30)
    first, again, other = (
        scored(windows, seed=s, resamples=4_000).brier.interval for s in (1, 1, 2)
    )
    assert first == again
    assert first is not None
    assert other is not None
    width = first.high - first.low
    assert abs(first.low - other.low) < width / 10
    assert abs(first.high - other.high) < width / 10


@pytest.mark.parametrize(
    ("degrees", "table"), [(9, 2.26216), (14, 2.14479), (29, 2.04523), (99, 1.98422)]
)
def test_the_quantile_is_the_tables(degrees: int, table: float) -> None:
    """Student's t at 0.975; so the tail is smaller than the plain one, and nears it with the days."""
    assert student_quantile(0.975, degrees) == pytest.approx(table, abs=1e-3)
    assert tail_of(degrees + 1) < tail_of(1_000) < (1 - LEVEL) / 2
