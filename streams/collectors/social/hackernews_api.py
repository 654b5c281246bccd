"""What is asked of Hacker News' API, and how its answers are read."""

import msgspec

from streams.collectors.asking import Answer, DeniedError, Http
from streams.collectors.port import Refused, SourceError

from .stories import HnItem, changed_of, item_of, newest_of

NOT_SHOWN = (401, 404)
"""What is not to be seen is answered so, too."""


class HackerNewsApi:
    """Asks, one question at a time or several; who asks keeps the limit in `Http`."""

    def __init__(self, name: str, url: str, http: Http) -> None:
        """Take the source's name, for its letters, and the API's address."""
        self._name, self._url, self._http = name, url, http

    async def newest(self) -> int:
        """Return the number of the newest item.

        Raises:
            SourceError: It could not be had, or is no number.
        """
        answer = await self._http.get(f"{self._url}/v0/maxitem.json")
        try:
            return newest_of(answer.body)
        except (ValueError, msgspec.DecodeError) as error:
            msg = f"its newest number: {error}"
            raise SourceError(msg) from error

    async def changed(self) -> list[int]:
        """Return which items have changed of late.

        Raises:
            SourceError: It could not be had, or is something else.
        """
        answer = await self._http.get(f"{self._url}/v0/updates.json")
        try:
            return changed_of(answer.body)
        except (ValueError, msgspec.DecodeError) as error:
            msg = f"its changed items: {error}"
            raise SourceError(msg) from error

    async def item(self, number: int) -> HnItem | Refused | None:
        """Return an item; None if it is not shown, a letter if it cannot be read.

        Raises:
            SourceError: It could not be had.
        """
        try:
            answer = await self._http.get(f"{self._url}/v0/item/{number}.json")
        except DeniedError as error:
            if error.status in NOT_SHOWN:
                return None
            raise
        try:
            return item_of(answer.body, number)
        except (ValueError, msgspec.DecodeError) as error:
            return self._refused(number, answer, str(error))

    async def tried(self, number: int) -> HnItem | Refused | SourceError | None:
        """Return an item as `item` does, or why it could not be had."""
        try:
            return await self.item(number)
        except SourceError as error:
            return error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _refused(self, number: int, answer: Answer, why: str) -> Refused:
        return Refused(
            reason="invalid",
            message=why,
            original=answer.body,
            origin=f"{self._name}/{number}",
            received_ms=answer.received_ms,
        )
