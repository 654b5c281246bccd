"""Text from elsewhere as a terminal may have it: what it would heed, or nobody would see, is shown as an escape. PURE.

`streams.serving.words.plain` cleans what is shown to readers; this is for operators, who are to see what is there.
"""

_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What shows nothing without being a control or a format character."""


def escaped(text: str, keep: str = "") -> str:
    r"""Return a text in which each character that steers, hides or is not assigned is its escape: ``\x1b``, ``\u202e``.

    ``keep`` names those that stay, as a line break where lines are wanted. Accents and marks are letters, and stay.
    """
    return "".join(c if c in keep or _is_seen(c) else _escape(c) for c in text)


def _is_seen(char: str) -> bool:
    return char.isprintable() and char not in _INVISIBLE


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
