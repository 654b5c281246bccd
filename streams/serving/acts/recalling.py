"""What operators have done so far, read from the `control` topic once."""

from streams.serving.reading import TopicReader
from topics import BY_NAME, ContractError

from .standing import StandingActs


async def standing_acts(reader: TopicReader) -> StandingActs:
    """Return what all acts of the log so far mean; what a later version wrote is passed over.

    Raises:
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    acts, decode = StandingActs(), BY_NAME["control"].decoder().decode
    async for record in reader.whole("control"):
        if record.value is None:
            acts.delete((record.key or b"").decode(errors="replace"))
            continue
        try:
            acts.take(decode(record.value))
        except ContractError:
            continue  # it stays in the log for whoever audits it
    return acts
