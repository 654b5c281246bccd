"""What an operator may turn of the role that serves the API and the dashboard."""

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

TOKEN_CHARS_MIN, TOKEN_CHARS_MAX = 16, 200
"""Of a token: what cannot be guessed, and what a header holds."""
TOKENS_MAX = 50
"""Of each kind: every wrong token is compared with all of them."""
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

Person = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]
"""Whose token it is: the actor of what is done with it."""


def _is_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not TOKEN_CHARS_MIN <= len(text) <= TOKEN_CHARS_MAX or not text.isascii():
        msg = f"a token has {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters of ASCII"
        raise ValueError(msg)
    if any(c.isspace() or not c.isprintable() for c in text):
        msg = "a token has no spaces and no control characters"
        raise ValueError(msg)
    return token


Token = Annotated[SecretStr, AfterValidator(_is_token)]


def is_loopback(host: str) -> bool:
    """Return whether an address, or a name, means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        msg = f"no address and no network: {error}"
        raise ValueError(msg) from None
    if network.prefixlen == 0:
        msg = "everybody would be believed"
        raise ValueError(msg)
    return text


Proxy = Annotated[str, Field(max_length=64), AfterValidator(_is_network)]


class RateSettings(BaseModel):
    """How much one client may ask, and one actor do. A client is an address; of IPv6 the first 64 bits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_s: float = Field(default=300.0, gt=0, le=100_000)
    """Of everything but acts and sign-ins, on the average."""
    requests_burst: int = Field(default=600, ge=1, le=1_000_000)
    """At once: a page of the dashboard takes about 25."""
    acts_per_min: float = Field(default=60.0, gt=0, le=10_000)
    """Of one actor, by the API and the dashboard together: acknowledge, mute, feedback, redrive and its dry run."""
    refusals_per_min: float = Field(default=20.0, gt=0, le=10_000)
    """Wrong tokens, by header or on the sign-in page; beyond it every token of that client is refused for a while."""
    clients_max: int = Field(default=10_000, ge=16, le=1_000_000)
    """Clients and actors remembered; the one longest not heard of makes room."""


class ServeSettings(BaseModel):
    """The serve role: API, live stream and dashboard at one address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """The address to listen at. Beyond loopback a token is needed."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """0: any free one; the log says which."""
    base_url: str | None = Field(default=None, pattern=r"^https?://[A-Za-z0-9._:\[\]-]{1,253}$")
    """How people reach it, for links in notifications, without a path; None: http://host:port."""
    view_hours: float = Field(default=24.0, gt=0, le=168)
    """How far back the view reaches; what is older is read from the log when it is asked for."""
    viewer_tokens: dict[Person, Token] = Field(default={}, max_length=TOKENS_MAX)
    """Who may look, by name. A secret file `TAPEREADER_SERVE__VIEWER_TOKENS__ALICE` holds Alice's."""
    operator_tokens: dict[Person, Token] = Field(default={}, max_length=TOKENS_MAX)
    """Who may also acknowledge, mute, give feedback and redrive, by name."""
    loopback_operator: bool = True
    """Without any token: whether whoever is on this machine is an operator, or only looks."""
    allowed_hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9._:-]{1,253}$")], ...] = ()
    """Names by which it is called beside its address and loopback's names: tape.example.org. Another `Host` is refused."""
    allowed_origins: tuple[
        Annotated[str, Field(pattern=r"^https?://[a-z0-9._:\[\]-]{1,253}$")], ...
    ] = ()
    """Origins that are its own although they are not what `Host` says, as behind a proxy that changes it. No others may
    open a websocket or act."""
    trusted_proxies: tuple[Proxy, ...] = ()
    """Addresses, or networks, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    session_hours: float = Field(default=12.0, gt=0, le=720)
    """How long a person stays signed in."""
    body_bytes_max: int = Field(default=65_536, ge=1_024, le=10_000_000)
    """Of one request."""
    streams_max: int = Field(default=200, ge=1, le=10_000)
    """Live streams at once."""
    streams_per_client_max: int = Field(default=20, ge=1, le=10_000)
    viewers_max: int = Field(default=500, ge=1, le=10_000)
    """Open pages of the dashboard, each with its websocket."""
    viewers_per_client_max: int = Field(default=100, ge=1, le=10_000)
    """Behind a proxy that is not trusted all are one client."""
    redrive_attempts_max: int = Field(default=3, ge=1, le=1_000)
    """A dead letter of this attempt is not written again; the command `tapereader deadletters` heeds it too."""
    stop_s: float = Field(default=5.0, gt=0, le=60)
    """For requests to end once told to stop."""
    rates: RateSettings = RateSettings()

    @property
    def tokens(self) -> bool:
        """Whether anybody has a token: then nobody is let in without one."""
        return bool(self.viewer_tokens or self.operator_tokens)

    @property
    def hosts(self) -> frozenset[str]:
        """Every host name it answers to, in small letters, without a port."""
        own = (self.host.lower(),) if self.host not in ("0.0.0.0", "::") else ()  # noqa: S104
        return frozenset((*_LOOPBACK_NAMES, *own, *self.allowed_hosts))

    @model_validator(mode="after")
    def _needs_token(self) -> Self:
        if self.tokens:
            return self
        how = "set serve.operator_tokens or serve.viewer_tokens (a name and its token)"
        if not is_loopback(self.host):
            msg = f"serve.host = {self.host!r} can be reached from other machines, but nobody needs a token: {how}"
            raise ValueError(msg)
        if beyond := [host for host in self.allowed_hosts if not is_loopback(host)]:
            msg = f"serve.allowed_hosts names {beyond[0]!r}, so others reach it, but nobody needs a token: {how}"
            raise ValueError(msg)
        if self.trusted_proxies:
            msg = f"serve.trusted_proxies says that a proxy stands before it, but nobody needs a token: {how}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tokens_differ(self) -> Self:
        given = [
            token.get_secret_value()
            for token in (*self.viewer_tokens.values(), *self.operator_tokens.values())
        ]
        if len(set(given)) < len(given):
            msg = "serve.viewer_tokens and serve.operator_tokens: two people have one token"
            raise ValueError(msg)
        if both := self.viewer_tokens.keys() & self.operator_tokens.keys():
            msg = f"serve.viewer_tokens and serve.operator_tokens: {min(both)!r} is in both"
            raise ValueError(msg)
        return self
