"""What the journal says of the batches of an evaluation: what is answered, and what may be under way. PURE.

An intent names its batch by a digest of all its items. So the journal alone says whether a batch was complete, without
which it was never created, and which of its calls have no outcome; no other state is kept.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from agents.ask.batch import digest_of
from topics import Intent, PipelineError, Result

INTENTS_MAX = 500_000
"""Of one scope, model and prompt."""

Standing = Literal["answered", "unknown", "open", "new"]
"""Of a question: it has an outcome; nobody knows what became of it, and it is charged; it may be under way; it is to be
asked, for the first time or since what was sent before was not billed."""


class AskedError(PipelineError):
    """The journal holds more than is held at once."""


class Pending(Struct, frozen=True):
    """A batch of which some calls have no outcome."""

    digest: str
    keys: frozenset[str]
    """Of all its items that the journal has."""
    open: tuple[Intent, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all its intents were written; if not, nothing was sent."""
        return digest_of(self.keys) == self.digest

    @property
    def since_ms(self) -> int:
        """When its first open call was reserved."""
        return min(intent.at_ms for intent in self.open)

    @property
    def until_ms(self) -> int:
        """When the lease of its last open call ends."""
        return max(intent.at_ms + (intent.lease_ms or 0) for intent in self.open)


class Asked:
    """Takes the journal: of the batches of one scope that asked one model with one prompt."""

    def __init__(self, scope: str, provider: str, model: str, prompt_version: str) -> None:
        """Begin with nothing read."""
        self._who = (scope, provider, model, prompt_version)
        self._intents: dict[str, Intent] = {}
        self._results: dict[str, Result] = {}
        self._attempts: dict[str, list[str]] = {}
        """By item key."""

    def take(self, entry: Intent | Result) -> None:
        """Take an entry: of one attempt the intent comes before the result, and of several results the first counts.

        Raises:
            AskedError: There are more than are held.
        """
        if entry.batch is None:
            return
        if isinstance(entry, Result):
            if entry.attempt_id in self._intents:
                self._results.setdefault(entry.attempt_id, entry)
        elif (entry.scope, entry.provider, entry.model, entry.prompt_version) == self._who:
            self._take_intent(entry)

    def _take_intent(self, intent: Intent) -> None:
        if intent.attempt_id in self._intents:
            return
        if len(self._intents) >= INTENTS_MAX:
            msg = (
                f"more than {INTENTS_MAX} calls of evaluations in the journal; give another --scope"
            )
            raise AskedError(msg)
        self._intents[intent.attempt_id] = intent
        self._attempts.setdefault(intent.item_key, []).append(intent.attempt_id)

    def take_results(self, results: Iterable[Result]) -> None:
        """Take what came since the journal was read, of attempts of before it or since."""
        for result in results:
            if result.attempt_id not in self._intents:
                self._attempts.setdefault(result.item_key, []).append(result.attempt_id)
            self._results.setdefault(result.attempt_id, result)

    def pending(self) -> list[Pending]:
        """Return the batches with calls that have no outcome, the oldest first."""
        sends: dict[tuple[str, str], list[Intent]] = {}
        for intent in self._intents.values():
            # An attempt's id ends in when and by whom it was made, which all of one send have in common: the same items
            # may have been sent again, when nothing came of them.
            send = (intent.batch or "", intent.attempt_id.rpartition("/")[2])
            sends.setdefault(send, []).append(intent)
        made = [
            Pending(digest, frozenset(one.item_key for one in intents), open_)
            for (digest, _), intents in sends.items()
            if (open_ := tuple(one for one in intents if one.attempt_id not in self._results))
        ]
        return sorted(made, key=lambda one: one.since_ms)

    def untold(self, now_ms: int) -> list[Result]:
        """Return the results that the ledger may not know yet: those of attempts whose lease is not over."""
        return [
            result
            for attempt_id, result in self._results.items()
            if (intent := self._intents.get(attempt_id)) is not None
            and now_ms < intent.at_ms + (intent.lease_ms or 0)
        ]

    def others_open(self, keys: frozenset[str], own: frozenset[str]) -> list[str]:
        """Return attempts at these items, other than one's own, that have no outcome."""
        return [
            attempt_id
            for key in keys
            for attempt_id in self._attempts.get(key, ())
            if attempt_id not in own and attempt_id not in self._results
        ]

    def standing(self, item_key: str) -> tuple[Standing, Result | None]:
        """Return how a question stands, and with what came of it, if anything did."""
        attempts = self._attempts.get(item_key, [])
        results = [self._results[a] for a in attempts if a in self._results]
        for result in results:
            if result.known == "settled" or result.usage.output_tokens:
                return "answered", result
        if len(results) < len(attempts):
            return "open", None
        unknown = next((one for one in results if one.known == "charged_unknown"), None)
        if unknown is not None:
            return "unknown", unknown
        return "new", results[-1] if results else None
