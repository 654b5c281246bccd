"""How well assets are found in posts: `python -m tests.social_matching` prints precision and recall by class.

A text that names two assets is two things to find. Precision: of what was found, what is right. Recall: of what is
there, what was found.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from streams.collectors.social.matching import Matcher
from streams.collectors.social.normalising import normalised

LABELLED = Path(__file__).parent / "data/social/labelled.jsonl"


@dataclass(frozen=True)
class Labelled:
    """One text, and what it names."""

    kind: str
    language: str
    held_out: bool
    assets: frozenset[str]
    text: str


@dataclass
class Score:
    """Counts of (text, asset) pairs."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    texts: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)


def labelled() -> Iterator[Labelled]:
    """Yield the fixture."""
    for line in LABELLED.read_text("utf-8").splitlines():
        told = json.loads(line)
        yield Labelled(
            told["class"],
            told["language"],
            told["held_out"],
            frozenset(told["assets"]),
            told["text"],
        )


def scores(texts: Iterable[Labelled]) -> dict[str, Score]:
    """Return the scores by class, and of all."""
    matcher, found = Matcher(), defaultdict[str, Score](Score)
    for text in texts:
        named = set(matcher.assets_of(normalised(text.text)))
        for score in (found[text.kind], found["overall"]):
            score.texts += 1
            score.right += len(named & text.assets)
            score.wrong += len(named - text.assets)
            score.missed += len(text.assets - named)
            if named != text.assets:
                score.mistakes.append(f"{sorted(named)} for {sorted(text.assets)}: {text.text}")
    return dict(found)


def report() -> Iterator[str]:
    """Yield the table; of the held-out part only the numbers."""
    everything = list(labelled())
    for title, held_out in (("tuned on", False), ("held out", True)):
        found = scores(text for text in everything if text.held_out == held_out)
        yield f"{title:10} texts  precision  recall"
        for kind, score in found.items():
            yield f"{kind:10} {score.texts:5}  {score.precision:9.3f}  {score.recall:6.3f}"
        if not held_out:
            yield from (f"  {mistake}" for mistake in found["overall"].mistakes)
        yield ""


if __name__ == "__main__":
    sys.stdout.write("\n".join(report()))
