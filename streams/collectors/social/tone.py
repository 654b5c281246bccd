"""How a text sounds, from -1 to 1: VADER (Hutto and Gilbert 2014) with the words of crypto: PURE.

VADER's rules and lexicon are of English. In another language only what is known everywhere counts: the words of
`lexicon.tsv`, emoji and emoticons, without their negation. Cashtags, hashtags, handles and links have no tone.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files

DIGITS = 3
"""Of a tone. More would say nothing."""
ENGLISH = frozenset({"en", "und"})
WORDS_MAX = 250
"""Of a text that are heard. VADER looks at each word several times, and at all of them after a `but`."""
_NO_WORDS = re.compile(r"https?://\S+|[@#$][^\W\d]\w*|&\w+;")
_LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019_][^\W\d_]+)*")


class Tone:
    """The lexicon, read once."""

    def __init__(self) -> None:
        """Read VADER's lexicon and ours, which goes before it."""
        from vaderSentiment.vaderSentiment import (  # noqa: PLC0415 - reads 500 kB, which only social sources need
            SentimentIntensityAnalyzer,
        )

        self._vader = SentimentIntensityAnalyzer()
        text = files(__package__).joinpath("lexicon.tsv").read_text("utf-8")
        own = {
            word: float(valence)
            for word, valence in (
                line.split("\t")[:2]
                for line in text.splitlines()
                if line and not line.startswith("#")
            )
        }
        phrases = sorted((word for word in own if " " in word), key=len, reverse=True)
        self._phrases = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE
        )
        self._own = {word.replace(" ", "_"): valence for word, valence in own.items()}
        self._vader.lexicon.update(self._own)
        contents = (
            self._vader.lexicon_full_filepath + "\0" + self._vader.emoji_full_filepath + "\0" + text
        )
        digest = blake2b(contents.encode(), digest_size=4).hexdigest()
        self.version = f"vader-{version('vaderSentiment')}-crypto-{digest}"
        """It changes with every word of the lexicons."""

    def of(self, text: str, language: str) -> float:
        """Return the tone of a text that is normalised."""
        heard = _NO_WORDS.sub(" ", text).replace("\u2019", "'")
        heard = self._phrases.sub(lambda found: found[0].replace(" ", "_"), heard)
        if language not in ENGLISH:
            heard = _LETTERS.sub(self._if_own, heard)
        heard = " ".join(heard.split()[:WORDS_MAX])
        return float(round(self._vader.polarity_scores(heard)["compound"], DIGITS))

    def _if_own(self, found: re.Match[str]) -> str:
        return found[0] if found[0].lower() in self._own else " "


@lru_cache(maxsize=1)
def tone() -> Tone:
    """Return the one tone of this process."""
    return Tone()
