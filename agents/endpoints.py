"""Where a model is, how it is spoken to, and what it is called there: settings of one that may be asked."""

from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from topics.analysis import Product

Dialect = Literal["anthropic", "bedrock", "vertex"]
NEEDED: dict[Dialect, tuple[str, ...]] = {
    "anthropic": (),
    "bedrock": ("region",),
    "vertex": ("region", "project"),
}
"""What an address and a key are not enough without."""
_PLACE = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""Of a region or a project: it becomes a part of a path."""


CONTEXT_TOKENS_MAX = 8_000
"""Of what a question tells of its asset, unless said otherwise: two instruments with their windows, and every other kind."""
UNCACHED_CALLS_MAX = 5
"""One answered call whose prompt was neither written to the provider's cache nor read from it should not be."""


class Branch(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EndpointSettings(Branch):
    """One model of one provider."""

    model_config = ConfigDict(hide_input_in_errors=True)  # it may be the key

    base_url: str | None = None
    """Https, or a loopback address: the key is not sent in the clear."""
    api_key: SecretStr | None = None
    """Sent as a bearer token: an API key of Anthropic or Bedrock, an access token of Vertex, any word to a local server."""
    name: str = Field(default="claude-haiku-5-5", min_length=1, max_length=100)
    """What we call it: models of one name are the same model."""
    provider: str = Field(default="anthropic", pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """What we call who offers it: its breaker, budget and journal entries carry it."""
    dialect: Dialect = "anthropic"
    """How it is spoken to: `/v1/messages`, or as Bedrock or Vertex have it."""
    model_id: str | None = Field(default=None, min_length=1, max_length=200)
    """What the provider calls it; None: its name."""
    region: str | None = Field(default=None, pattern=_PLACE)
    project: str | None = Field(default=None, pattern=_PLACE)
    prices_of: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    """Whose prices it has, as `genai-prices` names them; None: the provider's."""
    free: bool = False
    """A server of one's own, which costs nothing. Refused for a model that has a price."""
    output_config: bool = True
    """Whether the server holds an answer to its schema; if not, the model is told of it in the prompt."""
    simulated: bool = False
    """Whether the address is our own fake; its analyses say so."""
    concurrency: int = Field(default=4, ge=1, le=64)

    def missing(self, key: SecretStr | None) -> list[str]:
        """Return what it needs and has not, where ``key`` is the one it would be asked with."""
        given: dict[str, object] = {"base_url": self.base_url, "api_key": key}
        given |= {"region": self.region, "project": self.project}
        needed = ("base_url", "api_key", *NEEDED[self.dialect])
        return [name for name in needed if given[name] is None]

    @field_validator("api_key")
    @classmethod
    def _fit_for_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        """Take the line break off that a secret file ends with; refuse, without showing it, what no key is."""
        if key is None:
            return None
        bare = key.get_secret_value().strip()
        if not bare or not all("!" <= char <= "~" for char in bare):
            msg = "a key is one word of ASCII characters; this one is empty or has others in it"
            raise ValueError(msg)
        return SecretStr(bare)

    @field_validator("base_url")
    @classmethod
    def _key_is_not_sent_in_the_clear(cls, url: str | None) -> str | None:
        if url is not None and "@" in urlsplit(url).netloc:
            msg = "no user and no password: the key is api_key"
            raise ValueError(msg)
        if url is not None and not (is_loopback(url) or _is_https(url)):
            msg = "an https address is needed, or a loopback one (127.0.0.1, ::1, localhost): the key goes there"
            raise ValueError(msg)
        return url


class ModelSettings(EndpointSettings):
    """The model to ask. Without an address or key, rules answer."""

    products: tuple[Product, ...] = ("deep_dive",)
    """What models are asked for; rules answer the rest."""
    context_tokens_max: int = Field(default=CONTEXT_TOKENS_MAX, ge=4_000, le=200_000)
    """Of what a deep dive's question tells of its asset, each byte counted as a token; beyond it the facts worth least are left out.

    Less than the least has no room for what is said of the facts, and one instrument's. The most is the smallest context of a model.
    Of spares too: the same model elsewhere is asked the same question.
    """
    output_tokens_max: int = Field(default=1500, ge=64, le=20_000)
    """Of one answer, thinking included; of spares too."""
    uncached_calls_max: int = Field(default=UNCACHED_CALLS_MAX, ge=0, le=10_000)
    """Answered calls in a row without a provider's prompt cache after which that is told; 0 of servers that have none."""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Of one call; of spares too."""


class SpareSettings(EndpointSettings):
    """A model to ask where the first cannot be."""

    products: tuple[Product, ...] | None = None
    """What it may be asked for, of what the first is; None: all of that."""


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
