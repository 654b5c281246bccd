"""The source, against a GitHub of our own whose history is scripted."""

import json

import pytest

from streams.collectors.development.acts import hashed
from streams.collectors.development.github import GithubSource
from streams.collectors.development.grading import LAG_MS
from streams.collectors.development.history import HORIZON_MS
from streams.collectors.development.listing import PAGES_MAX
from tests.servers.github import Github, described
from tests.servers.web import Body, Status
from topics import GapDetected, GapFilled, GapPermanent, Heartbeat, RepositoryEvent

from .listening import NOW_MS, SALT, Clock, listening, settings_for

MINUTE, HOUR = 60_000, 3_600_000
NAME = "acme/coin"


def source_of(github: Github, clock: Clock, *names: str, **changes: object) -> GithubSource:
    return GithubSource(
        "github", settings_for(github, *(names or (NAME,)), **changes), now_ms=clock
    )


async def test_what_was_there_is_no_news_and_what_comes_is() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.commit(NOW_MS - HOUR)
        repo.thing(NOW_MS - HOUR)
        async with listening(source_of(github, clock)) as heard:
            assert heard.events == []
            at_ms = clock.forward(60)
            sha = repo.commit(at_ms, "Ann")
            pull = repo.thing(at_ms, "bob", pull=True)
            issue = repo.thing(at_ms, "cy")
            release = repo.release(at_ms, "dan")
            clock.forward(5)
            await heard.look()
            assert sorted(heard.ids) == sorted(
                [
                    f"commit/{sha}",
                    f"pull_request/100/{pull}",
                    f"issue/100/{issue}",
                    f"release/{release}",
                ]
            )
            assert heard.events[0] == RepositoryEvent(
                subject="BTC",
                source="github",
                repository=NAME,
                event_id=f"commit/{sha}",
                event_ms=at_ms,
                received_ms=clock(),
                act="commit",
                author=hashed("ann", SALT.encode()),
                grade="A",
            )
            assert heard.grades[1:] == ["C", "C", "C"]
            await heard.look()
            assert len(heard.events) == 4
            assert heard.tally(clock()) == (4, 0)
            assert (heard.marks, heard.links) == ([], ["connecting", "connected"])


async def test_a_repository_of_two_assets_is_two_events_and_one_question() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        both = {"BTC": [NAME], "ETH": [NAME]}
        async with listening(source_of(github, clock, repositories=both)) as heard:
            asked = len(github.answers)
            repo.commit(clock.forward(1))
            await heard.look()
            assert [event.subject for event in heard.events] == ["BTC", "ETH"]
            assert len(github.answers) - asked == 3


async def test_only_what_was_chosen_is_asked_for_and_sent() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        acts = ["pull_request", "review", "comment"]
        async with listening(source_of(github, clock, acts=acts)) as heard:
            at_ms = clock.forward(1)
            repo.commit(at_ms)
            repo.thing(at_ms)
            repo.thing(at_ms, pull=True)
            for _ in range(3):
                repo.reviewed(at_ms, 55)
            repo.comments.append({"id": 1, "created_at": "2026-09-21T15:33:21Z", "user": None})
            await heard.look()
            assert sorted(heard.ids) == ["comment/1", "pull_request/100/2", "review/55"]
            assert github.git.requests == []


async def test_a_squash_is_one_commit_and_a_merge_is_what_it_brings() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            at_ms = clock.forward(60)
            repo.thing(at_ms, "ann", pull=True)
            # Three commits of weeks ago, squashed: one, authored then, committed now.
            squashed = repo.commit(at_ms + 1_000, "ann", authored_ms=at_ms - 30 * 24 * HOUR)
            clock.forward(2)
            await heard.look()
            assert heard.ids == [f"commit/{squashed}", "pull_request/100/1"]
            # Merged as they are: each counts, and so does the merge.
            for n in range(2):
                repo.commit(clock() - HOUR + n, "bob")
            repo.commit(clock(), "bob", parents=2, message="Merge pull request #2")
            await heard.look()
            assert [event.act for event in heard.events].count("commit") == 4


async def test_a_force_push_sends_what_is_new_and_no_work_twice() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.commit(NOW_MS - HOUR)
        async with listening(source_of(github, clock)) as heard:
            made_ms = clock.forward(60)
            repo.commit(made_ms, "ann", message="one")
            repo.commit(made_ms, "ann", message="two")
            await heard.look()
            del repo.commits[:2]
            at_ms = clock.forward(60)
            repo.commit(at_ms, "ann", authored_ms=made_ms, message="one")
            repo.commit(at_ms, "ann", authored_ms=made_ms, message="two")
            repo.commit(at_ms, "ann", authored_ms=at_ms, message="three")
            await heard.look()
            assert len(heard.events) == 3
            assert heard.source.looker.tally.rebased == 2
            assert set(heard.grades) == {"A"}
            assert heard.marks == []


async def test_an_import_is_no_activity_and_costs_two_questions() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            asked = len(github.answers)
            for n in range(10_000):
                repo.commit(NOW_MS - HORIZON_MS - (10_000 - n) * MINUTE)
            clock.forward(60)
            await heard.look()
            assert heard.events == []
            assert heard.source.looker.tally.history == 100
            assert len(github.answers) - asked == 3
            assert heard.marks == []


async def test_dates_that_lie_are_refused_once_and_late_ones_sent() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            now_ms = clock.forward(60)
            repo.commit(now_ms - 11 * HOUR, message="late")
            repo.commit(now_ms + HOUR, message="of the future")
            repo.commit(1_000_000_000_000, message="of 2001")
            repo.commit(-1_000, message="before the epoch")
            await heard.look()
            await heard.look()
            assert len(heard.events) == 4
            assert heard.tally(clock()) == (1, 3)


async def test_a_fork_counts_its_own_work_alone() -> None:
    clock = Clock()
    async with Github(clock) as github:
        parent = github.repo("up/coin")
        fork = github.repo(NAME, parent)
        async with listening(source_of(github, clock)) as heard:
            at_ms = clock.forward(60)
            for _ in range(3):  # synchronised: the parent's work, with the parent's hashes
                parent.commit(at_ms)
            fork.commits[:0] = parent.commits
            own = fork.commit(at_ms)
            await heard.look()
            assert heard.ids == [f"commit/{own}"]
            assert heard.source.looker.tally.others == 3
            assert heard.grades == ["A"]


async def test_a_commit_in_a_fork_and_its_parent_is_one_act() -> None:
    clock = Clock()
    async with Github(clock) as github:
        one, two = github.repo("acme/one"), github.repo("acme/two")
        async with listening(source_of(github, clock, "acme/one", "acme/two")) as heard:
            one.commit(clock.forward(1))
            two.commits[:0] = one.commits
            await heard.look()
            assert len(heard.ids) == 2
            assert len(set(heard.ids)) == 1  # the fold takes it once


async def test_pages_are_read_back_to_what_matters() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        for n in range(300):
            repo.commit(NOW_MS - 30 * 24 * HOUR + n)
        async with listening(source_of(github, clock)) as heard:
            at_ms = clock.forward(60)
            shas = [repo.commit(at_ms) for _ in range(250)]
            issues = [repo.thing(at_ms) for _ in range(120)]
            await heard.look()
            assert {i for i in heard.ids if "commit" in i} == {f"commit/{sha}" for sha in shas}
            assert len([i for i in heard.ids if "issue" in i]) == len(issues)
            assert set(heard.grades) == {"A", "C"}


async def test_what_lies_beyond_the_last_page_is_a_hole_for_good_and_graded_so() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            covered_ms = heard.source._coverage.covered_ms(NAME)
            at_ms = clock.forward(60)
            for _ in range(PAGES_MAX * 100 + 1):
                repo.commit(at_ms)
            await heard.look()
            assert len(heard.events) == PAGES_MAX * 100
            assert set(heard.grades) == {"D"}
            (mark,) = heard.marks
            assert isinstance(mark, GapPermanent)
            assert (mark.subject, mark.from_ms) == ("BTC", covered_ms)
            assert "more commits than are read back" in mark.reason


async def test_git_that_knows_a_head_that_is_not_listed_is_a_hole_and_then_filled() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        async with listening(source_of(github, clock)) as heard:
            covered_ms = heard.source._coverage.covered_ms(NAME)
            at_ms = clock.forward(60)
            repo.commit(at_ms)
            repo.commit(at_ms)
            repo.hidden = 1
            await heard.look()
            assert heard.grades == ["B"]
            assert heard.source.repositories[NAME].state == "git knows a head that is not listed"
            assert heard.source._coverage.covered_ms(NAME) == covered_ms
            clock.forward(700)
            repo.commits.insert(1, repo.commits[1] | {"sha": "c" * 40})
            await heard.look()
            assert heard.grades == ["B", "D"]
            await heard.until(lambda: heard.marks != [])
            (mark,) = heard.marks
            assert isinstance(mark, GapDetected)
            assert (mark.from_ms, mark.to_ms) == (covered_ms, clock())
            repo.hidden = 0
            await heard.look()
            assert heard.grades == ["B", "D", "A"]
            assert [type(mark) for mark in heard.marks] == [GapDetected, GapFilled]
            assert heard.marks[1].from_ms == covered_ms


@pytest.mark.parametrize("late", [False, True])
async def test_git_behind_the_listing_is_no_hole(late: bool) -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.commit(NOW_MS - HOUR)
        async with listening(source_of(github, clock)) as heard:
            repo.git_behind = 1
            repo.commit(clock.forward(1))
            await heard.look()
            if late:
                clock.forward(LAG_MS / 1000 + 1)
                repo.git_behind = 2
                repo.commit(clock())
                await heard.look()
            assert heard.grades == (["B", "D"] if late else ["B"])
            assert heard.source._coverage.covered_ms(NAME) == clock()


async def test_one_witness_is_graded_as_one() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.git_status = 503
        async with listening(source_of(github, clock)) as heard:
            repo.commit(clock.forward(1))
            await heard.look()
            assert heard.grades == ["C"]
            repo.git_status = 200
            repo.commit(clock.forward(1))
            await heard.look()
            assert heard.grades == ["C", "A"]


async def test_promises_follow_the_least_covered_repository() -> None:
    clock = Clock()
    async with Github(clock) as github:
        github.repo("acme/one"), github.repo("acme/two")
        async with listening(source_of(github, clock, "acme/one", "acme/two")) as heard:
            github.repos["acme/two"].status = 500
            before_ms = clock()
            clock.forward(100)
            await heard.look()
            await heard.until(lambda: heard.through_ms is not None)
            assert heard.through_ms == before_ms - 600_000
            github.repos["acme/two"].status = 200
            await heard.look()
            await heard.until(lambda: heard.through_ms == clock() - 600_000)


async def test_after_another_process_only_what_it_may_have_missed_is_looked_for() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        old = repo.commit(NOW_MS - 14 * HOUR)
        pushed_late = repo.commit(NOW_MS - 2 * HOUR)
        missed = repo.commit(NOW_MS - MINUTE)
        source = source_of(github, clock)
        source.resume([Heartbeat(source="github", epoch=1, through_ms=NOW_MS - 700_000)])
        async with listening(source) as heard:
            assert heard.ids == [f"commit/{pushed_late}", f"commit/{missed}"]
            assert f"commit/{old}" not in heard.ids
            assert heard.marks == []


async def test_a_hole_that_another_process_told_is_filled_under_its_own_id() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo, other = github.repo(NAME), github.repo("acme/other")
        sources = [source_of(github, clock, NAME, "acme/other") for _ in range(2)]
        async with listening(sources[0]) as heard:
            repo.status = 500
            missed = repo.commit(clock.forward(100))
            for _ in range(2):
                clock.forward(400)
                await heard.look()
            await heard.until(lambda: heard.marks != [])
            log = [
                *heard.marks,
                Heartbeat(source="github", epoch=1, through_ms=heard.through_ms or 0),
            ]
            (told,) = heard.marks
        repo.status = 200
        other.commit(clock.forward(60))
        sources[1].resume(log)
        async with listening(sources[1]) as heard:
            assert f"commit/{missed}" in heard.ids
            assert len(heard.ids) == 2
            assert {mark.gap_id for mark in heard.marks} == {told.gap_id}
            assert isinstance(heard.marks[-1], GapFilled)


async def test_a_first_look_that_fails_half_way_loses_nothing_that_is_pushed_late() -> None:
    clock = Clock()
    async with Github(clock) as github:
        repo = github.repo(NAME)
        repo.commit(NOW_MS - 3 * HOUR)
        answers = [Body(json.dumps(each).encode()) for each in (described(repo), repo.commits)]
        github.api.faults.extend([*answers, Status(500)])
        async with listening(source_of(github, clock)) as heard:
            assert "500" in heard.source.repositories[NAME].state
            late = repo.commit(NOW_MS - HOUR)
            await heard.look()
            assert heard.ids == [f"commit/{late}"]
