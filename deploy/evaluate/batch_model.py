"""Which model a batch asks, out of the settings: one that has batches, a key, and a price of them."""

from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from agents.account.pricing import Tariff, cost_nano_usd
from agents.endpoints import EndpointSettings
from agents.settings import AgentSettings, SpareSettings
from deploy.wiring.agent_models import tariff_of
from topics import SettingsError, Usage


class BatchModel(Struct, frozen=True, kw_only=True):
    """A model behind an address that has batches."""

    provider: str
    name: str
    model_id: str
    base_url: str
    api_key: SecretStr
    output_config: bool
    simulated: bool
    tariff: Tariff


def batch_model(settings: AgentSettings, name: str | None) -> BatchModel:
    """Return the model of this name: of the settings, or another one where the first is; None: the first.

    Raises:
        SettingsError: It cannot be asked in batches; the message names the key.
        UnknownPriceError: Nobody knows what a batch of it costs.
    """
    at, endpoint = _endpoint(settings, name)
    key = settings.model.api_key
    if isinstance(endpoint, SpareSettings):
        key = settings.key_of(endpoint)
    if settings.budget.redis_url is None:
        msg = "agent.budget.redis_url: needed; without a ledger nothing is sent"
        raise SettingsError(msg)
    if endpoint.dialect != "anthropic":
        msg = f"{at}.dialect: {endpoint.dialect} has no message batches; only anthropic has"
        raise SettingsError(msg)
    for missing in endpoint.missing(key):
        msg = f"{at}.{missing}: needed to ask anything"
        raise SettingsError(msg)
    tariff = replace(tariff_of(endpoint), batch=True)
    if not tariff.free:
        cost_nano_usd(tariff.provider, tariff.model, Usage(input_tokens=1), batch=True)
    return BatchModel(
        provider=endpoint.provider,
        name=endpoint.name,
        model_id=endpoint.model_id or endpoint.name,
        base_url=endpoint.base_url or "",
        api_key=key or SecretStr(""),
        output_config=endpoint.output_config,
        simulated=endpoint.simulated,
        tariff=tariff,
    )


def _endpoint(settings: AgentSettings, name: str | None) -> tuple[str, EndpointSettings]:
    """Return where a model is, and how the settings call that."""
    first = settings.model
    if name is None or name == first.name:
        return "agent.model", first
    named = [(at, spare) for at, spare in settings.spares.items() if spare.name == name]
    # The same model may be at several places, of which not all have batches.
    for at, spare in sorted(named, key=lambda one: one[1].dialect != "anthropic"):
        return f"agent.spares.{at}", spare
    return "agent.model", first.model_copy(update={"name": name, "model_id": None})
