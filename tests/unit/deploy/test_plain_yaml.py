"""The reader of compose files takes what they use, and refuses what it would misread."""

import pytest

from .plain_yaml import NotPlainError, parse

TEXT = """
# a comment
name: tape   # another
x-base: &base
  restart: "no"
  sizes: {cpus: 1.5, pids: 64, deep: {on: true}}
services:
  one:
    <<: *base
    command: [a, "b, c", --port, "8080"]
    restart: always
    list:
      - plain value
      - "quoted # value"
      - ""
    empty: {}
"""


def test_a_compose_file_is_read_as_yaml_says() -> None:
    """Merges give way to what a service says itself, wherever it says it."""
    sizes = {"cpus": 1.5, "pids": 64, "deep": {"on": True}}
    assert parse(TEXT) == {
        "name": "tape",
        "x-base": {"restart": "no", "sizes": sizes},
        "services": {
            "one": {
                "restart": "always",
                "sizes": sizes,
                "command": ["a", "b, c", "--port", "8080"],
                "list": ["plain value", "quoted # value", ""],
                "empty": {},
            }
        },
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  text",
        "a: *nobody",
        "a: 1\na: 2",
        "a: [1,\n  2]",
        "a: [1] b",
        "a: {b}",
        "a: b: c",
        'a: "b',
        "a: 1\n  b: 2",
        "a:\n",
        "- b: c",
        "a:\n  - b\n  c: d",
        "a b",
    ],
)
def test_what_is_not_plain_is_refused(text: str) -> None:
    """Rather no answer than a wrong one."""
    with pytest.raises(NotPlainError):
        parse(text)
