"""Receivers that are an Alertmanager: alerts that fire and are resolved, by its own API.

It is told states, not messages. An alert that is not told again ends by itself when its `endsAt` is past; so what
fires is told again every `refresh_s`, as Prometheus does, with an end five such spans ahead. Of several that form a
cluster each is a receiver of its own: they tell one another what was sent, not what fires.
"""

from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import orjson
from pydantic import SecretStr
from yarl import URL

from topics import Alert
from topics.envelope import rfc3339

from .door import DoorError, Fires, asked_wait_s, is_refusal
from .lane import Message
from .notice import Notice, key_of, of_alert, thread_of
from .wording import (
    ANALYSIS_CHARS_MAX,
    HEADLINE_CHARS_MAX,
    TEXT_CHARS_MAX,
    Letter,
    link_to,
    neutral,
    text_of,
)

ENDS_AFTER = 5
"""Spans between refreshes without a word, until it takes an alert for resolved."""
ALERTS_MAX = 250
"""Of one request."""
_OK_MAX = 299
_REDIRECTS = range(300, 400)
_TRIAL_MS = 60_000

Json = dict[str, Any]


class Wording:
    """Alerts as this API takes them. PURE."""

    def __init__(self, receiver: str, dashboard: str, refresh_s: float) -> None:
        """Take what all of them share."""
        self._receiver, self._dashboard = receiver, dashboard
        self._stays_ms = int(refresh_s * 1000 * ENDS_AFTER)

    def of_notice(self, notice: Notice, key: str, now_ms: int, *, fires: bool) -> Json:
        """Return the alert of a notice, as it stands now."""
        told = self._alert(notice.alert, now_ms, fires=fires)
        told["annotations"] |= {"description": text_of(notice), "dedupe_key": key}
        if notice.analysis is not None:
            told["annotations"] |= {
                "analysis": neutral(notice.analysis.headline, HEADLINE_CHARS_MAX),
                "analysis_text": neutral(notice.analysis.text, ANALYSIS_CHARS_MAX),
            }
        return told

    def of_firing(self, alert: Alert, now_ms: int) -> Json:
        """Return an alert that fires still."""
        notice = of_alert(alert, logged_ms=now_ms)
        return self.of_notice(notice, key_of(notice, self._receiver), now_ms, fires=True)

    def _alert(self, alert: Alert, now_ms: int, *, fires: bool) -> Json:
        # The same labels from the first firing to the end: by them it knows the alert again.
        ends_ms = (
            now_ms + self._stays_ms if fires else max(alert.since_ms, min(alert.as_of_ms, now_ms))
        )
        told: Json = {
            "labels": {
                "alertname": neutral(alert.rule, 64),
                "asset": alert.asset,
                "subject": neutral(alert.subject, 80),
                "severity": alert.severity,
                "kind": alert.kind,
                "service": "tapereader",
                "alert_key": thread_of(alert.alert_id, self._receiver),
            },
            "annotations": {"summary": neutral(alert.headline, HEADLINE_CHARS_MAX)},
            "startsAt": rfc3339(alert.since_ms),
            "endsAt": rfc3339(ends_ms),
        }
        if link := link_to(alert.alert_id, self._dashboard):
            told["generatorURL"] = link
        return told


class AlertmanagerDoor:
    """One Alertmanager."""

    refreshes = True
    text_max = TEXT_CHARS_MAX

    def __init__(
        self,
        url: SecretStr,
        *,
        attempt_s: float,
        wording: Wording,
        now_ms: Callable[[], int],
    ) -> None:
        """Prepare; nothing is connected."""
        whole = URL(url.get_secret_value())
        self._url = whole / "api/v2/alerts"
        self._shown = str(whole.with_user(None).with_query(None))
        self._wording = wording
        self._now_ms = now_ms
        self._timeout = aiohttp.ClientTimeout(total=attempt_s)
        self._session: aiohttp.ClientSession | None = None
        self._explained: dict[str, Json] = {}
        """Annotations of alerts that fire and were explained: what it is told last takes the place of all before."""

    @property
    def shown(self) -> str:
        """Its address without secrets."""
        return self._shown

    async def deliver(self, message: Message, letter: Letter, fires: Fires) -> None:
        """Tell the alerts of a message.

        Raises:
            DoorError: It did not take them.
        """
        del letter  # its own words are made of each alert
        now_ms = self._now_ms()
        # Of one alert the last step counts: it is told a state.
        told = {
            entry.notice.alert.alert_id: self._wording.of_notice(
                entry.notice, entry.key, now_ms, fires=fires(entry.notice.alert)
            )
            for entry in message.entries
        }
        for notice in (entry.notice for entry in message.entries):
            alert_id = notice.alert.alert_id
            if notice.analysis is not None and fires(notice.alert):
                self._explained[alert_id] = told[alert_id]["annotations"]
        await self._post_all(list(told.values()))

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """Tell again what fires.

        Raises:
            DoorError: It did not take it.
        """
        now_ms = self._now_ms()
        firing = {alert.alert_id: self._wording.of_firing(alert, now_ms) for alert in alerts}
        self._explained = {name: kept for name, kept in self._explained.items() if name in firing}
        for alert_id, annotations in self._explained.items():
            firing[alert_id]["annotations"] = annotations
        await self._post_all(list(firing.values()))

    async def attempt(self, letter: Letter) -> None:
        """Tell an alert that says it is a test, and ends in a minute.

        Raises:
            DoorError: It did not take it.
        """
        now_ms = self._now_ms()
        await self._post_all(
            [
                {
                    "labels": {
                        "alertname": "tapereader_test",
                        "severity": "info",
                        "service": "tapereader",
                    },
                    "annotations": {"summary": letter.title, "description": letter.text},
                    "startsAt": rfc3339(now_ms),
                    "endsAt": rfc3339(now_ms + _TRIAL_MS),
                }
            ]
        )

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    async def _post_all(self, alerts: Sequence[Json]) -> None:
        for first in range(0, len(alerts), ALERTS_MAX):
            await self._post(orjson.dumps(alerts[first : first + ALERTS_MAX]))

    async def _post(self, body: bytes) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as reply:
                if reply.status <= _OK_MAX:
                    return
                status = reply.status
                wait_s = asked_wait_s(reply.headers.get("Retry-After"), self._now_ms())
        except TimeoutError:
            msg = f"no answer in {self._timeout.total:g} s"
            raise DoorError(msg) from None
        except (aiohttp.ClientError, OSError) as error:
            msg = f"no answer ({type(error).__name__})"
            raise DoorError(msg) from None
        msg = f"HTTP status {status}"
        # A redirect is not followed, with our password: the address in the settings is wrong.
        final = is_refusal(status) or status in _REDIRECTS
        raise DoorError(msg, retry_after_s=wait_s, final=final)
