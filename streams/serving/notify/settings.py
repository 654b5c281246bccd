"""What an operator may turn of the role that tells people about alerts."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from topics.units import Severity

RECEIVERS_MAX = 50
"""Each has a queue, a thread and a connection of its own."""
PER_HOUR_MIN = 4
"""Of the bound: one message for what is critical, one for the digest, and two that are neither."""
URL_CHARS_MAX = 2_000

ReceiverName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""It stands in routes, in a rule's audience, in ids and in the status topic."""


def _is_address(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if not 0 < len(text) <= URL_CHARS_MAX or "://" not in text or any(c.isspace() for c in text):
        msg = f"an address like scheme://..., of at most {URL_CHARS_MAX} characters without spaces"
        raise ValueError(msg)
    return url


class ReceiverSettings(BaseModel):
    """Somebody, or something, that is told: where, and of what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["apprise", "alertmanager"] = "apprise"
    url: Annotated[SecretStr, AfterValidator(_is_address)]
    """Of apprise: any of its addresses (https://github.com/caronc/apprise). Of an Alertmanager: http(s)://host:port.

    Better in a secret file `TAPEREADER_NOTIFY__RECEIVERS__NAME__URL` than here."""
    severity_min: Severity = "info"
    """Nothing less severe is told, but where a rule names this receiver."""
    rules: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ("*",)
    """Globs over names of rules: `price_*`."""
    assets: tuple[Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,23}$")], ...] = ()
    """None: of all assets."""
    data_gap: bool = True
    """Whether it is told that a rule could not be judged."""
    analyses: bool = True
    """Whether an alert's analysis follows."""
    analysis_severity_min: Severity | None = None
    """An alert that is not critical is told only if its analysis, by a model or by rules, finds it so severe. None: what
    an analysis finds decides nothing, and nothing waits for it."""
    analysis_wait_s: float = Field(default=120.0, ge=1, le=3_600)
    """How long such an alert waits for its analysis; then it is told without."""
    per_hour: int = Field(default=30, ge=PER_HOUR_MIN, le=3_600)
    """Messages in any hour, digests included. A quarter is kept for what is critical. An Alertmanager's refreshes
    are none."""

    @model_validator(mode="after")
    def _scheme_of_its_kind(self) -> Self:
        text = self.url.get_secret_value()
        if self.kind == "alertmanager" and not text.startswith(("http://", "https://")):
            msg = "url: an Alertmanager is reached by http:// or https://"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _analyses_where_they_decide(self) -> Self:
        if self.analysis_severity_min is not None and not self.analyses:
            msg = "analysis_severity_min: it goes with analyses, which this receiver is not told"
            raise ValueError(msg)
        return self


class NotifySettings(BaseModel):
    """The notify role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    receivers: dict[ReceiverName, ReceiverSettings] = Field(default={}, max_length=RECEIVERS_MAX)
    """By name. None: nobody is told, and the role says so."""
    routes: dict[Severity, tuple[ReceiverName, ...]] = {}
    """By severity, who is told. A severity without a line: every receiver."""
    attempts_max: int = Field(default=20, ge=1, le=100)
    """Of one message; then it is a dead letter."""
    age_max_s: float = Field(default=900.0, gt=0, le=86_400)
    """How long one message is tried; then it is a dead letter."""
    attempt_s: float = Field(default=20.0, gt=0, le=300)
    """How long a receiver may take to answer."""
    wait_initial_s: float = Field(default=0.5, gt=0, le=60)
    """Before the second attempt; it doubles from one to the next, with jitter."""
    wait_max_s: float = Field(default=60.0, gt=0, le=3_600)
    """Between two attempts. A receiver may ask for more by Retry-After."""
    fresh_s: float = Field(default=300.0, ge=0, le=86_400)
    """The first start tells what was logged since so long ago, not the topic's whole past."""
    refresh_s: float = Field(default=60.0, ge=1, le=3_600)
    """How often an Alertmanager is told again what fires; after five such spans without a word it ends by itself."""

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for severity, names in self.routes.items():
            if unknown := [name for name in names if name not in self.receivers]:
                there = ", ".join(sorted(self.receivers)) or "none"
                msg = f"routes.{severity} names {unknown[0]!r}; the receivers are: {there}"
                raise ValueError(msg)
        return self
