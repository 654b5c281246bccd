"""The overview says in five seconds what is wrong, and what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.pages.pieces import wire
from streams.serving.pages.rows import overview, purse, sentence
from streams.serving.shown import Budget, Finding, Money, Summary

from .told import NOW_MS, act, hrefs, keys, shown, standing, text, texts

LEVELS = ("critical", "warning", "notice", "info")


def summary(*findings: Finding) -> Summary:
    """A summary of findings."""
    return Summary(
        state=findings[0].state if findings else "well",
        sentence="All well.",
        since_ms=None,
        action="",
        findings=findings,
        now_ms=NOW_MS,
    )


def finding(what: str, **changes: object) -> Finding:
    """A role that is gone."""
    return replace(
        Finding(
            state="broken",
            what=f"role/{what}",
            words=f"{what} has not been heard from",
            action=f"start it again: tapereader {what}",
            since_ms=NOW_MS - 60_000,
        ),
        **changes,
    )


def budget(**changes: object) -> Budget:
    """A budget with half of it left."""
    return replace(
        Budget(
            scope="default",
            state="open",
            words="",
            spent_nano_usd=500_000_000,
            reserved_nano_usd=0,
            cap_nano_usd=1_000_000_000,
            window_end_ms=NOW_MS + 3_600_000,
            to_cap_ms=None,
            since_ms=NOW_MS,
            told_ms=NOW_MS,
            stale=False,
            is_nearly_spent=False,
        ),
        **changes,
    )


def money(*budgets: Budget) -> Money:
    """What was spent under these budgets."""
    return Money(
        budgets=budgets, spent_nano_usd=5, since_ms=NOW_MS, burn_nano_usd_per_h=1_000_000_000, by={}
    )


def test_all_well_says_so_and_of_what() -> None:
    """So that nobody takes a dead page for a calm market."""
    told = sentence.sentence(summary(), [standing()], [])
    assert told.state == "well"
    assert text(told.lead).startswith("All well. 1 asset")
    assert (told.action, told.findings) == ((), ())


def test_a_view_of_nothing_is_not_well() -> None:
    """It says how to begin."""
    told = sentence.sentence(summary(), [], [])
    assert told.state == "waiting"
    assert "make demo" in text(told.action)


def test_what_is_wrong_comes_with_since_when_and_what_to_do() -> None:
    """The worst first; the others with their own remedy."""
    told = sentence.sentence(summary(finding("agent"), finding("streams")), [standing()], [])
    assert text(told.lead) == "Broken Agent has not been heard from. Since"
    assert {"is": "instant", "at_ms": NOW_MS - 60_000} in wire(told.lead)
    assert text(told.action) == "What to do: Start it again: tapereader agent."
    assert [text(line) for line in told.findings] == [
        "Broken Streams has not been heard from. Since Start it again: tapereader streams."
    ]


def test_a_finding_leads_to_the_page_that_has_more_of_it() -> None:
    """Where there is one."""
    of = ("letter", "feed", "role/agent")
    found = [replace(finding("x"), what=what) for what in of]
    told = sentence.sentence(summary(*found), [standing()], [])
    assert [piece["href"] for piece in wire(told.action) if "href" in piece] == ["/deadletters"]
    assert [wire(line)[-1].get("href") for line in told.findings] == ["/feeds", None]


def test_many_findings_are_capped_and_counted() -> None:
    """At the cap all are shown."""
    most = sentence.FINDINGS_MAX + 1
    found = [finding(f"r{i}") for i in range(most + 2)]
    assert len(sentence.sentence(summary(*found[:most]), [], []).findings) == most - 1
    told = sentence.sentence(summary(*found), [], [])
    assert text(told.findings[-1]) == "and 2 more"


@given(st.lists(st.tuples(st.sampled_from(LEVELS), st.integers(0, 3)), max_size=15))
def test_the_worst_ten_assets_are_shown_the_most_severe_first(
    given_: list[tuple[str, int]],
) -> None:
    """And of how many more is told."""
    found = [
        standing(f"A{i}", severity=level, unacknowledged=count, alerts=(shown(),) * count)
        for i, (level, count) in enumerate(given_)
    ]
    rows = overview.assets(found)
    by_asset = {one.asset: LEVELS.index(one.severity) for one in found}
    ranks = [by_asset[key] for key in keys(rows)]
    assert ranks == sorted(ranks)
    assert len(rows.rows) + rows.more == len(found)
    assert len(rows.rows) <= 10
    left_out = by_asset.keys() - set(keys(rows))
    assert all(by_asset[asset] >= max(ranks, default=0) for asset in left_out)


def test_a_row_tells_severity_headline_age_quality_alerts_and_whose_words() -> None:
    """Each in words."""
    one = standing(severity="critical", words="model", simulated=True, unacknowledged=0)
    row = overview.assets([one]).rows[0]
    assert texts(row) == [
        "Critical", "SOL", "SOL is quiet simulated model", "", "complete", "none",
    ]  # fmt: skip
    assert wire(row.cells[3])[0] == {
        "is": "age", "at_ms": NOW_MS, "stale_ms": 300_000, "clock": "market",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "simulated", "voice"),
    [
        ("rules", False, "rules"),
        ("code", False, "rules"),
        ("model", False, "model"),
        ("model", True, "simulated"),
    ],
)
def test_rules_models_and_simulated_models_look_different(
    words: str, simulated: bool, voice: str
) -> None:
    """By a word each, not by colour alone."""
    row = overview.assets([standing(words=words, simulated=simulated)]).rows[0]
    found = [piece for piece in wire(row.cells[2]) if piece["is"] == "voice"]
    assert [(piece["whose"], bool(piece["word"])) for piece in found] == [(voice, True)]


def test_the_headline_leads_to_what_said_it() -> None:
    """To the worst alert while one asks, else to the analysis that holds."""
    calm = overview.assets([standing()]).rows[0]
    assert hrefs(calm) == ["/assets/SOL", "/analyses/state/SOL/1/0"]
    asking = overview.assets([standing(unacknowledged=1, alerts=(shown(),))]).rows[0]
    assert hrefs(asking)[1].startswith("/alerts/price.drop/SOL/USDT/")


def test_an_asset_without_data_says_so() -> None:
    """It has no age."""
    row = overview.assets([standing(data_end_ms=None, stale=True, quality="none")]).rows[0]
    assert texts(row)[3:5] == ["no data", "no data"]
    assert row.tone == "quiet"


@pytest.mark.parametrize(
    ("firing", "unseen", "said"),
    [(0, 0, "none"), (2, 2, "2 unseen"), (3, 1, "1 of 3 unseen"), (2, 0, "2 seen")],
)
def test_alerts_of_an_asset_are_counted_in_words(firing: int, unseen: int, said: str) -> None:
    """Those nobody has seen above all."""
    one = standing(alerts=(shown(),) * firing, unacknowledged=unseen)
    assert texts(overview.assets([one]).rows[0])[5] == said


def test_each_alert_that_asks_has_its_button() -> None:
    """Which names the alert, not the row."""
    rows = overview.asking([shown(1), shown(2, severity="critical"), shown(3)])
    assert [texts(row)[0] for row in rows.rows] == ["Critical", "Warning", "Warning"]
    assert [wire(row.cells[-1])[0]["key"] for row in rows.rows] == keys(rows)
    assert keys(rows)[1] == shown(3).alert.alert_id


def test_without_a_budget_money_says_why() -> None:
    """Rules are free."""
    lines = [text(line) for line in purse.purse(money())]
    assert lines[0] == "Nothing spent: no analysis yet."
    assert "No budget is told" in lines[1]


@pytest.mark.parametrize(
    ("changes", "said", "tone"),
    [
        ({}, "50% cap not reached in this window", ""),
        ({"to_cap_ms": 60_000}, "50% cap at this rate", ""),
        (
            {"spent_nano_usd": 850_000_000, "is_nearly_spent": True},
            "85% cap not reached in this window",
            "doubt",
        ),
        ({"spent_nano_usd": 990_000_000, "to_cap_ms": 0}, "99% cap reached: rules answer", "bad"),
        ({"reserved_nano_usd": 350_000_000}, "85% cap not reached in this window", ""),
        ({"stale": True}, "50% not told since", ""),
        ({"state": "closed"}, "50% cap not reached in this window", "bad"),
    ],
)
def test_money_tells_spent_cap_and_time_to_cap(
    changes: dict[str, object], said: str, tone: str
) -> None:
    """Reserved counts as spent, for it may be."""
    lines = purse.budget_lines(budget(**changes))
    assert text(lines[1]) == said
    assert wire(lines[1])[0].get("tone", "") == tone


def test_a_budget_that_tells_no_cap_has_no_bar() -> None:
    """And none is made up."""
    lines = purse.budget_lines(budget(cap_nano_usd=None))
    assert [text(line) for line in lines] == [
        "default 0.5 USD", "cap not reached in this window",
    ]  # fmt: skip


def test_an_acknowledged_alert_asks_no_more() -> None:
    """The view says so, and the page follows."""
    assert not shown(seen=act()).asks
