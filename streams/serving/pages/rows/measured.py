"""What an alert was judged by: its measures in their units, and the windows they are of. PURE."""

from streams.serving.pages import links
from streams.serving.pages.pieces import Amount, Column, Instant, Line, Row, Rows, Words, capped
from topics import KINDS, Alert

from .naming import named
from .quantities import measure, window_words, z_text

VALUES_MAX, WINDOWS_MAX = 20, 20

VALUE_COLUMNS = (
    Column("Measure", main=True),
    Column("Window"),
    Column("Value", numeric=True),
    Column("How unusual (z)", numeric=True),
)
WINDOW_COLUMNS = (
    Column("Window", main=True),
    Column("Length"),
    Column("Began"),
    Column("Edition"),
    Column("Raw events"),
)


def values(alert: Alert) -> Rows:
    """Return the measures that a rule was judged by: `kind.metric.window`, and its score under the same name with `.z`."""
    names = sorted({name.removesuffix(".z") for name in alert.values})
    rows = [_value(alert, name) for name in names[:VALUES_MAX]]
    return capped(rows, VALUES_MAX, "The rule told no measures.", total=len(names))


def _value(alert: Alert, name: str) -> Row:
    kind, _, rest = name.partition(".")
    metric, _, window = rest.rpartition(".")
    of = next((known for known in KINDS if known == kind), None)
    value, z = alert.values.get(name), alert.values.get(f"{name}.z")
    score: Line = (Amount(z_text(z)),) if z is not None else (Words("not judged", tone="quiet"),)
    if of is None or not metric:  # of a version that names them otherwise
        told: Line = (Words(name),)
        number: Line = () if value is None else (Amount(f"{value:,.6g}"),)
        return Row(name, (told, (), number, score))
    found = measure(of, metric, alert.subject)
    return Row(
        name,
        (
            (Words(found.label, hint=found.formula),),
            (Words(window, tone="quiet"),),
            (Amount(found.digits(value), found.unit if value is not None else ""),),
            score,
        ),
    )


def windows(alert: Alert) -> Rows:
    """Return the windows behind an alert, each a link to it and to the raw events of its time."""
    rows = [_window(name) for name in alert.aggregate_ids[:WINDOWS_MAX]]
    return capped(rows, WINDOWS_MAX, "It rests on no window.", total=len(alert.aggregate_ids))


def _window(aggregate_id: str) -> Row:
    found = named(aggregate_id)
    href = links.aggregate(aggregate_id)
    if found is None:
        return Row(aggregate_id, ((Words(aggregate_id, href=href),), (), (), (), ()))
    end_ms = found.start_ms + found.window_ms
    return Row(
        aggregate_id,
        (
            (Words(f"{found.kind} of {found.subject}", href=href, hint=aggregate_id),),
            (Words(window_words(found.window_ms)),),
            (Instant(found.start_ms),),
            (Words(found.edition, tone="" if found.revision else "quiet"),),
            (Words("show", href=links.raw(found.kind, found.subject, found.start_ms, end_ms)),),
        ),
    )
