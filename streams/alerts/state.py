"""Alerts into entries of their partition's changelog, and back. PURE.

================================  ==========================================================
`p|alerts|rules`                  digests of the rules, clocks, counts
`p|alerts|instance|RULE|SUBJECT`  one rule for one subject
================================  ==========================================================

A rule that is not in force any more, or judges by something else now, begins anew: what stands of it is cleared,
with that reason. Everything else goes on; so a change of rules loses nothing of windows, nor of other rules.
"""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from topics import Alert, Kind

from .instance import Instance
from .machine import Alerts, Counts, Key
from .writing import orphaned

Entry = tuple[bytes, bytes | None]
_encode = msgspec.json.Encoder().encode
_decode_instance = msgspec.json.Decoder(Instance).decode


class Meta(Struct):
    """What state keeps beside the instances."""

    digests: dict[str, str]
    clocks: dict[Kind, int]
    trailing: list[Kind]
    counts: Counts
    epoch: int = 0


def take_entries(alerts: Alerts, partition: int, epoch: int) -> Iterator[Entry]:
    """Yield what has changed since the last call."""
    head = f"{partition}|alerts|"
    for name, subject in sorted(alerts.dirty):
        one = alerts.instances.get((name, subject))
        yield (
            f"{head}instance|{name}|{subject}".encode(),
            None if one is None else _encode(one),
        )
    alerts.dirty.clear()
    if alerts.changed:
        digests = {rule.name: rule.digest for rule in alerts.rules.values()}
        meta = Meta(digests, alerts.clocks, sorted(alerts.trailing), alerts.counts, epoch)
        yield f"{head}rules".encode(), _encode(meta) if digests else None
    alerts.changed = False


def has_entries(entries: Mapping[bytes, bytes], partition: int) -> bool:
    """Return whether a changelog's entries hold alerts of a partition."""
    return f"{partition}|alerts|rules".encode() in entries


def restore(alerts: Alerts, entries: Mapping[bytes, bytes], partition: int) -> None:
    """Give new alerts the state their entries hold, and end what stands of rules that are no more."""
    head = f"{partition}|alerts|"
    told = entries.get(f"{head}rules".encode())
    if told is None:
        return
    meta = msgspec.json.decode(told, type=Meta)
    alerts.clocks, alerts.counts = meta.clocks, meta.counts
    alerts.trailing = set(meta.trailing)
    mark = f"{head}instance|".encode()
    for key in sorted(key for key in entries if key.startswith(mark)):
        name, subject = key[len(mark) :].decode().split("|")
        reason = _why_ended(alerts, meta, (name, subject))
        if reason is None:
            alerts.hold((name, subject), _decode_instance(entries[key]))
            continue
        alerts.dirty.add((name, subject))
        alerts.outputs += _ended(alerts, (name, subject), entries[key], reason, meta.epoch)
    alerts.changed = bool(alerts.dirty) or meta.digests != {
        rule.name: rule.digest for rule in alerts.rules.values()
    }
    alerts.await_all()


def _why_ended(alerts: Alerts, meta: Meta, key: Key) -> str | None:
    name, subject = key
    rule = alerts.rules.get(name)
    if rule is None:
        return "rule_removed"
    goes_on = meta.digests.get(name) == rule.digest and rule.selects(subject)
    return None if goes_on else "rule_changed"


def _ended(alerts: Alerts, key: Key, entry: bytes, reason: str, epoch: int) -> list[Alert]:
    name, subject = key
    found = orphaned(name, subject, _decode_instance(entry), reason, epoch)
    alerts.counts.cleared += sum(alert.kind == "market" for alert in found)
    return found
