"""The corpus as records of every topic that holds people's words: each text in each field that takes it. PURE."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from tests.browser.scene import MINUTE_MS, alert, analysis, status
from topics import Control, FeedStatus, Post
from topics.analysis import DataQuality
from topics.deadletter import DeadLetter

from .corpus import BYTES, TEXTS, cut

ASSET = "EVIL"


def records(now_ms: int) -> Iterator[Struct]:
    """Yield them all: contracts hold, as a record that breaks one is nobody's to show."""
    end_ms = now_ms // MINUTE_MS * MINUTE_MS
    for number, (name, text) in enumerate(TEXTS):
        yield _alert(number, text, end_ms)
        yield _analysis(number, text, end_ms)
        yield _post(number, text, end_ms)
        yield _feed(number, text, now_ms)
        yield _control(number, text, now_ms)
        yield replace(status(now_ms, "collect", f"evil/{number}", "running"), words=cut(text, 300))
        assert name
    for number, (name, value) in enumerate(BYTES):
        yield DeadLetter(
            reason="malformed",
            message=cut(TEXTS[number % len(TEXTS)].text, 500),
            stage="collect",
            role="collect",
            key=value[:200],
            value=value,
            time_ms=now_ms,
            origin=f"evil/{name.replace(' ', '-')}/{number}",
        )


def _alert(number: int, text: str, end_ms: int) -> Struct:
    return alert(
        end_ms,
        alert_id=f"rule_{number}/{ASSET}/{end_ms}",
        rule=f"rule_{number}",
        asset=ASSET,
        subject=ASSET,
        severity="info",
        headline=cut(text, 200),
        missing=[cut(text, 200)],
        values={cut(text, 60): 1.0},
    )


def _analysis(number: int, text: str, end_ms: int) -> Struct:
    said = analysis(end_ms)
    fact = replace(said.facts[0], metric=cut(text, 64), unit=text, quote=text)
    return replace(
        said,
        analysis_id=f"deep_dive/{ASSET}/{end_ms - number * MINUTE_MS}/0",
        asset=ASSET,
        as_of_ms=end_ms - number * MINUTE_MS,
        severity="info",
        headline=cut(text, 120),
        text=text,
        confidence_basis=text,
        changed=[text],
        facts=[fact],
        data_quality=DataQuality(completeness="holed", stale_feeds=[text], words=text),
        model=text,
        prompt_version=text,
    )


def _post(number: int, text: str, end_ms: int) -> Struct:
    return Post(
        subject=ASSET,
        source="evil",
        platform="evil",
        post_id=cut(f"{number}-{text}", 128),
        event_ms=end_ms - 30_000,
        received_ms=end_ms - 29_000,
        author="0123456789abcdef",
        text=text,
        language="en",
        tone=0.0,
        tone_version="vader/1",
        engagement=0,
        simhash="0123456789abcdef",
    )


def _feed(number: int, text: str, now_ms: int) -> Struct:
    return FeedStatus(
        source="evil",
        venue=f"evil-{number}",
        subject=cut(text, 74),
        state="connected",
        reason=cut(text, 200),
        since_ms=now_ms,
        at_ms=now_ms,
        last_received_ms=now_ms,
    )


def _control(number: int, text: str, now_ms: int) -> Struct:
    return Control(
        control_id=f"evil/{number}",
        act="mute",
        subject=f"rule/rule_{number}",
        value="on",
        actor=cut(text, 100),
        reason=cut(text, 400),
        at_ms=now_ms,
        expires_ms=now_ms + 3_600_000,
    )
