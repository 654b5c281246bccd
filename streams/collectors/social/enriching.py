"""What is made of a post: one event for each asset it names: PURE."""

from collections.abc import Sequence
from hashlib import blake2b

from streams.collectors.simhash import simhash
from topics import Post
from topics.units import NUMBER_MAX

from .bots import Bots
from .language import language_of
from .matching import Matcher
from .normalising import normalised
from .seen import Seen, post_id_of
from .tone import tone

AUTHOR_BYTES = 8
_KEY_BYTES = 64


class Enricher:
    """Makes posts of what one source sees. It remembers only what tells machines from people."""

    def __init__(self, source: str, *, salt: str, assets: Sequence[str] | None = None) -> None:
        """Take the source's name, the salt of authors' hashes, and the assets to look for; None: all that are known."""
        self._source = source
        # BLAKE2b takes a key of at most 64 bytes; a longer salt is not cut but digested.
        self._key = blake2b(salt.encode(errors="replace"), digest_size=_KEY_BYTES).digest()
        self._matcher = Matcher(assets)
        self._bots = Bots()

    def posts(self, seen: Seen) -> list[Post]:
        """Return a post for each asset that is named, in the order of their ids; nothing if none is."""
        text = normalised(seen.text)
        assets = self._matcher.assets_of(text)
        if not assets:
            return []
        author = self._author(seen)
        fingerprint = simhash(text)
        post_id = post_id_of(seen.post_id)
        language = language_of(text, seen.languages)
        looks = self._bots.looks_like_one(
            author=author, simhash=fingerprint, made_ms=seen.made_ms, post_id=post_id
        )
        heard = tone()
        sound = heard.of(text, language)
        return [
            Post(
                subject=asset,
                source=self._source,
                platform=seen.platform,
                post_id=post_id,
                event_ms=seen.made_ms,
                received_ms=seen.received_ms,
                author=author,
                text=text,
                language=language,
                tone=sound,
                tone_version=heard.version,
                engagement=min(max(seen.engagement, 0), NUMBER_MAX),
                simhash=fingerprint,
                bot=seen.bot or looks,
            )
            for asset in assets
        ]

    def _author(self, seen: Seen) -> str:
        """Return the hash of an author, which is another on each platform and under each salt."""
        who = f"{seen.platform}\0{seen.author_id}".encode(errors="surrogatepass")
        return blake2b(who, digest_size=AUTHOR_BYTES, key=self._key).hexdigest()
