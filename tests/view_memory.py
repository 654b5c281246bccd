"""What the view takes for 100 assets over 24 hours, and how long its questions take: `python -m tests.view_memory`.

Each asset has one instrument with windows of every size, volume, social and development windows, an analysis and a
decision each half hour with fifteen facts, and every rule's alert. Memory is that of the process, less what it took
before the view was filled.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from resource import getpagesize

import msgspec
from msgspec import Struct

from streams.serving.shown import Place, SeriesKey
from streams.serving.view import View
from tests.strategies import aggregates
from tests.unit.streams.serving.test_view import analysis, golden
from topics import Aggregate, Alert, Analysis, Decision, Score, decoder_of, encode
from topics.metrics import SCORED

ASSETS = 100
DAY_MS, MINUTE_MS = 86_400_000, 60_000
BASE_MS = aggregates.BASE_MS
ALERTS_OF_ASSET = 10
ASKED = 20
SIZES = (
    ("market", MINUTE_MS, MINUTE_MS),
    ("market", 5 * MINUTE_MS, 5 * MINUTE_MS),
    ("market", 5 * MINUTE_MS, MINUTE_MS),
    ("market", 60 * MINUTE_MS, 60 * MINUTE_MS),
    ("volume", 5 * MINUTE_MS, 5 * MINUTE_MS),
    ("volume", 60 * MINUTE_MS, 60 * MINUTE_MS),
    ("social", 5 * MINUTE_MS, 5 * MINUTE_MS),
    ("social", 60 * MINUTE_MS, 60 * MINUTE_MS),
    ("development", 60 * MINUTE_MS, 60 * MINUTE_MS),
)
"""Kind, window and step."""
TOPIC = {Aggregate: "aggregates", Analysis: "analyses", Decision: "decisions", Alert: "alerts"}


def resident_bytes() -> int:
    """Return what the process takes of memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * getpagesize()


def windows(asset: str) -> Iterator[Aggregate]:
    """Give a day's windows of an asset, as they come out of bytes."""
    decode = decoder_of(Aggregate).decode
    for kind, window_ms, step_ms in SIZES:
        subject = f"{asset}/USDT" if kind == "market" else asset
        made = getattr(aggregates, kind)(subject)
        scores = {name: Score(z=1.5, median=2.5) for name in SCORED[kind]}  # type: ignore[index]
        made = msgspec.structs.replace(made, window_ms=window_ms, step_ms=step_ms, scores=scores)
        for start_ms in range(BASE_MS, BASE_MS + DAY_MS, step_ms):
            aggregate_id = f"{kind}/{subject}/{window_ms}/{step_ms}/{start_ms}/0"
            changed = msgspec.structs.replace(
                made, window_start_ms=start_ms, aggregate_id=aggregate_id
            )
            yield decode(encode(changed))


def day(asset: str) -> Iterator[tuple[Struct, int]]:
    """Give all that is said of an asset in a day, as it comes out of bytes, and when it is logged."""
    fact = analysis(0).facts[0]
    for window in windows(asset):
        yield window, window.window_end_ms
    for start_ms in range(BASE_MS, BASE_MS + DAY_MS, 30 * MINUTE_MS):
        said = analysis(
            0,
            analysis_id=f"state/{asset}/{start_ms}/0",
            asset=asset,
            as_of_ms=start_ms,
            produced_ms=start_ms,
            valid_until_ms=start_ms + 90 * MINUTE_MS,
            facts=[msgspec.structs.replace(fact, value=float(n)) for n in range(15)],
        )
        yield decoder_of(type(said)).decode(encode(said)), start_ms
        decided = golden(Decision, decision_id=said.analysis_id, asset=asset)
        yield decoder_of(Decision).decode(encode(decided)), start_ms
    for rule in range(ALERTS_OF_ASSET):
        alert = golden(
            Alert,
            alert_id=f"r{rule}/{asset}/{BASE_MS}",
            rule=f"r{rule}",
            asset=asset,
            subject=asset,
            state="firing" if rule == 0 else "cleared",
        )
        yield alert, BASE_MS + DAY_MS


def fill(view: View) -> None:
    """Let a view take a day of all assets."""
    events = chain.from_iterable(day(f"A{number}") for number in range(ASSETS))
    for offset, (event, logged_ms) in enumerate(events):
        view.take(event, Place(TOPIC[type(event)], 0, offset), logged_ms)


def milliseconds(ask: Callable[[], object]) -> float:
    """Return how long a question takes, of several the median."""
    taken = []
    for _ in range(ASKED):
        began_s = time.perf_counter()
        ask()
        taken.append(1000 * (time.perf_counter() - began_s))
    return sorted(taken)[ASKED // 2]


def main() -> None:
    """Print the figures."""
    before = resident_bytes()
    view = View()
    began_s = time.perf_counter()
    fill(view)
    taken_s = time.perf_counter() - began_s
    arrays = sum(row.bytes for row in view.series_book.rows.values())
    told = resident_bytes() - before
    out = sys.stdout.write
    out(f"{ASSETS} assets, 24 h: {told / 1e6:.1f} MB, {told / ASSETS / 1e3:.0f} kB an asset\n")
    points = view.series_book.points
    out(f"of these {arrays / 1e6:.1f} MB are {points:,} points, {arrays / points:.0f} bytes each\n")
    out(f"filled in {taken_s:.1f} s, decoding included\n")
    for bound in view.bounds():
        out(f"  {bound.name}: {bound.now:,} of {bound.most:,}, {bound.forgotten:,} forgotten\n")
    now_ms = BASE_MS + DAY_MS
    row = SeriesKey("market", "A1/USDT", MINUTE_MS, MINUTE_MS)
    asks: dict[str, Callable[[], object]] = {
        "summary": lambda: view.summary(now_ms),
        "standing": lambda: view.standing(now_ms),
        "money": lambda: view.money(now_ms),
        "alerts that fire": lambda: view.alerts(now_ms, firing=True),
        "a day of minutes as points": lambda: view.series("market", "A1/USDT", MINUTE_MS),
        "a day of minutes as columns": lambda: view.columns(row, ("close", "volume")),
        "analyses of an asset": lambda: view.analyses_of("A1"),
        "a path": lambda: view.path(f"state/A1/{BASE_MS}/0"),
        "assets": view.assets,
    }
    for name, ask in asks.items():
        out(f"  {name}: {milliseconds(ask):.2f} ms\n")


if __name__ == "__main__":
    main()
