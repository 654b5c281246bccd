"""What the ledger holds, for people and the status page. PURE."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from .terms import SIZE_MS, Terms, Unit, Window, forecast_ms


class Spend(Struct, frozen=True):
    """Nano-dollars of one day."""

    settled: int
    reserved: int
    charged: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """One account in one window of now."""

    window: Window
    account: str
    unit: Unit
    cap: int | None
    settled: int
    reserved: int
    charged: int
    overrun: int
    reached_in_ms: int | None
    """As long as it goes on as it began; None if the window ends first, or there is no cap."""


class Shown(Struct, frozen=True, kw_only=True):
    """The books of one moment."""

    open: bool
    """Closed books wait for a worker to rebuild them from the journal."""
    open_attempts: int
    closed_models: Mapping[str, str]
    """By model, what closed it."""
    lines: Sequence[Line]

    @property
    def spend(self) -> Spend:
        """The day, all together."""
        for line in self.lines:
            if (line.window, line.account, line.unit) == ("day", "all", "nano_usd"):
                return Spend(line.settled, line.reserved, line.charged)
        return Spend(0, 0)


def shown_of(told: Sequence[Any], terms: Terms, now_ms: int) -> Shown:
    """Return what the script `show` says, with the caps in force: an operator's before the worker's own."""
    state, caps, closed, open_attempts, *windows = told
    in_force = {**terms.caps, **{name: int(cap) for name, cap in _pairs(caps).items()}}
    lines = [
        line
        for window, fields in zip(SIZE_MS, windows, strict=True)
        for line in _lines(window, _pairs(fields), in_force, now_ms)
    ]
    return Shown(
        open=state == "open",
        open_attempts=int(open_attempts),
        closed_models=_pairs(closed),
        lines=lines,
    )


def _lines(
    window: Window, fields: Mapping[str, str], caps: Mapping[str, int], now_ms: int
) -> list[Line]:
    names = {field.rpartition("/")[0] for field in fields}
    names |= {rest for at, _, rest in (name.partition("/") for name in caps) if at == window}
    names |= {"all/nano_usd"}
    return [_line(window, name, fields, caps, now_ms) for name in sorted(names)]


def _line(
    window: Window, name: str, fields: Mapping[str, str], caps: Mapping[str, int], now_ms: int
) -> Line:
    account, _, unit = name.rpartition("/")
    settled, reserved, charged, overrun = (
        int(fields.get(f"{name}/{column}", 0))
        for column in ("settled", "reserved", "charged", "overrun")
    )
    cap = caps.get(f"{window}/{name}")
    used = settled + reserved + charged
    return Line(
        window=window,
        account=account,
        unit="nano_usd" if unit == "nano_usd" else "tokens",
        cap=cap,
        settled=settled,
        reserved=reserved,
        charged=charged,
        overrun=overrun,
        reached_in_ms=None if cap is None else forecast_ms(used, cap, window, now_ms),
    )


def _pairs(flat: Sequence[str] | Mapping[str, str]) -> Mapping[str, str]:
    """A hash as Lua returns it: names and values in turn."""
    if isinstance(flat, Mapping):
        return flat
    return dict(zip(flat[::2], flat[1::2], strict=True))
