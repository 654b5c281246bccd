"""What the contracts and the broker's edge can raise.

PipelineError
    ContractError       bytes or an event that are not what the contract says
    TopicsError         the broker's topics are not what the catalog says
    SettingsError       a setting is refused, by key
"""


class PipelineError(Exception):
    """The root of what this project raises on purpose."""


class ContractError(PipelineError):
    """Bytes or an event that break the contract. The message says where and how.

    ``reason`` is the dead letter's reason.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TopicsError(PipelineError):
    """The broker's topics are missing or unlike the catalog; the message lists each difference."""


class SettingsError(PipelineError):
    """A setting was refused; the message names its key, its value and what is allowed."""
