"""A seeded market as its windows and alerts: sixty assets of every kind, with all that makes the analyst work. PURE.

Crashes and jumps, volume without a price, spikes of posts, hours without development; corrections, some of which take
the crash back; windows that come late or twice, gaps, and records that nobody can use. A minute of it has some two
hundred records, so that at 200/s a little more than a minute of the market passes in a second.
"""

import random
from collections import deque
from collections.abc import Iterator
from math import exp, log
from typing import Literal, NamedTuple

from tests.strategies.aggregates import (
    BASE_MS,
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    development,
    holed,
    market_values,
    social,
    volume,
    window,
)
from topics import Aggregate, Alert, encode
from topics.aggregate import MarketValues

_TICKERS = """
    BTC ETH XRP SOL ADA DOGE TRX AVAX LINK DOT TON SHIB LTC BCH UNI NEAR APT ICP ETC ATOM XLM FIL HBAR
    ARB VET OP INJ MKR GRT AAVE ALGO RUNE EGLD SAND MANA AXS THETA FTM EOS XTZ FLOW CHZ KAVA CRV COMP
    SNX ZEC DASH ENJ BAT LRC ONE ZIL IOTA NEO WAVES QTUM ICX ANKR SUSHI
"""
ASSETS = tuple(_TICKERS.split())
CRASH, JUMP, SPIKE, STILL = 0.04, 0.02, 0.02, 0.01
"""Of an asset's minutes, the share in which it falls, rises, is traded without measure, or traded without moving."""
POSTS, QUIET = 0.1, 0.1
"""Of its five minutes and hours: the share with a spike of posts, and with hardly any development."""
ALERTED, SHORT = 0.25, 0.3
"""Of the crashes, the share that an alert tells of; of these, the share that is cleared in the next minute."""
CORRECTED, LATE, TWICE, HOLED = 0.03, 0.01, 0.005, 0.02
BAD = 0.4
"""Records a minute that nobody can use."""
ALERT_MINUTES = 4
_BAD = (
    b"",
    b"{broken",
    b'"a text"',
    b'{"type":"of.tomorrow"}',
    b'{"type":"aggregate"}',
    b"\xff\xfe",
    b"[" * 100,
)


class Planted(NamedTuple):
    """One record."""

    topic: Literal["aggregates", "alerts"]
    key: str
    asset: str
    value: bytes


class _Asset:
    """One instrument's prices, and the windows that follow from them."""

    def __init__(self, name: str, dice: random.Random) -> None:
        self.name, self._dice = name, dice
        self.subject = f"{name}/USDT"
        self._usual = self._close = 10 ** dice.uniform(-1, 3)
        self._volume = 10 ** dice.uniform(1, 4)
        self._before: deque[MarketValues] = deque(maxlen=60)
        self.crashed = False

    def minute(self) -> MarketValues:
        """Return the next minute's trades."""
        dice, first = self._dice, self._close
        drift = 0.1 * log(self._usual / first)
        last = first * exp(drift * dice.random() + dice.gauss(0, 0.0008))
        amount = self._volume * exp(dice.gauss(0, 0.2))
        fate = dice.random()
        self.crashed = fate < CRASH
        if self.crashed:
            last = first * (1 - dice.uniform(0.035, 0.09))
        elif (fate := fate - CRASH) < JUMP:
            last = first * (1 + dice.uniform(0.035, 0.09))
        elif (fate := fate - JUMP) < SPIKE:
            amount *= 10
        elif fate - SPIKE < STILL:
            last, amount = first * 1.0001, amount * 5
        self._close = last
        values = market_values(first=first, last=last, volume=amount)
        self._before.append(values)
        return values

    def longer(self, minutes: int) -> MarketValues:
        """Return the trades of the last minutes together."""
        those = list(self._before)[-minutes:]
        return market_values(
            first=those[0].open,
            last=those[-1].close,
            high=max(one.high for one in those),
            low=min(one.low for one in those),
            volume=sum(one.volume for one in those),
        )

    def window(self, values: MarketValues, number: int, window_ms: int, step_ms: int) -> Aggregate:
        gap = self._dice.random() < HOLED
        return window(
            values,
            self.subject,
            kind="market",
            number=number,
            window_ms=window_ms,
            step_ms=step_ms,
            completeness=holed() if gap else None,
        )


class Tape:
    """The market from its first minute on."""

    def __init__(self, seed: str) -> None:
        """Begin; two tapes of one seed are the same."""
        self._dice = random.Random(f"tape {seed}")
        self._assets = [_Asset(name, random.Random(f"{seed}/{name}")) for name in ASSETS]
        self._minutes = 0
        self._later: list[tuple[int, Planted]] = []
        """What is to be written in a later minute, with its number."""

    def records(self) -> Iterator[Planted]:
        """Yield record after record, for ever."""
        while True:
            yield from self._minute()

    def _minute(self) -> list[Planted]:
        dice, now = self._dice, self._minutes
        told: list[Planted] = []
        for asset in self._assets:
            told += self._told_of(asset, now)
        due = [planted for at, planted in self._later if at <= now]
        self._later = [(at, planted) for at, planted in self._later if at > now]
        told = self._disordered(told, now) + due
        while dice.random() < BAD / (1 + BAD):
            name = dice.choice(ASSETS)
            told.append(Planted("aggregates", name, name, self._bad(name, now)))
        self._minutes += 1
        return told

    def _told_of(self, asset: _Asset, now: int) -> list[Planted]:
        closed = asset.window(asset.minute(), now, MINUTE_MS, MINUTE_MS)
        told = [_planted(closed)]
        if now >= 4:
            told.append(_planted(asset.window(asset.longer(5), now - 4, FIVE_MS, MINUTE_MS)))
        if now % 5 == 4:
            told += map(_planted, self._five_minutes(asset, now // 5))
        if now % 60 == 59:
            told += map(_planted, self._hour(asset, now // 60))
        if asset.crashed and self._dice.random() < ALERTED:
            told += self._alerted(closed, now)
        if self._dice.random() < CORRECTED:
            self._later.append((now + 2, _planted(self._corrected(closed))))
        return told

    def _five_minutes(self, asset: _Asset, number: int) -> Iterator[Aggregate]:
        dice = self._dice
        posts = dice.randrange(100, 400) if dice.random() < POSTS else dice.randrange(5, 15)
        yield asset.window(asset.longer(5), number, FIVE_MS, FIVE_MS)
        yield social(asset.name, number, posts=posts, tone=round(dice.uniform(-0.6, 0.6), 2))
        yield volume(asset.name, number, flow=round(dice.uniform(50, 100), 2))

    def _hour(self, asset: _Asset, number: int) -> Iterator[Aggregate]:
        dice = self._dice
        events = dice.randrange(3) if dice.random() < QUIET else dice.randrange(30, 50)
        yield asset.window(asset.longer(60), number, HOUR_MS, HOUR_MS)
        yield social(asset.name, number, posts=dice.randrange(60, 180), window_ms=HOUR_MS)
        yield development(asset.name, number, events=events)

    def _corrected(self, closed: Aggregate) -> Aggregate:
        """Return the next revision: with more volume, or without the fall or rise that never was."""
        old = closed.values
        assert isinstance(old, MarketValues)
        last = old.open if self._dice.random() < 0.5 else old.close
        return window(
            market_values(first=old.open, last=last, volume=old.volume * 1.2),
            closed.subject,
            kind="market",
            number=(closed.window_start_ms - BASE_MS) // MINUTE_MS,
            revision=1,
        )

    def _alerted(self, closed: Aggregate, now: int) -> Iterator[Planted]:
        """Yield an alert that fires now; it is cleared, or taken back, soon."""
        dice, since_ms = self._dice, closed.window_end_ms
        firing = Alert(
            alert_id=f"crash/{closed.subject}/{since_ms}",
            rule="crash",
            asset=closed.asset,
            subject=closed.subject,
            state="firing",
            severity=dice.choice(("warning", "critical")),
            since_ms=since_ms,
            as_of_ms=since_ms,
            headline=f"{closed.subject} fell within a minute",
            aggregate_ids=[closed.aggregate_id],
        )
        after = 1 if dice.random() < SHORT else ALERT_MINUTES
        ended = Alert(
            alert_id=firing.alert_id,
            rule=firing.rule,
            asset=firing.asset,
            subject=firing.subject,
            state=dice.choice(("cleared", "cleared", "retracted")),
            severity=firing.severity,
            since_ms=since_ms,
            as_of_ms=since_ms + after * MINUTE_MS,
            headline=firing.headline,
        )
        yield _alert(firing)
        self._later.append((now + after, _alert(ended)))

    def _disordered(self, told: list[Planted], now: int) -> list[Planted]:
        """Hold some windows back for two minutes, write some twice, and mix the minute's assets."""
        kept: list[Planted] = []
        for planted in told:
            fate = self._dice.random() if planted.topic == "aggregates" else 1.0
            if fate < LATE:
                self._later.append((now + 2, planted))
                continue
            kept.append(planted)
            if fate < LATE + TWICE:
                self._later.append((now + 1, planted))
        # By asset, so that each one's windows and alerts stay in their order.
        order = {asset: self._dice.random() for asset in ASSETS}
        return sorted(kept, key=lambda planted: order[planted.asset])

    def _bad(self, name: str, now: int) -> bytes:
        """Return a record that nobody can use, or one that is by its contract and has a price of nothing."""
        if self._dice.random() < 0.7:
            return self._dice.choice(_BAD)
        good = market_values(first=1.0)
        none = window(good, f"{name}/USDT", kind="market", number=now)
        return encode(none).replace(b'"open":1.0', b'"open":0.0')


def _planted(aggregate: Aggregate) -> Planted:
    return Planted("aggregates", aggregate.asset, aggregate.asset, encode(aggregate))


def _alert(alert: Alert) -> Planted:
    return Planted("alerts", f"{alert.rule}/{alert.subject}", alert.asset, encode(alert))
