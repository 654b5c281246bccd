"""Epochs of the streams role's state: which are begun, which may go on, and how another is begun."""

from topics import PipelineError
from topics.broker import apply_topics, check_topics, filled_topics, partition_counts
from topics.catalog import state_epoch, state_topic, topics_of
from topics.settings import BrokerSettings


class EpochError(PipelineError):
    """An epoch that cannot be begun, or must not go on; the message says which can."""


def begun_epochs(broker: BrokerSettings, above: int = -1) -> list[int]:
    """Return the epochs above one into whose state anything was ever written, oldest first.

    Raises:
        TopicsError: The broker cannot be reached.
    """
    epochs = {
        epoch: count
        for name, count in partition_counts(broker).items()
        if (epoch := state_epoch(name)) is not None and epoch > above
    }
    counts = {state_topic(epoch).name: count for epoch, count in epochs.items()}
    filled = filled_topics(broker, counts)
    return sorted(epoch for epoch in epochs if state_topic(epoch).name in filled)


def check_epoch(broker: BrokerSettings, epoch: int) -> list[str]:
    """Check the topics as `check_topics` does, and that no later epoch has taken this one's place.

    A worker of an old epoch, started again by a supervisor that nobody told, would fence the new one.

    Raises:
        EpochError: A later epoch is begun.
        TopicsError: As of `check_topics`.
    """
    if later := begun_epochs(broker, above=epoch):
        state = broker.topic(state_topic(later[-1]).name)
        msg = (
            f"streams.epoch is {epoch}, but the raw topics are folded in epoch {later[-1]}:"
            f" set streams.epoch = {later[-1]}. (To go back for good, delete the topic {state}.)"
        )
        raise EpochError(msg)
    return check_topics(broker, topics_of(epoch))


def begin_epoch(broker: BrokerSettings, epoch: int) -> list[str]:
    """Make the state topic of a new epoch, and return what was done, in words.

    Raises:
        EpochError: It is not new.
        TopicsError: The broker cannot be reached, or a topic has another partition count.
    """
    if broker.embedded:
        msg = "the demo's own broker keeps one epoch: give broker.bootstrap of a Kafka"
        raise EpochError(msg)
    begun = begun_epochs(broker)
    if begun and begun[-1] >= epoch:
        newest = begun[-1]
        msg = (
            f"--epoch {epoch}: there is state of epoch {newest}, and a rebuild begins a later one:"
            f" --epoch {newest + 1}. (What folds on in epoch {newest} is `tapereader streams` with"
            f" streams.epoch = {newest}.)"
        )
        raise EpochError(msg)
    return apply_topics(broker, topics_of(epoch))
