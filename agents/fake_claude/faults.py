"""What goes wrong, and when: a script of steps, checked as a whole before any of it is played.

A script is a JSON list of steps. A step has one fault and one place: ``requests``, the first and the last request it
hits, counted from 1, or ``seconds``, a span since the first request, its end not included. A last of null means "for
ever". With ``model`` it hits only requests to that model, with ``probability`` only some, chosen by the seed and the
request's number. The first step that hits a request is played, so an exception stands before its rule.

    [{"requests": [3, 3], "fault": "slow", "delay_s": 20},
     {"seconds": [120, 240], "fault": "overloaded", "probability": 0.5},
     {"requests": [50, null], "fault": "rate_limited", "retry_after_s": 5, "model": "claude-opus-5-5"}]

=================  =====================================  =======================================  ===========
fault              asked for a message                    asked for a stream                       billed
=================  =====================================  =======================================  ===========
overloaded         529                                    529                                      no
rate_limited       429 with retry-after                   429 with retry-after                     no
ramp_limited       429, ``ramp_limit_exceeded``           the same                                 no
spend_limited      429, 402 or 400 with its ``code``      the same                                 no
error              500, or the step's ``status``          the same                                 no
hang               nothing, until a side closes           nothing, until a side closes             yes
slow               the answer, ``delay_s`` late           the answer, its first byte late          yes
slow_stream        the answer, spread over ``delay_s``    the events, spread over ``delay_s``      yes
stalled_stream     half the body, then nothing            half the events, then nothing            yes
html               200 with a page instead of JSON        200 with a page instead of events        yes
truncated_json     200 with half the JSON                 200 with half an event's JSON            yes
wrong_shape        200 with JSON that is no message       200 with events of no message            yes
refusal            stop_reason ``refusal``                stop_reason ``refusal``                  by category
cut_stream         half the body, then no connection      half the events, then an orderly end     yes
overloaded_stream  529                                    half the events, then an error event     yes, if 200
prose              prose where JSON was asked for         the same                                 yes
wrong_schema       JSON of another schema                 the same                                 yes
wrong_numbers      numbers nobody measured                the same                                 yes
advice             what to buy                            the same                                 yes
other_asset        another asset's name                   the same                                 yes
huge               text that fills ``max_tokens``         the same                                 yes
gullible           what orders in the prompt want         the same                                 yes
gullible_loose     the orders themselves in each field    the same                                 yes
=================  =====================================  =======================================  ===========

Only requests for messages count, and of these only those the API would take: a 400 uses up no step.
"""

import json
import re
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from .answers import RefusalCategory
from .dice import Dice
from .errors import LimitCode, ScriptError
from .models import MODELS
from .spoiling import Spoiling

STEPS_MAX = 1_000
"""Steps of one script."""
RETRY_AFTER_S = 1
"""What ``rate_limited`` says unless its step does."""
DELAY_S = 5.0
"""How late ``slow`` is unless its step says."""

_Carried = Literal[
    "overloaded",
    "rate_limited",
    "ramp_limited",
    "spend_limited",
    "error",
    "hang",
    "slow",
    "slow_stream",
    "stalled_stream",
    "html",
    "truncated_json",
    "wrong_shape",
    "refusal",
    "cut_stream",
    "overloaded_stream",
]
Fault = Literal[_Carried, Spoiling]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_KEYS: dict[str, tuple[Fault, ...]] = {
    "retry_after_s": ("rate_limited", "ramp_limited", "spend_limited"),
    "delay_s": ("slow", "slow_stream"),
    "category": ("refusal",),
    "code": ("spend_limited",),
    "status": ("error",),
}
"""Keys that go with some faults only."""
_SIDES = 2**32
_PLACE = re.compile(r"\$\[(\d+)\](?:\.(\w+))?")
_QUOTED = re.compile(r"field `(\w+)`")


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that goes wrong, and where."""

    fault: Fault
    requests: tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)] | None] | None = None
    """First and last request, counted from 1, both included."""
    seconds: tuple[Annotated[float, Meta(ge=0)], Annotated[float, Meta(ge=0)] | None] | None = None
    """From and to, in seconds since the first request, the end not included."""
    retry_after_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    """Of a 429."""
    delay_s: Annotated[float, Meta(gt=0, le=3_600)] | None = None
    """Of ``slow`` and ``slow_stream``."""
    category: RefusalCategory | None = None
    """Of ``refusal``. It decides whether a refusal is billed; without one it is not."""
    code: LimitCode | None = None
    """Of ``spend_limited``: which limit, and so which status. Without one it is the organization's own."""
    status: Literal[500, 502, 503, 504] | None = None
    """Of ``error``."""
    model: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """The only model whose requests it hits."""
    probability: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Of the requests it would hit, the share that it does."""

    def hits(self, number: int, elapsed_s: float) -> bool:
        """Whether its place holds the ``number``-th request, made ``elapsed_s`` after the first."""
        if self.requests is not None:
            first, last = self.requests
            return first <= number and (last is None or number <= last)
        if self.seconds is not None:
            start_s, end_s = self.seconds
            return start_s <= elapsed_s and (end_s is None or elapsed_s < end_s)
        return False


Script = tuple[Step, ...]

_DECODER = msgspec.json.Decoder(list[Step])


def load(data: bytes) -> Script:
    """Read a script.

    Raises:
        ScriptError: It is not JSON, or a step is not one; names the step, counted from 1, and the key.
    """
    try:
        steps = _DECODER.decode(data)
    except msgspec.ValidationError as error:
        raise ScriptError(_located(str(error))) from None
    except msgspec.DecodeError as error:
        msg = f"the script is not JSON: {_with_line(data, error)}"
        raise ScriptError(msg) from None
    if len(steps) > STEPS_MAX:
        msg = f"the script has {len(steps)} steps; at most {STEPS_MAX} are played"
        raise ScriptError(msg)
    for number, step in enumerate(steps, start=1):
        if complaint := _complaint(step):
            msg = f"step {number}: {complaint}"
            raise ScriptError(msg)
    return tuple(steps)


class Player:
    """Plays a script: counts the requests and says what goes wrong with each."""

    def __init__(self, script: Script, seed: int = 0) -> None:
        """Begin before the first request. ``seed`` decides where ``probability`` does not."""
        self._dice = Dice(seed.to_bytes(32, "big", signed=True))
        self.restart(script)

    def restart(self, script: Script) -> None:
        """Play another script from its beginning."""
        self.script = script
        self.requests = 0
        self.began_ms: int | None = None
        """When the first request came, in milliseconds since the epoch: a step's ``seconds`` count from here."""
        self._first_s = 0.0

    def next(self, now_s: float, model: str = "", wall_ms: int = 0) -> Step | None:
        """Count a request for a model and return the step that hits it, or None.

        ``now_s`` never goes back; ``wall_ms`` is the time of day, for those who read ``began_ms``.
        """
        self.requests += 1
        if self.requests == 1:
            self._first_s, self.began_ms = now_s, wall_ms
        elapsed_s = now_s - self._first_s
        hitting = (
            step
            for at, step in enumerate(self.script)
            if step.hits(self.requests, elapsed_s)
            and step.model in {None, model}
            and self._is_thrown(at, step.probability)
        )
        return next(hitting, None)

    def _is_thrown(self, at: int, probability: float | None) -> bool:
        """Whether chance has the step at a place of the script hit the present request."""
        if probability is None:
            return True
        return self._dice.throw(f"{at}/{self.requests}", _SIDES) < probability * _SIDES


def _complaint(step: Step) -> str | None:
    """Return what is wrong with a step whose keys are each right."""
    places = [key for key in ("requests", "seconds") if getattr(step, key) is not None]
    if len(places) != 1:
        return "key 'requests' or key 'seconds': exactly one of them says where the step applies"
    first, last = getattr(step, places[0])
    if last is not None and (last < first or (last == first and places[0] == "seconds")):
        return f"key '{places[0]}': it ends at {last}, before it begins at {first}"
    for key, those in _KEYS.items():
        if getattr(step, key) is not None and step.fault not in those:
            named = " or ".join(f"'{fault}'" for fault in those)
            return f"key '{key}': it goes with the fault {named}, not with '{step.fault}'"
    if step.model is not None and step.model not in MODELS:
        return f"key 'model': there is no model '{step.model}'"
    return None


def _with_line(data: bytes, error: msgspec.DecodeError) -> str:
    """Return a decoder's complaint with the line: ours counts bytes, the standard library's lines."""
    try:
        json.loads(data)
    except json.JSONDecodeError as located:
        return f"line {located.lineno}, column {located.colno}: {located.msg}"
    except ValueError:
        pass  # not even text
    return str(error)


def _located(error: str) -> str:
    """Return a decoder's complaint with step and key in our words."""
    what, _, place = error.partition(" - at `")
    found = _PLACE.match(place)
    if found is None:
        return f"the script is not a list of steps: {what}"
    quoted = _QUOTED.search(what)
    key = found[2] or (quoted[1] if quoted else "?")
    allowed = f" (one of {', '.join(FAULTS)})" if key == "fault" else ""
    return f"step {int(found[1]) + 1}: key '{key}': {what}{allowed}"
