"""Reported turnover into blocks, blocks into the values of a window."""

from msgspec import Struct

from topics import VolumeValues

from .grid import from_grid, to_grid
from .intake import FlowIn, LevelIn, place_of
from .kinds import KindRules


class VolumeBlock(Struct, array_like=True):
    """One minute of one asset. Sums are on the grid."""

    flow_samples: int = 0
    flows: dict[str, int] = {}
    """Sum of the candles' volume, by venue."""
    levels: dict[str, tuple[str, int, int]] = {}
    """(venue, time, volume on the grid) of the last turnover, by place."""
    unsure: bool = False

    def add(self, event: FlowIn | LevelIn, rules: KindRules) -> None:
        """Take one candle or one turnover."""
        del rules
        volume = to_grid(event.volume)
        if isinstance(event, FlowIn):
            self.flow_samples += 1
            self.flows[event.venue] = self.flows.get(event.venue, 0) + volume
            return
        key = place_of(event)
        level = (event.venue, event.event_ms, volume)
        self.levels[key] = max(self.levels.get(key, level), level, key=_age)


def _age(level: tuple[str, int, int]) -> tuple[int, int]:
    return level[1:]


def values(blocks: list[VolumeBlock], before: list[VolumeBlock]) -> VolumeValues:
    """Return the values of a window from its blocks, oldest first, and those of the span before it."""
    flows, levels = _flows(blocks), _levels(blocks)
    flow = sum(flows.values())
    return VolumeValues(
        flow=from_grid(flow),
        flow_samples=sum(block.flow_samples for block in blocks),
        level=from_grid(sum(volume for _, _, volume in levels.values())) if levels else None,
        level_venues=sorted({venue for venue, _, _ in levels.values()}),
        concentration=sum(v * v for v in flows.values()) / (flow * flow) if flow else None,
        flow_change=_change(flows, _flows(before)),
        level_change=_change(
            {place: volume for place, (_, _, volume) in levels.items()},
            {place: volume for place, (_, _, volume) in _levels(before).items()},
        ),
    )


def _flows(blocks: list[VolumeBlock]) -> dict[str, int]:
    flows: dict[str, int] = {}
    for block in blocks:
        for venue, volume in block.flows.items():
            flows[venue] = flows.get(venue, 0) + volume
    return flows


def _levels(blocks: list[VolumeBlock]) -> dict[str, tuple[str, int, int]]:
    levels: dict[str, tuple[str, int, int]] = {}
    for block in blocks:
        for key, level in block.levels.items():
            levels[key] = max(levels.get(key, level), level, key=_age)
    return levels


def _change(now: dict[str, int], before: dict[str, int]) -> float | None:
    """Return by what share the sum over what is in both spans has changed; None if that was nothing."""
    both = now.keys() & before.keys()
    was = sum(before[place] for place in both)
    return (sum(now[place] for place in both) - was) / was if was else None
