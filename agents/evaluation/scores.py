"""How good forecasts are, beside the baselines on the same windows. PURE: the seed is an argument.

Brier score: the mean of (p - y)^2, y one for a rise (Brier 1950). Log loss: the mean of -log of what was given to what
came. Both are proper: a forecaster does best to say what he believes. Lower is better, and always one half has 0.25 and
0.693. A difference below 0 is in the forecaster's favour, and is skill only where its interval excludes 0.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from agents.answer.rules import EVEN

from .bootstrap import RESAMPLES, Interval, Table, day_sums, drawn, interval_of
from .forecast import BASELINES, Voice
from .windows import Window

BINS = 20
"""Of the reliability diagram, by the foretold probability: what is said is a multiple of a twentieth mostly."""
SURE = 1e-3
"""For the log loss a forecast is held so far from 0 and 1: one that was sure and wrong would cost without end."""
_ON_EDGE = 1e-9
"""0.55 x 20 is a little less than 11."""


class Measure(Struct, frozen=True):
    """A value and its interval: None where there is nothing to measure, or too few days."""

    value: float | None
    interval: Interval | None = None

    @property
    def is_skill(self) -> bool:
        """Whether a difference of losses is surely in the forecaster's favour."""
        return self.interval is not None and self.interval.high < 0


class Bin(Struct, frozen=True, kw_only=True):
    """The windows that were given about one probability."""

    windows: int
    foretold: float
    """The mean of what was said."""
    rose: Measure
    """The share that rose: what was said, if it is well calibrated."""


class Against(Struct, frozen=True, kw_only=True):
    """A forecaster less a baseline."""

    brier: Measure
    log_loss: Measure


class Score(Struct, frozen=True, kw_only=True):
    """How good one voice is."""

    voice: Voice
    windows: int
    days: int
    assets: int
    prompts_tried: int | None
    """Prompt versions for the product that were ever tried, with whatever came of them; None of the rules. The best of
    many looks better than it is."""
    lost: dict[str, int]
    """Forecasts that are not scored, by reason."""
    coverage: float | None
    """The share of windows for which a direction was said at all."""
    rose: float | None
    """The share of windows in which the price rose."""
    brier: Measure
    log_loss: Measure
    hit_rate: Measure
    """The share of the directions that came true."""
    baselines: dict[str, float]
    """The Brier score of each baseline."""
    against: dict[str, Against]
    reliability: list[Bin]


def score_of(
    voice: Voice,
    windows: Sequence[Window],
    lost: dict[str, int],
    *,
    prompts_tried: int | None,
    seed: int,
    resamples: int = RESAMPLES,
) -> Score:
    """Return the score of a voice's windows. All intervals are of the same draws of days."""
    rose = np.array([window.rose for window in windows], dtype=np.float64)
    said = np.array([window.said for window in windows], dtype=np.float64)
    columns = _columns(windows, said, rose)
    sums = day_sums([window.day for window in windows], columns)
    ratios = _Ratios(sums, drawn(sums, seed=seed, resamples=resamples))
    directed = float(columns[:, _DIRECTED].sum())
    return Score(
        voice=voice,
        windows=len(windows),
        days=len(sums),
        assets=len({window.asset for window in windows}),
        prompts_tried=prompts_tried,
        lost=dict(sorted(lost.items())),
        coverage=directed / len(windows) if windows else None,
        rose=float(rose.mean()) if windows else None,
        brier=ratios.of(_SAID, _COUNT),
        log_loss=ratios.of(_SAID + 1, _COUNT),
        hit_rate=ratios.of(_HIT, _DIRECTED),
        baselines={
            name: value
            for at, name in enumerate(BASELINES)
            if (value := ratios.of(_BASELINE + 2 * at, _COUNT).value) is not None
        },
        against={
            name: Against(
                brier=ratios.of(_SAID, _COUNT, less=_BASELINE + 2 * at),
                log_loss=ratios.of(_SAID + 1, _COUNT, less=_BASELINE + 2 * at + 1),
            )
            for at, name in enumerate(BASELINES)
        },
        reliability=_reliability(said, columns, ratios),
    )


_COUNT, _DIRECTED, _HIT, _SAID = 0, 1, 2, 3
_BASELINE = _SAID + 2
_BIN = _BASELINE + 2 * len(BASELINES)


def _columns(windows: Sequence[Window], said: Table, rose: Table) -> Table:
    """Return what is summed of each window: counts, both losses of every forecaster, and what is in each bin."""
    flat = np.full(len(windows), EVEN)
    momentum = np.array([window.momentum for window in windows], dtype=np.float64)
    rules = np.array([window.rules for window in windows], dtype=np.float64)
    directed = np.abs(said - EVEN) > _ON_EDGE
    losses = [
        loss
        for foretold in (said, flat, momentum, rules)
        for loss in ((foretold - rose) ** 2, _log_loss(foretold, rose))
    ]
    in_bin = _bins(said)[:, None] == np.arange(BINS)
    return np.column_stack(
        [
            np.ones(len(windows)),
            directed,
            directed & ((said > EVEN) == (rose > EVEN)),
            *losses,
            in_bin,
            in_bin * rose[:, None],
        ]
    )


def _log_loss(foretold: Table, rose: Table) -> Table:
    held = np.clip(foretold, SURE, 1 - SURE)
    return np.asarray(-np.log(np.where(rose > EVEN, held, 1 - held)))


def _bins(said: Table) -> Table:
    return np.minimum(np.floor(said * BINS + _ON_EDGE), BINS - 1)


class _Ratios:
    """Ratios of the summed columns, with what they are in the draws."""

    def __init__(self, sums: Table, draws: Table | None) -> None:
        self._sums, self._draws, self._days = sums.sum(axis=0), draws, len(sums)

    def of(self, above: int, below: int, less: int | None = None) -> Measure:
        """Return one column's sum, less another's if told, by a third's."""
        total = self._sums if less is None else self._sums - self._sums[less]
        if not self._sums[below]:
            return Measure(None)
        value = float(total[above] / self._sums[below])
        if self._draws is None:
            return Measure(value)
        taken = 0.0 if less is None else self._draws[:, less]
        with np.errstate(invalid="ignore", divide="ignore"):
            values = (self._draws[:, above] - taken) / self._draws[:, below]
        return Measure(value, interval_of(values, self._days))


def _reliability(said: Table, columns: Table, ratios: _Ratios) -> list[Bin]:
    places = _bins(said)
    return [
        Bin(
            windows=int(columns[:, _BIN + at].sum()),
            foretold=float(said[places == at].mean()),
            rose=ratios.of(_BIN + BINS + at, _BIN + at),
        )
        for at in range(BINS)
        if (places == at).any()
    ]
