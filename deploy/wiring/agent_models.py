"""The models an agent may ask, out of its settings."""

import math
import time

import structlog

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.account.pricing import LISTED, Tariff, UnknownPriceError, cost_nano_usd
from agents.account.terms import terms_of
from agents.ask.breakers import Breakers
from agents.ask.cache_watch import CacheWatch
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.prompt import state_version, version
from agents.desk import Desk, Seat
from agents.endpoints import EndpointSettings
from agents.journal import Journal
from agents.settings import AgentSettings, SpareSettings
from deploy.role import now_ms
from topics import SettingsError, Usage

log = structlog.get_logger()

VERTEX_REGION_PERMILLE = 1_100
"""What Vertex asks for a region's own endpoint, in thousandths of the global one's price; the list has only that one.
Bedrock's regions have prices of their own in the list."""
COMPARED = Usage(input_tokens=3_000, output_tokens=500)
"""What a deep dive takes, about: by this a spare is held to be no dearer than the first model."""


def create_desk(
    settings: AgentSettings, prefix: str, breakers: Breakers, journal: Journal
) -> Desk | None:
    """Return what it takes to ask models, or None when none is configured.

    Raises:
        SettingsError: A model is configured, but not all it takes, or not what bounds its cost.
    """
    if settings.model.base_url is None:
        _check_unused(settings)
        return None
    _check(settings)
    ledger, now_s = _ledger(settings, prefix), time.monotonic()
    seats = [_seat(settings, one, breakers, now_s) for one in settings.models.values()]
    return Desk(
        seats,
        Books(ledger, journal.write, now_ms=now_ms),
        cached=CacheWatch(settings.model.uncached_calls_max),
    )


def tariff_of(endpoint: EndpointSettings) -> Tariff:
    """Return whose price a model has, and by which name."""
    provider = endpoint.prices_of or endpoint.provider
    is_regional = endpoint.dialect == "vertex" and endpoint.region != "global"
    permille = VERTEX_REGION_PERMILLE if is_regional else LISTED
    return Tariff(provider, endpoint.model_id or endpoint.name, endpoint.free, permille)


def _check_unused(settings: AgentSettings) -> None:
    """Refuse spares without a first model; say that a key alone is not enough.

    Raises:
        SettingsError: There are spares.
    """
    if settings.spares:
        msg = "agent.spares: needs agent.model.base_url, the model that they stand in for"
        raise SettingsError(msg)
    if settings.model.api_key is not None:
        log.warning(
            "a key is configured, but agent.model.base_url, the address to call, is not:"
            " rules answer everything"
        )


def _check(settings: AgentSettings) -> None:
    """Refuse models that could not be asked, or whose cost nobody knows.

    Raises:
        SettingsError: The message names the key.
    """
    model = settings.model
    if settings.budget.redis_url is None:
        msg = "agent.budget.redis_url: needed with agent.model.base_url; without a ledger nothing is sent"
        raise SettingsError(msg)
    for key in model.missing(model.api_key):
        told = " (any word for a local server)" if key == "api_key" else ""
        msg = f"agent.model.{key}: needed with agent.model.base_url{told}"
        raise SettingsError(msg)
    first = _checked_cost("agent.model", model)
    for name, spare in settings.spares.items():
        _check_spare(f"agent.spares.{name}", spare, settings, first)


def _check_spare(at: str, spare: SpareSettings, settings: AgentSettings, first: int | None) -> None:
    """Refuse a spare that could not be asked, whose cost nobody knows, or which costs more than the ``first`` model.

    Raises:
        SettingsError: The message names the key.
    """
    for key in spare.missing(settings.key_of(spare)):
        msg = f"{at}.{key}: needed"
        raise SettingsError(msg)
    cost = _checked_cost(at, spare)
    if cost is None:
        msg = f"{at}.name: no price is known for {_priced_as(spare)}; prices_of says whose prices it has"
        raise SettingsError(msg)
    other = settings.model.name
    if spare.name != other and first is not None and cost > first:
        msg = (
            f"{at}.name: {spare.name} is dearer than {other}, in whose place cheaper models answer"
        )
        raise SettingsError(msg)


def _checked_cost(at: str, endpoint: EndpointSettings) -> int | None:
    """Return what a model costs for the same work, in nano-dollars; None if nobody knows.

    Raises:
        SettingsError: It is said to be free, and has a price.
    """
    tariff = tariff_of(endpoint)
    cost = _cost(tariff.provider, tariff.model)
    if not endpoint.free:
        return None if cost is None else cost * tariff.permille // LISTED
    if cost is not None or _cost("anthropic", endpoint.name) is not None:
        msg = f"{at}.free: {_priced_as(endpoint)} has a price; only a model of one's own is free"
        raise SettingsError(msg)
    return 0


def _cost(provider: str, model: str) -> int | None:
    try:
        return cost_nano_usd(provider, model, COMPARED)
    except UnknownPriceError:
        return None


def _priced_as(endpoint: EndpointSettings) -> str:
    tariff = tariff_of(endpoint)
    return f"{tariff.provider}/{tariff.model}"


def _ledger(settings: AgentSettings, prefix: str) -> Ledger:
    models = [f"{provider}/{name}" for provider, name in settings.models]
    try:
        return Ledger(
            settings.budget.redis_url or "",
            prefix=prefix,
            scope=settings.budget.scope,
            terms=terms_of(settings.budget, settings.pacing, models),
        )
    except ValueError as error:  # without the URL, in which there may be a password
        msg = f"agent.budget.redis_url: {error}"
        raise SettingsError(msg) from None


def _seat(
    settings: AgentSettings, endpoint: EndpointSettings, breakers: Breakers, now_s: float
) -> Seat:
    from agents.ask.claude import Claude  # noqa: PLC0415 - the SDK takes seconds to import

    key = settings.model.api_key if endpoint is settings.model else None
    if isinstance(endpoint, SpareSettings):
        key = settings.key_of(endpoint)
    is_first_name = endpoint.name == settings.model.name
    suffix = "" if is_first_name else f"/{endpoint.name}"
    products = settings.model.products
    if isinstance(endpoint, SpareSettings) and endpoint.products is not None:
        products = endpoint.products
    return Seat(
        model=Claude(
            provider=endpoint.provider,
            name=endpoint.name,
            base_url=endpoint.base_url or "",
            api_key=key.get_secret_value() if key else "",
            dialect=endpoint.dialect,
            model_id=endpoint.model_id,
            region=endpoint.region,
            project=endpoint.project,
            output_config=endpoint.output_config,
        ),
        breaker=breakers.of_model(endpoint.provider, endpoint.name, now_s),
        # The same model answers a prompt alike wherever it is; another one's answers say nothing of it.
        quality=breakers.of_prompt(version() + suffix, now_s),
        state_quality=(
            breakers.of_prompt(state_version() + suffix, now_s) if "state" in products else None
        ),
        # A call gives its slot back however it ends, and may wait for the brokers as long as they take.
        slots=ConcurrencyLimit(endpoint.concurrency, lost_s=math.inf),
        products=frozenset(products),
        tariff=tariff_of(endpoint),
    )
