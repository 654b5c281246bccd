"""What stands in the log of a source, held against what was played to it. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass

from topics import GapDetected, GapFilled, GapMark, GapPermanent, RawEvent

from .scene import Expected, Hole


@dataclass
class Found:
    """What the broker's topics hold of one source: each event with its record's time, and its letters."""

    events: list[tuple[RawEvent, int]]
    marks: list[GapMark]
    letters: int


@dataclass(frozen=True)
class Verdict:
    """One source's numbers, and what is wrong with them."""

    sent: int
    refused: int
    planted: int
    found: int
    filled: int
    permanent: int
    invented: int
    missed: int
    p50_ms: int
    p95_ms: int
    per_s: float
    wrong: tuple[str, ...]


def judge(expected: Expected, found: Found) -> Verdict:
    """Return what came of it."""
    chains = _chains(found.marks)
    wrong = [f"gap {gap}: {flaw}" for gap, chain in chains.items() if (flaw := _flaw(chain))]
    told = _counted(found.marks)
    missed, invented = _matched(expected.holes, list(chains.values()))
    wrong += [f"missed: {hole}" for hole in missed]
    if expected.told is None:
        wrong += [f"invented: {chain[0]}" for chain in invented]
    elif told != expected.told:
        wrong.append(f"gaps found, filled, permanent: {told}, and not {expected.told}")
    sent, refused = len(found.events), found.letters + expected.shared
    if expected.events != sent + refused + expected.passed + expected.twice:
        wrong.append("the sum does not add up")
    late = sorted(at - expected.wall_of(event.received_ms) for event, at in found.events)
    times = sorted(at for _, at in found.events)
    lasted_s = max(1, times[-1] - times[0]) / 1_000 if times else 0.0
    return Verdict(
        sent=sent,
        refused=refused,
        planted=expected.planted or len(expected.holes),
        found=told[0],
        filled=told[1],
        permanent=told[2],
        invented=len(invented) if expected.told is None else 0,
        missed=len(missed),
        p50_ms=late[len(late) // 2] if late else 0,
        p95_ms=late[len(late) * 95 // 100] if late else 0,
        per_s=sent / lasted_s if lasted_s else 0.0,
        wrong=tuple(wrong),
    )


def _counted(marks: Sequence[GapMark]) -> tuple[int, int, int]:
    """Return how many gaps were found, filled, permanent; one that is lost at once is found by that."""
    filled = {mark.gap_id for mark in marks if isinstance(mark, GapFilled)}
    permanent = {mark.gap_id for mark in marks if isinstance(mark, GapPermanent)}
    return len({mark.gap_id for mark in marks}), len(filled), len(permanent)


def _chains(marks: Sequence[GapMark]) -> dict[str, list[GapMark]]:
    chains: dict[str, list[GapMark]] = {}
    for mark in marks:
        chains.setdefault(mark.gap_id, []).append(mark)
    return chains


def _flaw(chain: Sequence[GapMark]) -> str:
    """Return what is wrong with the marks of one gap: it is told, perhaps again as it grows, and ended once."""
    ends = [mark for mark in chain if not isinstance(mark, GapDetected)]
    if len(ends) != 1:
        return f"ended {len(ends)} times"
    return "" if chain[-1] is ends[0] else "told of again after its end"


def _matched(
    holes: Sequence[Hole], chains: list[list[GapMark]]
) -> tuple[list[Hole], list[list[GapMark]]]:
    """Return the holes without a gap, and the gaps without a hole."""
    left, missed = list(chains), []
    for hole in holes:
        chain = next((chain for chain in left if _is_of(chain[-1], hole)), None)
        if chain is None:
            missed.append(hole)
        else:
            left.remove(chain)
    return missed, left


def _is_of(mark: GapMark, hole: Hole) -> bool:
    kind = GapFilled if hole.ends == "filled" else GapPermanent
    return (
        isinstance(mark, kind)
        and mark.subject == hole.subject
        and mark.from_ms <= hole.at_ms <= mark.to_ms
    )
