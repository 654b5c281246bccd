"""Acts of operators as records of the `control` topic: checked, and with ids that say what was done. PURE.

An act's id is a digest of who did what and why, not of when: a request that is sent again is the same act.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal, TypeVar, get_args

from topics import BY_NAME, ContractError, Control, Feedback, PipelineError, Redrive, encode
from topics.units import ASSET_PATTERN, INSTRUMENT_PATTERN, NAME_PATTERN

Act = Control | Feedback | Redrive
Verdict = Literal["wrong", "unhelpful"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
REASON_CHARS_MAX = 400
"""As the contract says: a sentence or two."""
MUTE_MS_MAX = 30 * 86_400_000
"""A mute that lasts longer is a rule that should be changed."""
ALL = "all"
ON, OFF = "on", "off"
"""The values of the act `mute`; off takes back what was said of the same subject."""
ALERT, ASSET, RULE, ANALYSIS, REDRIVE = "alert/", "asset/", "rule/", "analysis/", "redrive/"
"""How subjects begin."""

_ASSET, _INSTRUMENT = re.compile(ASSET_PATTERN), re.compile(INSTRUMENT_PATTERN)
_NAME = re.compile(NAME_PATTERN)
_SERIES = re.compile(r"^(?P<rule>.+?)/(?P<subject>[A-Z0-9][^/]*(?:/[^/]+)?)$")
_E = TypeVar("_E", Control, Feedback, Redrive)


class ActRefusedError(PipelineError):
    """An act that cannot be; the message says what is wrong with it. Nothing was written."""


def acknowledgement(alert_id: str, *, actor: str, reason: str, at_ms: int) -> Control:
    """Return the act of one who has seen an alert.

    Raises:
        ActRefusedError: A part is missing or too long.
    """
    return _control("acknowledge", ALERT + _told("alert_id", alert_id), "", actor, reason, at_ms)


def mute(target: str, *, until_ms: int, actor: str, reason: str, at_ms: int) -> Control:
    """Return the act that keeps alerts of a target from being delivered until a time.

    ``target`` is `all`, `asset/BTC`, `rule/NAME` or `rule/NAME/SUBJECT`.

    Raises:
        ActRefusedError: There is no such target, the time is over or too far away, or a part is missing.
    """
    if until_ms <= at_ms:
        msg = "until: it is over already"
        raise ActRefusedError(msg)
    if until_ms > at_ms + MUTE_MS_MAX:
        msg = f"until: at most {MUTE_MS_MAX // 86_400_000} days ahead; for longer, change the rule"
        raise ActRefusedError(msg)
    return _control("mute", check_target(target), ON, actor, reason, at_ms, until_ms)


def unmute(target: str, *, actor: str, reason: str, at_ms: int) -> Control:
    """Return the act that takes a mute of the same target back.

    Raises:
        ActRefusedError: There is no such target, or a part is missing or too long.
    """
    return _control("mute", check_target(target), OFF, actor, reason, at_ms)


def feedback(analysis_id: str, verdict: str, *, actor: str, reason: str, at_ms: int) -> Feedback:
    """Return what somebody thinks of an analysis: `wrong` or `unhelpful`.

    Raises:
        ActRefusedError: It is another word, or a part is missing or too long.
    """
    if verdict not in VERDICTS:
        msg = f"verdict: {_short(verdict)} is neither {' nor '.join(VERDICTS)}"
        raise ActRefusedError(msg)
    subject = f"{ANALYSIS}{_told('analysis_id', analysis_id)}/{_told('actor', actor)}"
    return _checked(
        Feedback(
            feedback_id=_id_of("feedback", subject, verdict, reason),
            subject=subject,
            analysis_id=analysis_id,
            verdict=verdict,
            actor=actor,
            reason=_told("reason", reason),
            at_ms=at_ms,
        )
    )


def redrive(
    redrive_id: str,
    *,
    letters: Sequence[str],
    places: Iterable[str],
    actor: str,
    reason: str,
    at_ms: int,
    ended_ms: int | None = None,
) -> Redrive:
    """Return the act of one who has dead letters written again, as it begins or has ended.

    Raises:
        ActRefusedError: A part is missing or too long.
    """
    return _checked(
        Redrive(
            redrive_id=redrive_id,
            subject=REDRIVE + redrive_id,
            letters=list(letters),
            places=sorted(set(places)),
            actor=_told("actor", actor),
            reason=_told("reason", reason),
            at_ms=at_ms,
            ended_ms=ended_ms,
        )
    )


def id_of(act: Act) -> str:
    """Return the id of an act."""
    match act:
        case Control():
            return act.control_id
        case Feedback():
            return act.feedback_id
        case Redrive():
            return f"{act.subject}/{'begun' if act.ended_ms is None else 'ended'}"


def check_target(target: str) -> str:
    """Return what is to be muted, as it was told.

    Raises:
        ActRefusedError: It is neither all, an asset, a rule, nor a rule and a subject.
    """
    if target == ALL or (target.startswith(ASSET) and _ASSET.match(target[len(ASSET) :])):
        return target
    if target.startswith(RULE):
        rest = target[len(RULE) :]
        series = _SERIES.match(rest)
        if _NAME.match(rest) or (series and _NAME.match(series["rule"]) and _is_subject(series)):
            return target
    msg = f"{_short(target)} is none of all, asset/BTC, rule/NAME, rule/NAME/SUBJECT"
    raise ActRefusedError(msg)


def _is_subject(series: re.Match[str]) -> bool:
    return bool(_ASSET.match(series["subject"]) or _INSTRUMENT.match(series["subject"]))


def _control(  # noqa: PLR0917 - an act has so many parts
    act: Literal["acknowledge", "mute", "recover"],
    subject: str,
    value: str,
    actor: str,
    reason: str,
    at_ms: int,
    expires_ms: int | None = None,
) -> Control:
    told = (subject, value, str(expires_ms or ""), _told("actor", actor), _told("reason", reason))
    return _checked(
        Control(
            control_id=_id_of(act, *told),
            act=act,
            subject=subject,
            value=value,
            actor=actor,
            reason=reason,
            at_ms=at_ms,
            expires_ms=expires_ms,
        )
    )


def _id_of(act: str, *parts: str) -> str:
    return f"{act}/{sha256(repr(parts).encode()).hexdigest()[:32]}"  # where a part ends is not to be mistaken


def _checked(act: _E) -> _E:
    """Return an act as its readers will read it."""
    try:
        read: _E = BY_NAME["control"].decoder().decode(encode(act))
    except ContractError as error:
        msg = f"no such act can be written: {error}"
        raise ActRefusedError(msg) from None
    return read


def _told(name: str, text: str) -> str:
    if not text.strip():
        msg = f"{name}: it is missing"
        raise ActRefusedError(msg)
    return text


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")  # noqa: PLR2004 - a line's worth
