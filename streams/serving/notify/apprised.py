"""Receivers behind apprise: mail, phones, chats, web hooks, by one address each.

Apprise blocks, so each receiver has a thread of its own: one that hangs holds up nobody else. It says that
something failed, not why, and its log may cite addresses: of it only an HTTP status is taken over.
"""

import asyncio
import logging
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pydantic import SecretStr

from topics import Alert, SettingsError

from .door import DoorError, Fires, is_refusal
from .lane import Message
from .notice import RANKS
from .wording import TEXT_CHARS_MAX, Letter

if TYPE_CHECKING:
    from apprise import AppriseResult, NotifyType

TEXT_CHARS_LEAST = 100
"""Of a receiver that takes less: our keys would not fit; it is given this much, and cuts it."""
_STATUS = re.compile(r"\berror=(\d{3})\b")
"""As apprise writes the answer of an HTTP service; not the replies of mail servers, whose 4xx may pass."""
_COMPLAINTS = frozenset({"WARNING", "ERROR", "CRITICAL"})


class AppriseDoor:
    """One apprise address. It is read, and its service loaded, when this is made: that takes seconds the first time."""

    refreshes = False

    def __init__(self, name: str, url: SecretStr, *, attempt_s: float) -> None:
        """Read the address.

        Raises:
            SettingsError: Apprise knows no such address.
        """
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - it takes 2 s
        from apprise.common import OverflowMode, PersistentStoreMode  # noqa: PLC0415

        # It cites addresses and texts; what is to be said of a failure is told in our own words.
        logging.getLogger("apprise").propagate = False
        # Not its own pool of threads, which all receivers would share; no templates, nothing read from disk.
        asset = AppriseAsset(
            async_mode=False,
            secure_logging=True,
            allow_templates=False,
            storage_mode=PersistentStoreMode.MEMORY,
        )
        with warnings.catch_warnings():
            # The first address loads every service there is; what their libraries will lose some day is not ours.
            warnings.simplefilter("ignore", DeprecationWarning)
            service = Apprise.instantiate(url.get_secret_value(), asset=asset)
        if service is None:
            scheme = url.get_secret_value().partition("://")[0]
            msg = f"notify.receivers.{name}.url: apprise knows no such address of {scheme[:20]!r}; see its wiki"
            raise SettingsError(msg)
        service.overflow_mode = OverflowMode.TRUNCATE
        self._apprise: Apprise = Apprise(asset=asset)
        self._apprise.add(service)
        shown: str = service.url(privacy=True)  # type: ignore[no-untyped-call]
        self._shown = shown.partition("?")[0]
        self.text_max = max(TEXT_CHARS_LEAST, min(TEXT_CHARS_MAX, service.body_maxlen))
        self._attempt_s = attempt_s
        self._thread = ThreadPoolExecutor(1, f"notify-{name}")

    @property
    def shown(self) -> str:
        """Its address without secrets."""
        return self._shown

    async def deliver(self, message: Message, letter: Letter, fires: Fires) -> None:
        """Send a message.

        Raises:
            DoorError: The service did not take it.
        """
        from apprise import NotifyType  # noqa: PLC0415

        del fires  # people are told what happened
        rank = max(entry.notice.rank for entry in message.entries)
        if all(entry.notice.phase == "ended" for entry in message.entries):
            kind = NotifyType.SUCCESS
        elif rank == RANKS["critical"]:
            kind = NotifyType.FAILURE
        else:
            kind = NotifyType.WARNING if rank == RANKS["warning"] else NotifyType.INFO
        await self._send(letter, kind)

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """Do nothing: people are told once."""

    async def attempt(self, letter: Letter) -> None:
        """Send a message that only tries the receiver.

        Raises:
            DoorError: The service did not take it.
        """
        from apprise import NotifyType  # noqa: PLC0415

        await self._send(letter, NotifyType.INFO)

    async def close(self) -> None:
        """Wait for nobody."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _send(self, letter: Letter, kind: "NotifyType") -> None:
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._thread, self._notify, letter, kind)
        try:
            async with asyncio.timeout(self._attempt_s):
                result = await sending
        except TimeoutError:
            msg = f"no answer in {self._attempt_s:g} s"
            raise DoorError(msg) from None
        except Exception as error:  # noqa: BLE001 - a service's own defect; its words may hold the address
            msg = f"the service failed with {type(error).__name__}"
            raise DoorError(msg) from None
        with result:
            if not result:
                raise error_of(result)

    def _notify(self, letter: Letter, kind: "NotifyType") -> "AppriseResult":
        from apprise import NotifyFormat  # noqa: PLC0415

        return self._apprise.notify(
            title=letter.title,
            body=letter.text,
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
            interpret_escapes=False,
        )


def error_of(result: "AppriseResult") -> DoorError:
    """Return what went wrong, as far as it can be told; it is final only if every complaint is a refusal for ever."""
    complaints = [
        _STATUS.search(entry.message) for entry in result.logs() if entry.level in _COMPLAINTS
    ]
    statuses = [int(found[1]) for found in complaints if found is not None]
    if not statuses:
        return DoorError("the service did not take it")
    # Of several targets behind one address another may still be reached.
    again = [status for status in statuses if not is_refusal(status)]
    final = not again and len(statuses) == len(complaints)
    return DoorError(f"HTTP status {(again or statuses)[0]}", final=final)
