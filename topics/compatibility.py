"""Whether new contracts can live beside old ones: two AsyncAPI documents compared.

Old records stay in a topic for 7 to 90 days, and processes are upgraded one by one, in any order. So a change
must be borne by the new reader on old records and by the old reader on new records.

============================  ==========================  ==============================  ========
change                        new reader, old records     old reader, new records         breaking
============================  ==========================  ==============================  ========
channel removed               cannot find them            waits for ever                  yes
channel added                 nothing there yet           does not read it                no
address changed               cannot find them            waits for ever                  yes
key changed                   finds them elsewhere        finds them elsewhere            yes
partitioner changed           finds them elsewhere        finds them elsewhere            yes
cleanup policy changed        some are gone, or too many  some are gone, or too many      yes
retention shortened           some are gone               some are gone                   yes
retention lengthened          finds more                  finds more                      no
setting changed               reads them                  reads them                      no
content type changed          cannot decode them          cannot decode them              yes
message removed               dead-letters them           waits for ever                  yes
message added                 there are none              dead-letters them: see below    no
tag changed                   dead-letters them           dead-letters them               yes
headers added                 there are none              skips them                      no
headers removed               skips them                  misses them                     yes
field removed                 skips it                    refuses, or takes the default   yes
required field added          refuses them                skips it                        yes
optional field added          takes the default           skips it                        no
field now required            refuses those without       reads them                      yes
field no longer required      reads them                  refuses those without           yes
default changed               takes what was not meant    takes what was not meant        yes
constant changed              refuses them                refuses them                    yes
type changed                  refuses them                refuses them                    yes
type narrowed                 refuses some                reads them                      yes
type widened                  reads them                  refuses some                    yes
value removed (closed list)   refuses some                reads them                      yes
value added (closed list)     reads them                  refuses some                    yes
pattern changed               may refuse some             may refuse some                 yes
range narrowed                refuses some                reads them                      yes
range widened                 reads them                  refuses some                    yes
schema changed (any other)    not known                   not known                       yes
============================  ==========================  ==============================  ========

A message added is not breaking, because an old reader loses only what it never knew; but it fills the dead
letters until it is upgraded, and the finding says so: readers first, then writers. A value added to a closed
list is breaking, because an old reader loses a record of a kind it lives on.

Not compared, because no record depends on it: prose, who reads and who writes, partition counts, and the
names of classes. ``python -m topics.compatibility OLD NEW`` prints the findings and exits with 1 when one of
them is breaking.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .document import Document
from .evolution import Finding, SchemaComparison, resolve

__all__ = ["BREAKING", "COMPATIBLE", "Finding", "compare", "main"]

BREAKING: dict[str, str] = {
    "channel removed": "its readers wait for ever, and what is in it is out of reach",
    "address changed": "its readers wait for ever, and what is in it is out of reach",
    "key changed": "partition and compaction go by the key",
    "partitioner changed": "what belongs together lands in two partitions",
    "cleanup policy changed": "compaction drops what a reader of every record needs, and its absence"
    " makes a reader of latest states read for ever",
    "retention shortened": "a replay, or a reader that was away, finds records gone",
    "content type changed": "no reader can decode the other's records",
    "message removed": "records of it that are still in the topic go to the dead letters",
    "tag changed": "each reader sends the other's records to the dead letters",
    "headers removed": "their readers miss them",
}
COMPATIBLE: dict[str, str] = {
    "channel added": "nobody reads it yet",
    "retention lengthened": "readers find more than before",
    "setting changed": "a matter between the broker and its operator",
    "message added": "upgrade readers first, then writers: a reader that does not know it sends it to"
    " the dead letters",
    "headers added": "readers skip headers they do not know",
}

_CLEANUP = "cleanup.policy"
_RETENTION = "retention.ms"


def compare(old: Document, new: Document) -> list[Finding]:
    """Return every difference between two AsyncAPI documents that a reader or writer could notice."""
    return [*_channels(old, new), *_messages(old, new)]


def _finding(path: str, rule: str, detail: str) -> Finding:
    why = BREAKING.get(rule) or COMPATIBLE[rule]
    return Finding(path=path, what=f"{rule}: {detail}", why=why, breaking=rule in BREAKING)


def _channels(old: Document, new: Document) -> Iterator[Finding]:
    before, after = old["channels"], new["channels"]
    for name in sorted(before.keys() - after.keys()):
        yield _finding(f"channels/{name}", "channel removed", name)
    for name in sorted(after.keys() - before.keys()):
        yield _finding(f"channels/{name}", "channel added", name)
    for name in sorted(before.keys() & after.keys()):
        path = f"channels/{name}"
        yield from _told_apart(path, _identity(old, name), _identity(new, name))
        yield from _kept(path, _configuration(before[name]), _configuration(after[name]))
        yield from _carried(path, _titles(old, name), _titles(new, name))


def _identity(document: Document, name: str) -> dict[str, object]:
    """Return, by the rule that a change of it breaks, what a channel is."""
    channel = document["channels"][name]
    address = channel["address"]
    for parameter, reference in channel.get("parameters", {}).items():
        default = resolve(reference, document).get("default", "")
        address = address.replace(f"{{{parameter}}}", default)
    return {
        "address changed": address,
        "key changed": channel.get("x-key"),
        "partitioner changed": channel.get("x-partitioner"),
    }


def _told_apart(
    path: str, before: dict[str, object], after: dict[str, object]
) -> Iterator[Finding]:
    for rule, value in before.items():
        if value != after[rule]:
            yield _finding(path, rule, f"{value} became {after[rule]}")


def _configuration(channel: Document) -> dict[str, Any]:
    found: dict[str, Any] = (
        channel.get("bindings", {}).get("kafka", {}).get("topicConfiguration", {})
    )
    return found


def _kept(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Finding]:
    """Yield what differs of how long records are kept, and of the broker's other settings."""
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if key == _CLEANUP and set(old or ()) != set(new or ()):
            yield _finding(path, "cleanup policy changed", f"{old} became {new}")
        elif key == _RETENTION and old != new:
            shortened = _forever_or(new) < _forever_or(old)
            rule = "retention shortened" if shortened else "retention lengthened"
            yield _finding(path, rule, f"{old} ms became {new} ms")
        elif key not in (_CLEANUP, _RETENTION) and old != new:
            yield _finding(path, "setting changed", f"{key} {old} became {new}")


def _forever_or(retention_ms: int | None) -> float:
    return float("inf") if retention_ms in (None, -1) else float(retention_ms or 0)


def _titles(document: Document, name: str) -> dict[str, str]:
    """Return the messages of a channel by tag, each with its title, which a changed tag leaves as it is."""
    messages = document["channels"][name]["messages"]
    return {tag: resolve(it, document).get("title", tag) for tag, it in messages.items()}


def _carried(path: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Finding]:
    added = {after[tag]: tag for tag in sorted(after.keys() - before.keys())}
    for tag in sorted(before.keys() - after.keys()):
        if (now := added.pop(before[tag], None)) is not None:
            yield _finding(path, "tag changed", f"{tag} became {now}")
        else:
            yield _finding(path, "message removed", tag)
    for tag in added.values():
        yield _finding(path, "message added", tag)


def _messages(old: Document, new: Document) -> Iterator[Finding]:
    """Yield what differs inside the messages that both documents have, each once."""
    schemas = SchemaComparison(old, new)
    before, after = _carried_messages(old), _carried_messages(new)
    for name in sorted(before.keys() & after.keys()):
        path = f"messages/{name}"
        message, other = before[name], after[name]
        content, its = (m.get("contentType", "application/json") for m in (message, other))
        if content != its:
            yield _finding(path, "content type changed", f"{content} became {its}")
        if any(schemas.compare(path, _key(message), _key(other))):
            yield _finding(path, "key changed", f"{_key(message)} became {_key(other)}")
        yield from _headers(path, schemas, message.get("headers"), other.get("headers"))
        yield from schemas.compare(f"{path}/payload", message["payload"], other["payload"])


def _carried_messages(document: Document) -> dict[str, Document]:
    return {
        name: resolve(reference, document)
        for channel in document["channels"].values()
        for name, reference in channel["messages"].items()
    }


def _key(message: Document) -> Document:
    key: Document = message.get("bindings", {}).get("kafka", {}).get("key", {})
    return key


def _headers(
    path: str, schemas: SchemaComparison, before: Document | None, after: Document | None
) -> Iterator[Finding]:
    if before is None and after is not None:
        yield _finding(path, "headers added", ", ".join(after.get("required", [])))
    elif after is None and before is not None:
        yield _finding(path, "headers removed", ", ".join(before.get("required", [])))
    elif before is not None and after is not None:
        yield from schemas.compare(f"{path}/headers", before, after)


def main(arguments: list[str] | None = None) -> int:
    """Compare two documents, print the findings and return the exit status."""
    parser = ArgumentParser(
        prog="python -m topics.compatibility", description="Compare two AsyncAPI documents."
    )
    parser.add_argument("old", type=Path, help="such as docs/contracts/released/asyncapi.json")
    parser.add_argument("new", type=Path, help="such as docs/contracts/asyncapi.json")
    chosen = parser.parse_args(arguments)
    old, new = (_read(path, parser) for path in (chosen.old, chosen.new))
    findings = compare(old, new)
    for found in findings:
        mark = "BREAKING" if found.breaking else "ok"
        sys.stdout.write(f"{mark} {found.path}: {found.what} ({found.why})\n")
    return 1 if any(found.breaking for found in findings) else 0


def _read(path: Path, parser: ArgumentParser) -> Document:
    """Return the document in a file, or end the program with what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"{path} cannot be read: {error}")
    if not isinstance(document, dict) or "channels" not in document:
        parser.error(f"{path} is no AsyncAPI document: it has no channels")
    return document


if __name__ == "__main__":
    sys.exit(main())
