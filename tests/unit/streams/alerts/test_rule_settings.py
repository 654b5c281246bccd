"""What is refused at start, naming the key; and what a rule says of itself."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from streams.alerts.evidence import UNITS, judgeable, proof_of
from streams.alerts.explaining import explained
from streams.alerts.headline import amount_words, number_words
from streams.alerts.rules import FAMILIES, compiled, families_of
from streams.alerts.settings import (
    CONDITIONS_MAX,
    RULES_MAX,
    SELECTED_MAX,
    AlertsSettings,
    ConditionSettings,
    RuleSettings,
)
from topics import KINDS
from topics.alert import alert_id
from topics.metrics import METRICS, SCORED

from .ruling import MARKET, condition, rule, settings

AGENTS_ID_MAX = 179
"""Of an alert's id, so that the id of its analysis fits: agents/decide/alerts.py."""

WRONG_CONDITIONS: dict[str, dict[str, Any]] = {
    "a rule reads windows only": {"kind": "analysis"},
    "market has windows of 1m, 5m, 5m by 1m, 1h": {"window": "1h", "step": "5m"},
    "market has the numbers": {"metric": "venue_volume"},
    "market has the scores of": {"metric": "trades", "of": "score"},
    "give one of the two": {"above": None},
    "above, below: give one": {"below": 1.0},
    "clear_below: at most above": {"clear_below": 51.0},
    "clear_above: it goes with below": {"clear_above": 60.0},
    "clear_below: it goes with above": {"above": None, "below": 1.0, "clear_below": 0.5},
    "clear_above: at least below": {"above": None, "below": 1.0, "clear_above": 0.5},
    "a change is of windows that tumble": {"of": "change", "window": "5m", "step": "1m"},
    "base_above: it goes with a change": {"base_above": 1.0},
    "age_s: at least 60": {"age_s": 59},
    "finite number": {"above": float("nan")},
}


@pytest.mark.parametrize("why", WRONG_CONDITIONS)
def test_a_wrong_condition_is_refused(why: str) -> None:
    """Each says why."""
    with pytest.raises(ValidationError) as refused:
        ConditionSettings.model_validate(MARKET | {"above": 50.0} | WRONG_CONDITIONS[why])
    assert why in str(refused.value)


WRONG_RULES: dict[str, dict[str, Any]] = {
    "no slot {prize}": {"headline": "{prize}"},
    "a brace without its pair": {"headline": "{value"},
    "{score} is of a condition on a score": {"headline": "{score}"},
    "{value2}: the rule has 1 conditions": {"headline": "{value2}"},
    "one line of printable text": {"headline": "two\nlines"},
    "at least 1": {"conditions": ()},
    f"at most {CONDITIONS_MAX}": {"conditions": (condition(),) * (CONDITIONS_MAX + 1)},
    f"at most {SELECTED_MAX}": {"assets": ["BTC"] * (SELECTED_MAX + 1)},
    "choose by assets": {
        "conditions": (condition(kind="social", window="5m", metric="posts"),),
        "subjects": ["BTC/USDT"],
    },
    "match pattern": {"assets": ["btc"]},
    "severity": {"severity": "loud"},
    "less than or equal to": {"for_s": 10**9},
}


@pytest.mark.parametrize("why", WRONG_RULES)
def test_a_wrong_rule_is_refused(why: str) -> None:
    """Each says why."""
    given = {"severity": "info", "headline": "x", "conditions": (condition(),)} | WRONG_RULES[why]
    with pytest.raises(ValidationError) as refused:
        RuleSettings.model_validate(given)
    assert why in str(refused.value)


def test_rules_and_their_names_are_bounded() -> None:
    """The bound itself is allowed; an id with the longest of everything fits its analysis."""
    one = settings()
    AlertsSettings(rules={f"r{n}": one for n in range(RULES_MAX)})
    with pytest.raises(ValidationError):
        AlertsSettings(rules={f"r{n}": one for n in range(RULES_MAX + 1)})
    for name in ("", "A", "1a", "a" * 41, "a-b", "a\n"):
        with pytest.raises(ValidationError):
            AlertsSettings(rules={name: one})
    assert len(alert_id("a" * 40, "S" * 74, 253_402_300_799_999, "data_gap")) <= AGENTS_ID_MAX
    with pytest.raises(ValidationError):
        AlertsSettings(defaults=False, without=("x",))


def test_the_rejected_kinds_are_all_but_those_of_windows() -> None:
    """An analysis, under either name, and nothing else has words of its own."""
    for kind in ("analysis", "analyses"):
        with pytest.raises(ValidationError, match="a rule reads windows only"):
            condition(kind=kind)


def test_every_number_of_the_catalogue_can_be_judged_with_and_without_holes() -> None:
    """A new metric must be told here what a hole does to it: else it is taken for one that holes can fake."""
    known: dict[str, set[str]] = {
        "grows": {
            *("trades", "high", "volume", "quote_volume", "taker_buy_volume", "largest_trade"),
            *("flow", "flow_samples", "posts", "bot_posts", "engagement", "distinct_posts"),
            *("unique_authors", "events", "commits", "pull_requests", "releases", "issues"),
            "bot_events",
        },
        "shrinks": {"low"},
        "seen": {"open", "close", "log_return"},
        "fakeable": {
            *("vwap", "taker_buy_ratio", "signed_volume", "realised_variance"),
            *("realised_volatility", "trade_size_p50", "trade_size_p90", "trade_size_p99"),
            *("venue_spread", "level", "concentration", "flow_change", "level_change"),
            *("tone_mean", "tone_stdev"),
        },
    }
    found: dict[str, set[str]] = {name: set() for name in known}
    for kind in KINDS:
        for metric in judgeable(kind):
            found[proof_of(kind, metric, unsure=False)].add(metric)
    assert found == known
    assert all(set(SCORED[kind]) <= set(judgeable(kind)) for kind in KINDS)
    numbers = {m.unit for m in METRICS if not isinstance(m.reference, dict | list)}
    assert numbers == UNITS


def test_doubled_events_leave_what_they_cannot_make_greater() -> None:
    """An extreme, and how many are different."""
    assert proof_of("market", "volume", unsure=True) == "fakeable"
    assert proof_of("market", "high", unsure=True) == "grows"
    assert proof_of("social", "unique_authors", unsure=True) == "grows"


def test_numbers_have_their_units() -> None:
    """The quote of prices, the asset of amounts, percent of ratios and returns."""
    assert amount_words("market", "close", 64_250.5, "BTC/USDT:USDC") == "64,250 USDT"
    assert amount_words("market", "volume", 0.12345, "BTC/USDT") == "0.123 BTC"
    assert amount_words("market", "log_return", -0.0834, "BTC/USDT") == "-8 %"
    assert amount_words("volume", "flow", 12.345, "ETH") == "12.35 ETH"
    assert amount_words("social", "posts", 12.0, "ETH") == "12"
    assert amount_words("market", "vwap", None, "BTC/USDT") == "unknown"
    assert number_words(float("inf")) == "unknown"
    assert amount_words("volume", "flow_change", 40.0, "ETH") == "4,000 %"


def test_a_rule_is_read_out_in_a_sentence() -> None:
    """With everything that it was told."""
    told = rule(
        condition(above=50, clear_below=20),
        condition(kind="social", window="5m", metric="posts", of="score", above=6),
        assets=["BTC"],
        for_s=120,
        cool_down_s=3_600,
    )
    assert explained(told) == (
        "r: warning for BTC when the market volume of 1m is above 50, until below 20 and the score of social posts"
        " of 5m is above 6 for 2m of event time, and not again within 1h; where that cannot be told for 10m,"
        " a data gap is raised (warning)."
    )


def test_what_is_judged_makes_the_digest() -> None:
    """Words, severity, receivers and selection do not; everything else does."""
    same = rule(headline="other", severity="critical", assets=["ETH"], audience=["ops"])
    assert same.digest == rule().digest
    others = [
        rule(condition(above=51)),
        rule(condition(clear_below=1)),
        rule(for_s=1),
        rule(cool_down_s=1),
        rule(data_gap_s=700),
        rule(condition(age_s=60)),
    ]
    assert len({rule().digest, *(one.digest for one in others)}) == len(others) + 1


def test_every_family_of_windows_can_be_read() -> None:
    """Spelled as in rules."""
    spelled = {
        ("market", "1m", None),
        ("market", "5m", None),
        ("market", "5m", "1m"),
        ("market", "1h", None),
        ("volume", "5m", None),
        ("volume", "1h", None),
        ("social", "5m", None),
        ("social", "1h", None),
        ("development", "1h", None),
    }
    made = compiled(
        {
            f"r{number}": settings(
                condition(kind=kind, window=window, step=step, metric=judgeable(kind)[0])  # type: ignore[arg-type]
            )
            for number, (kind, window, step) in enumerate(sorted(spelled, key=str))
        }
    )
    assert families_of(made) == FAMILIES


@pytest.mark.parametrize("of", get_args(ConditionSettings.model_fields["of"].annotation))
def test_every_way_to_judge_has_slots(of: str) -> None:
    """A headline of each is taken."""
    slots = {"value": "{value}", "score": "{score} {usual}", "change": "{change}"}[of]
    rule(condition(of=of), headline=f"{slots} {{threshold}} {{window}} {{metric}} {{rule}}")
