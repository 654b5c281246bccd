"""Which assets a text names: PURE.

One pass parts the text into words; names, phrases and tickers are looked up by them, so that the time does not grow with
the number of assets. Then each mention is weighed: a cashtag, a pair or a name that means nothing else is sure, a
word that is a ticker too needs words of crypto about it. What is inside a phrase of the table's `not` is no mention.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from .folding import folded
from .names import AssetNames, Words, any_of, as_words, is_unspaced, name_table, words_of
from .normalising import normalised

Kind = Literal["cash", "hash", "pair", "name", "loose", "ticker"]
BESIDE = 4
"""Words that a word of the market may be away from what it speaks of."""
BESIDE_SMALL = 1
"""The same for a ticker in small letters, which is more often a word."""
SHOUTED_WORDS_MIN, SHOUTED_SHARE = 4, 0.7
"""With so many words, and so many of them in capitals, capitals do not tell a ticker from a word."""
QUOTES = frozenset(
    {
        "usdt",
        "usdc",
        "usd",
        "eur",
        "gbp",
        "jpy",
        "krw",
        "btc",
        "eth",
        "perp",
        "busd",
        "fdusd",
        "try",
    }
)
"""What stands behind an asset in a pair."""
GLUED_CHARS_MIN = 3
"""Of a base that is written as one word with its quote: SUSD and SETH are no pairs of S."""
PAIRED = ("/", "-", "_")
_NO_WORDS = re.compile(r"https?://\S*|www\.\S+|\S+@\S+|(?<!\w)@\w[\w.]*", re.IGNORECASE)
"""Links, mails and handles name nothing."""


class _Mention(NamedTuple):
    kind: Kind
    asset: str
    at: int
    upto: int


class _Text(NamedTuple):
    """A text as it is looked at."""

    text: str
    marks: list[str]
    words: list[str]
    """In small letters, without marks."""
    capitals: list[bool]
    spans: list[tuple[int, int]]


class _Entry(Struct):
    """What begins with a word."""

    assets: list[tuple[Words, Kind, str]] = []
    nots: list[tuple[Words, str]] = []

    def mentions(self, words: list[str], at: int) -> Iterator[_Mention]:
        """Yield the names that stand there."""
        for name, kind, asset in self.assets:
            if _stands(name, words, at):
                yield _Mention(kind, asset, at, at + len(name))

    def excused(self, words: list[str], at: int) -> Iterator[tuple[str, int]]:
        """Yield the places of the phrases that stand there, with the asset that is not meant."""
        for phrase, asset in self.nots:
            if _stands(phrase, words, at):
                yield from ((asset, part) for part in range(at, at + len(phrase)))


class Matcher:
    """Looks for assets; immutable once made."""

    def __init__(self, assets: Sequence[str] | None = None) -> None:
        """Take the assets to look for. One that the table does not know counts as a cashtag or in a pair; None: all it knows."""
        table = name_table()
        self._known: dict[str, AssetNames] = dict(table.assets)
        for asset in assets or ():
            self._known.setdefault(asset, AssetNames(ticker="tag"))
        self._wanted = frozenset(self._known if assets is None else assets)
        self._tickers = {asset.lower(): asset for asset in self._known}
        self._pairs = {
            f"{ticker}{quote}": asset
            for ticker, asset in self._tickers.items()
            for quote in QUOTES
            if len(ticker) >= GLUED_CHARS_MIN
        }
        self._by_word: dict[str, _Entry] = {}
        self._unspaced: dict[str, str] = {}
        for asset, said in self._known.items():
            self._enter(asset, said)
        self._unspaced_names = any_of(self._unspaced)
        self._begins = frozenset().union(self._tickers, self._pairs, self._by_word)
        """Words without which no asset is named, but in scripts without spaces."""
        words = table.words
        self._crypto, self._market = (
            frozenset(words.crypto.split()),
            frozenset(words.market.split()),
        )
        self._shares = frozenset(words.share.split())
        self._crypto_unspaced = any_of(words.crypto_unspaced.split())
        self._market_unspaced = any_of(words.market_unspaced.split())

    def assets_of(self, text: str) -> tuple[str, ...]:
        """Return the assets that a normalised text names, in order."""
        shown = _NO_WORDS.sub(" ", folded(text))
        found = list(words_of(shown))
        unspaced = () if shown.isascii() else self._unspaced_names.findall(shown)
        if not unspaced and self._begins.isdisjoint(one[0].lstrip("$#").lower() for one in found):
            return ()
        seen = _looked_at(shown, found)
        mentions = self._mentions(seen)
        sure = {self._unspaced[name] for name in unspaced}
        crypto = self._is_crypto(seen)
        sure |= {m.asset for m in mentions if self._is_sure(m, seen, crypto=crypto)}
        shouted = _is_shouted(seen)
        named = sure | {
            m.asset
            for m in mentions
            if m.asset not in sure
            and self._is_meant(m, seen, about=crypto or bool(sure), shouted=shouted)
        }
        return tuple(sorted(named & self._wanted))

    def _enter(self, asset: str, said: AssetNames) -> None:
        kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (
            ("name", said.names),
            ("loose", said.loose),
        )
        for kind, names in kinds:
            for name in names:
                if is_unspaced(name):
                    self._unspaced[folded(normalised(name))] = asset
                else:
                    words = as_words(name)
                    self._entry(words[0]).assets.append((words, kind, asset))
        for phrase in said.not_:
            words = as_words(phrase)
            self._entry(words[0]).nots.append((words, asset))

    def _entry(self, word: str) -> _Entry:
        return self._by_word.setdefault(word, _Entry())

    def _mentions(self, seen: _Text) -> list[_Mention]:
        """Return what may name an asset and is no part of a phrase that does not."""
        found: list[_Mention] = []
        excused: set[tuple[str, int]] = set()
        for at, word in enumerate(seen.words):
            found += self._tagged(seen, at)
            entry = self._by_word.get(word)
            if entry is not None:
                found += entry.mentions(seen.words, at)
                excused.update(entry.excused(seen.words, at))
        return [
            mention
            for mention in found
            if mention.kind in ("cash", "pair") or (mention.asset, mention.at) not in excused
        ]

    def _tagged(self, seen: _Text, at: int) -> Iterator[_Mention]:
        """Yield what a word is as a ticker: with a mark, in a pair, or bare."""
        word, mark = seen.words[at], seen.marks[at]
        asset = self._tickers.get(word)
        if asset is not None:
            kind: Kind = "cash" if mark == "$" else "hash" if mark == "#" else "ticker"
            if self._ends_pair(seen, at):
                return  # what a price is in is not what is spoken of
            yield _Mention("pair" if self._ends_pair(seen, at + 1) else kind, asset, at, at + 1)
            return
        base = self._pairs.get(word)
        if base is not None and (mark or seen.capitals[at]):
            yield _Mention("pair", base, at, at + 1)

    def _ends_pair(self, seen: _Text, at: int) -> bool:
        """Return whether a word is the quote of a pair, as in BTC/USDT, of which the word before it is the base."""
        if not 0 < at < len(seen.words) or seen.words[at] not in QUOTES:
            return False
        between = seen.text[seen.spans[at - 1][1] : seen.spans[at][0]]
        return between in PAIRED and seen.capitals[at] and seen.words[at - 1] in self._tickers

    def _is_crypto(self, seen: _Text) -> bool:
        if not self._crypto.isdisjoint(seen.words):
            return True
        return not seen.text.isascii() and bool(self._crypto_unspaced.search(seen.text))

    def _is_sure(self, mention: _Mention, seen: _Text, *, crypto: bool) -> bool:
        said = self._known[mention.asset]
        match mention.kind:
            case "name" | "pair":
                return True
            case "cash":
                shares = said.share and not crypto
                return not (shares and not self._shares.union(said.share).isdisjoint(seen.words))
            case "hash" | "ticker":
                return said.ticker == "sure"
            case _:
                return False

    def _is_meant(self, mention: _Mention, seen: _Text, *, about: bool, shouted: bool) -> bool:
        """Return whether a mention that is not sure is one, for the words about it."""
        ticker = self._known[mention.asset].ticker
        match mention.kind:
            case "hash":
                return about or self._market_near(mention, seen, len(seen.words))
            case "loose":
                return about or self._market_near(mention, seen, BESIDE)
            case "ticker" if ticker in ("context", "caps"):
                if seen.capitals[mention.at] and not shouted:
                    return about or self._market_near(mention, seen, BESIDE)
                return ticker == "context" and self._market_near(mention, seen, BESIDE_SMALL)
            case _:
                return False

    def _market_near(self, mention: _Mention, seen: _Text, most: int) -> bool:
        """Return whether a word of the market, or an amount, stands so few words before or behind."""
        before = seen.words[max(0, mention.at - most) : mention.at]
        behind = seen.words[mention.upto : mention.upto + most]
        if not self._market.isdisjoint(before) or not self._market.isdisjoint(behind):
            return True
        return not seen.text.isascii() and bool(self._market_unspaced.search(seen.text))


def _looked_at(shown: str, words: list[re.Match[str]]) -> _Text:
    seen = _Text(shown, [], [], [], [])
    for found in words:
        whole = found[0]
        mark = whole[0] if whole[0] in "$#" else ""
        word = whole[len(mark) :]
        seen.marks.append(mark)
        seen.words.append(word.lower())
        seen.capitals.append(word.isupper())
        seen.spans.append(found.span())
    return seen


def _stands(phrase: Words, words: list[str], at: int) -> bool:
    return len(phrase) == 1 or tuple(words[at : at + len(phrase)]) == phrase


def _is_shouted(seen: _Text) -> bool:
    letters = [
        capital for capital, word in zip(seen.capitals, seen.words, strict=True) if word.isalpha()
    ]
    return len(letters) >= SHOUTED_WORDS_MIN and sum(letters) >= SHOUTED_SHARE * len(letters)
