"""Real messages of venues, as text with the venue's own digits."""

import gzip
from functools import cache
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "data" / "recordings"
XRPETH_FIRST, XRPETH_LAST = 13_519_807, 13_532_283
"""Ids of the first and the last trade of the XRP/ETH recording; none between them is missing."""


class _Line(msgspec.Struct):
    frame: msgspec.Raw


class _Combined(msgspec.Struct):
    stream: str
    data: msgspec.Raw


class _Time(msgspec.Struct):
    T: int


@cache
def lines(name: str) -> tuple[bytes, ...]:
    """Return a recording's lines."""
    with gzip.open(FOLDER / name) as file:
        return tuple(line.rstrip(b"\n") for line in file)


@cache
def us_frames() -> tuple[str, ...]:
    """Return the combined frames of Binance.US spot."""
    return _frames("binance-us-ws-2021-10.jsonl.gz")


@cache
def futures_frames() -> tuple[str, ...]:
    """Return the combined frames of Binance's linear futures."""
    return _frames("binance-futures-ws-2021-07.jsonl.gz")


@cache
def xrpeth_lines() -> tuple[bytes, ...]:
    """Return the records of the XRP/ETH aggregate trades, as REST gives them."""
    return lines("binance-xrpeth-aggtrades-2019-10.jsonl.gz")


@cache
def xrpeth_frames() -> tuple[str, ...]:
    """Return the XRP/ETH aggregate trades as frames of a raw stream, sent at the time of their trade."""
    return tuple(_as_frame(line) for line in xrpeth_lines())


def without_stream(frame: str) -> str:
    """Return a combined frame as the raw stream has it."""
    return bytes(msgspec.json.decode(frame, type=_Combined).data).decode()


def _frames(name: str) -> tuple[str, ...]:
    read = msgspec.json.Decoder(_Line).decode
    return tuple(bytes(read(line).frame).decode() for line in lines(name))


def _as_frame(line: bytes) -> str:
    sent_ms = msgspec.json.decode(line, type=_Time).T
    return f'{{"e":"aggTrade","E":{sent_ms},"s":"XRPETH",{line[1:].decode()}'
