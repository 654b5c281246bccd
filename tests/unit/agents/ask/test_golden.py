"""Whole requests as they were written down, and the ledger of the versions of their prompts."""

import itertools

import pytest

from agents.ask.prompt import item_key, prompt_of, version
from agents.ask.versions import texts, version_of, versions, versions_of

from .golden import CASES, FOLDER, HOW, MODEL, user_of, written


@pytest.mark.parametrize("name", CASES)
def test_a_request_is_as_it_was_written_down(name: str) -> None:
    """To the byte: system prompt, message, version and key. Every change of them is meant, and seen in a difference."""
    made, tokens_max = CASES[name]
    prompt = prompt_of(made, MODEL, tokens_max)
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert text == written(prompt), HOW
    assert user_of(text) == prompt.user


def test_every_file_is_of_a_case() -> None:
    """What nobody compares is not kept."""
    assert {path.stem for path in FOLDER.iterdir()} == set(CASES)


@pytest.mark.parametrize("prompt", texts())
def test_the_version_in_use_is_the_last_of_its_ledger(prompt: str) -> None:
    """A text that was changed without a line of why is not used: the tries behind a score would not be counted."""
    now = version_of(prompt, texts()[prompt])
    tried = [one.name for one in versions_of(prompt)]
    assert tried[-1:] == [now], f"add {now} to agents/ask/prompts/versions.toml"


def test_the_ledger_is_in_order() -> None:
    """Each version once, of a prompt that there is, with why, none before an older one."""
    names = [one.name for one in versions()]
    assert len(names) == len(set(names)) >= 5
    assert {name.rpartition("-")[0] for name in names} <= set(texts())
    for earlier, later in itertools.pairwise(versions()):
        assert earlier.since <= later.since
    assert all(one.why.strip() for one in versions())


def test_another_template_is_another_version_and_another_question() -> None:
    """One letter more, and neither an answer of before nor a breaker's count is taken for the new one's."""
    text = texts()["deep_dive"]
    changed = version_of("deep_dive", text + " ")
    assert changed != version_of("deep_dive", text) == version()
    keys = {item_key("deep_dive", "{}", used, "s", MODEL) for used in (version(), changed)}
    assert len(keys) == 2
