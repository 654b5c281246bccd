"""The terminal view kept up to date while a pipeline runs; plain lines where there is no terminal."""

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.live import Live

from streams.serving.health import Rates
from streams.serving.terminal import screen
from streams.serving.view import View
from streams.serving.words import plain

PAINT_S = 0.5
LINE_S = 5.0
"""Without a terminal: one line this often."""
PICTURE_COLUMNS, PICTURE_LINES = 110, 40
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own format fetches a font."""


class Screen:
    """Paints a view."""

    def __init__(
        self, view: View, *, title: str, hint: str, event_now_ms: Callable[[int], int]
    ) -> None:
        """Prepare. ``event_now_ms`` gives the market's time for a wall time."""
        self._view, self._title, self._hint = view, title, hint
        self._event_now_ms = event_now_ms
        self._console = Console(stderr=True)
        self._count, self._count_s, self._rate = 0, time.monotonic(), 0.0

    async def run(self) -> None:
        """Paint until cancelled."""
        if not self._console.is_terminal:
            await self._lines()
        with Live(console=self._console, auto_refresh=False, screen=False) as live:
            while True:
                rates = self._rates()
                width, height = self._console.size
                live.update(screen(self._view, rates, width, height), refresh=True)
                await asyncio.sleep(PAINT_S)

    def picture(self, file: Path) -> None:
        """Write the screen as it is now as an SVG that needs nothing from elsewhere, fonts included."""
        console = Console(
            record=True, width=PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True
        )
        console.print(screen(self._view, self._rates(), PICTURE_COLUMNS, PICTURE_LINES))
        console.save_svg(str(file), title="tapereader", code_format=_SVG)

    async def _lines(self) -> None:
        while True:
            await asyncio.sleep(LINE_S)
            rates, counts = self._rates(), self._view.counts
            self._console.print(
                f"{rates.events_per_s:.0f} events/s, {counts.raw_events} events,"
                f" {counts.aggregates} aggregates, {counts.analyses} analyses. {self._sentence(rates)}",
                markup=False,
                highlight=False,
            )

    def _sentence(self, rates: Rates) -> str:
        return plain(self._view.summary(rates.now_ms, rates.event_now_ms).sentence)

    def _rates(self) -> Rates:
        now_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
        events = self._view.counts.raw_events
        span_s = now_s - self._count_s
        if span_s >= 1.0:
            self._rate = (events - self._count) / span_s
            self._count, self._count_s = events, now_s
        return Rates(
            events_per_s=self._rate,
            event_now_ms=self._event_now_ms(now_ms),
            now_ms=now_ms,
            title=self._title,
            hint=self._hint,
        )
