"""What is written of an outcome."""

import json

from streams.serving.notify.notice import entry_of, of_mute_end
from streams.serving.notify.outcome import Outcome, records_of
from topics import BY_NAME, decoder_of
from topics.alert import Alert
from topics.deadletter import from_record
from topics.settings import BrokerSettings

from .alerts import NOW_MS, alert, notice

BROKER = BrokerSettings(prefix="t.", partitions=4)


def test_what_was_told_is_one_record_beside_its_alert() -> None:
    """In the partition of the alert, under receiver and alert, with the key that stands in the message."""
    told = entry_of(notice(value=b"{}"), "phone")
    outcome = Outcome(
        entry=told, receiver="phone", end="sent", at_ms=NOW_MS + 90, message_id="sent.1", attempts=1
    )
    (record,) = records_of(BROKER, outcome)
    assert (record.topic, record.partition) == ("t.notifications", 0)
    assert record.key == b"phone/price_fall/BTC/USD/1790000000000"
    read = BY_NAME["notifications"].decoder().decode(record.value or b"")
    assert (read.notification_id, read.outcome, read.step) == (told.key, "sent", "firing")
    assert read.at_ms - read.logged_ms == 90


def test_what_was_not_told_is_a_dead_letter_too_with_the_records_own_bytes() -> None:
    """Written first: an outcome never stands without it."""
    value = b'{"type":"alert"}'
    made = entry_of(notice(value=value, offset=7), "phone")
    outcome = Outcome(
        entry=made, receiver="phone", end="undeliverable", at_ms=NOW_MS, words="HTTP status 500"
    )
    letter, _ = records_of(BROKER, outcome)
    read = from_record(letter.key, letter.value or b"", letter.headers, NOW_MS)
    assert (read.reason, read.stage, read.value) == ("undeliverable", "notify", value)
    assert (read.topic, read.partition, read.offset) == ("t.alerts", 0, 7)
    assert read.letter_id == f"notify/phone/{made.key}"
    assert read.message == "phone: HTTP status 500"


def test_what_time_made_due_has_no_record_and_its_letter_is_the_alert() -> None:
    """Nothing is lost of it either."""
    made = entry_of(of_mute_end(alert(), NOW_MS), "phone")
    outcome = Outcome(entry=made, receiver="phone", end="undeliverable", at_ms=NOW_MS)
    letter, told = records_of(BROKER, outcome)
    assert decoder_of(Alert).decode(letter.value or b"") == alert()
    assert json.loads(told.value or b"")["step"] == "still_firing"
