"""What an id says of where its record can be: its asset, and a time before which it was not written. PURE."""

import re

from msgspec import Struct

from topics import asset_of

_TIME = r"(?P<time>\d{1,15})"
_READ = {
    "aggregates": re.compile(
        rf"[a-z]{{1,20}}/(?P<subject>.{{1,74}})/(?P<window>\d{{1,13}})/\d{{1,13}}/{_TIME}/\d{{1,9}}(/e\d{{1,9}})?",
        re.ASCII,
    ),
    "analyses": re.compile(rf"[a-z_]{{1,20}}/(?P<subject>.{{1,24}})/{_TIME}/\d{{1,9}}", re.ASCII),
    "decisions": re.compile(rf"[a-z_]{{1,20}}/(?P<subject>.{{1,24}})/{_TIME}/.{{1,100}}", re.ASCII),
}


class Wanted(Struct, frozen=True, kw_only=True):
    """Where to look for a record."""

    name: str
    """The catalogue's name of the topic."""
    asset: str
    since_ms: int
    """It was logged then or later."""


def wanted(name: str, record_id: str) -> Wanted | None:
    """Return where the record of an id can be; None if the id is none of the topic's."""
    read = _READ[name].fullmatch(record_id)
    if read is None:
        return None
    window_ms = int(read["window"]) if name == "aggregates" else 0
    return Wanted(
        name=name, asset=asset_of(read["subject"]), since_ms=int(read["time"]) + window_ms
    )


def window_of(aggregate_id: str) -> str | None:
    """Return how the ids of all editions of a window begin, the last stroke included; None if the id is none."""
    read = _READ["aggregates"].fullmatch(aggregate_id)
    return None if read is None else f"{aggregate_id[: read.end('time')]}/"
