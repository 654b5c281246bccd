"""What the venues print: numbers without holes, at the rate that is set, by the contract."""

from itertools import pairwise

import pytest

from streams.collectors.synthetic.assets import ASSETS, VENUES
from streams.collectors.synthetic.tape import NUMBERS_PER_MS, mean_size, tape

from .folding import MINUTE_MS, run_for

# They make hours of events; shorter tests come to the same lines.
pytestmark = pytest.mark.no_cover


def test_numbers_have_no_hole_and_time_goes_on() -> None:
    """Within each venue and instrument the next number is one more, and never older."""
    run = run_for(hours=2)
    prints = list(tape(run))
    assert all(before.event_ms <= after.event_ms for before, after in pairwise(prints))
    places: dict[tuple[str, str], list[int]] = {}
    for printed in prints:
        places.setdefault((printed.venue, printed.asset.name), []).append(printed.number)
    assert len(places) == len(ASSETS) * len(VENUES)
    first = run.start_ms * NUMBERS_PER_MS + 1
    for numbers in places.values():
        assert numbers == list(range(first, first + len(numbers)))


@pytest.mark.parametrize(("per_minute", "hours"), [(6, 50), (60, 10), (300, 3)])
def test_trades_come_at_the_rate_that_is_set(per_minute: float, hours: float) -> None:
    """Over all assets; regimes of twenty minutes move it, and even out over many hours."""
    run = run_for(hours=hours, trades_per_minute=per_minute, incidents=False)
    prints = list(tape(run))
    assert len(prints) / (hours * 60) == pytest.approx(per_minute, rel=0.1)
    for asset in ASSETS:
        share = sum(printed.asset is asset for printed in prints) / len(prints)
        assert share == pytest.approx(asset.weight, rel=0.25)


def test_sizes_are_lognormal_on_the_instruments_grid() -> None:
    """Median and mean are the asset's, digits the instrument's, and none is larger than 50 medians."""
    prints = list(tape(run_for(hours=20, incidents=False)))
    for asset in ASSETS:
        own = [printed for printed in prints if printed.asset is asset]
        sizes = sorted(float(printed.size) for printed in own)
        assert sizes[len(sizes) // 2] == pytest.approx(asset.size, rel=0.1)
        assert sum(sizes) / len(sizes) == pytest.approx(mean_size(asset), rel=0.1)
        assert sizes[-1] <= 50 * asset.size
        assert {printed.price.as_tuple().exponent for printed in own} == {-asset.price_digits}
        assert {printed.size.as_tuple().exponent for printed in own} == {-asset.size_digits}


def test_without_incidents_nothing_happens_at_their_time() -> None:
    """The crash's minute is like any other."""
    run = run_for(hours=0.75, incidents=False)
    sol = [float(p.price) for p in tape(run) if p.asset.name == "SOL"]
    assert min(sol) / max(sol) > 0.97
    assert run.incidents == ()
    assert run.end_ms - run.start_ms == 45 * MINUTE_MS
