"""Words that several pages say in the same way: whose they are, how good data are, what a state is. PURE."""

from streams.serving.pages import links
from streams.serving.pages.pieces import Line, Mark, Voice, Words, severity
from streams.serving.shown import AlertShown
from topics import Analysis, Severity

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "notice", "info")
"""The worst first."""
DATA_STALE_MS = 300_000
"""Age of data, in the market's time, from which they are no news."""
_QUALITY = {
    "complete": ("complete", "quiet"),
    "holed": ("holed", "doubt"),
    "unverifiable": ("unverifiable", "quiet"),
    "none": ("no data", "quiet"),
}


def rank(level: Severity) -> int:
    """Return where a severity stands, 0 the worst."""
    return SEVERITIES.index(level)


def voice(whose: str, *, simulated: bool = False) -> Voice:
    """Return whose words something is in; `code` is a rule's template, which is the rules' too."""
    if whose != "model":
        return Voice("rules", "rules", "written by rules, from numbers alone")
    if simulated:
        return Voice(
            "simulated", "simulated model", "a simulated model's words: for trying out, no analysis"
        )
    return Voice(
        "model", "model", "a language model's words; every number in them was filled in by code"
    )


def voice_of(analysis: Analysis) -> Voice:
    """Return whose words an analysis is in."""
    made_by = "rules" if analysis.origin == "rules" else "model"
    return voice(made_by, simulated=analysis.simulated)


def quality(state: str, hint: str = "") -> Words:
    """Return how good data are, in words."""
    if state == "unverifiable":
        hint = f"some venue cannot prove that nothing is missing; {hint}".removesuffix("; ")
    text, tone = _QUALITY.get(state, (state, "quiet"))
    return Words(text, tone=tone, hint=hint)  # type: ignore[arg-type]


def asset_link(name: str) -> Words:
    """Return an asset as a link to its page."""
    return Words(name, href=links.asset(name), tone="strong")


def alert_link(shown: AlertShown) -> Words:
    """Return an alert's headline as a link to its page."""
    return Words(shown.alert.headline, href=links.alert(shown.alert.alert_id))


def degraded(shown: AlertShown) -> Line:
    """Return that data were missing when an alert was judged, where they were."""
    if not shown.alert.degraded:
        return ()
    return (Words("data missing", tone="doubt", hint=", ".join(shown.alert.missing)),)


def alert_state(shown: AlertShown) -> Mark:
    """Return how an alert stands: how severe it is, or that it is over."""
    if shown.fires:
        return severity(shown.alert.severity)
    # A newer firing of its rule may have come before its own end did.
    return Mark("info", "Retracted" if shown.alert.state == "retracted" else "Cleared")
