"""The posts of the last minutes, by asset, within bounds. PURE.

Bots are left out, and of an author only the latest post of an asset is kept: who posts much takes one place. Where all
places of an asset are taken, the oldest post goes; where all of the assets' are, the asset goes that is silent the longest.
A post that was taken back goes at once, and does not come in again when it is told a second time.
"""

from collections import OrderedDict
from hashlib import blake2b
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from topics import Post

DELETED_MAX = 10_000
"""Posts that were taken back and are remembered, by digests of their ids; of more the last ones."""

Fate = Literal[
    "kept", "bot", "stale", "deleted", "cut", "replaced", "pushed_out", "asset_pushed_out"
]
"""What becomes of a post, or of others by it: kept; left out as a bot's, as one of long ago or as one that was taken back; kept, but not all of its
text; in the place of its author's last one; in the place of the asset's oldest; and a post that went with its asset."""


class _Kept(Struct, frozen=True):
    post: Post
    logged_ms: int


class RecentPosts:
    """What an asset's question about posts is chosen from."""

    def __init__(self, *, window_ms: int, posts_max: int, chars_max: int, assets_max: int) -> None:
        """Begin with none; keep what was logged in the last ``window_ms``."""
        self._window_ms, self._posts_max = window_ms, posts_max
        self._chars_max, self._assets_max = chars_max, assets_max
        self._assets: dict[str, dict[str, _Kept]] = {}
        """By asset, then author; what was told last is last in both."""
        self._deleted: OrderedDict[bytes, None] = OrderedDict()

    @property
    def assets(self) -> int:
        """How many assets there are posts of."""
        return len(self._assets)

    @property
    def posts(self) -> int:
        """How many posts there are."""
        return sum(map(len, self._assets.values()))

    def take(self, post: Post, logged_ms: int, now_ms: int) -> list[Fate]:
        """Take a post that was logged at a time, and say what became of it and of others by it."""
        if post.bot:
            return ["bot"]
        if logged_ms <= now_ms - self._window_ms:
            return ["stale"]
        if _digest(post.subject, post.platform, post.post_id) in self._deleted:
            return ["deleted"]
        fates: list[Fate] = ["kept"]
        if len(post.text) > self._chars_max:
            post = replace(post, text=post.text[: self._chars_max])
            fates.append("cut")
        of_asset = self._assets.pop(post.subject, {})
        if of_asset.pop(post.author, None) is not None:
            fates.append("replaced")
        elif len(of_asset) >= self._posts_max:
            del of_asset[next(iter(of_asset))]
            fates.append("pushed_out")
        of_asset[post.author] = _Kept(post, logged_ms)
        if len(self._assets) >= self._assets_max:
            gone = self._assets.pop(next(iter(self._assets)))
            fates += ["asset_pushed_out"] * len(gone)
        self._assets[post.subject] = of_asset
        return fates

    def delete(self, asset: str, platform: str, post_id: str) -> bool:
        """Let go of a post that was taken back, and return whether its text was here."""
        self._deleted[_digest(asset, platform, post_id)] = None
        if len(self._deleted) > DELETED_MAX:
            self._deleted.popitem(last=False)
        of_asset = self._assets.get(asset, {})
        for author, kept in of_asset.items():
            if (kept.post.platform, kept.post.post_id) == (platform, post_id):
                del of_asset[author]
                if not of_asset:
                    del self._assets[asset]
                return True
        return False

    def forget(self, now_ms: int) -> None:
        """Let go of what was logged too long ago."""
        since_ms = now_ms - self._window_ms
        for asset, of_asset in list(self._assets.items()):
            # Those behind the first that stays were told later.
            while of_asset and of_asset[first := next(iter(of_asset))].logged_ms <= since_ms:
                del of_asset[first]
            if not of_asset:
                del self._assets[asset]

    def about(self, asset: str, as_of_ms: int) -> list[Post]:
        """Return an asset's posts of the window before a time, by when their platforms say they were made.

        Of a candidate of an hour ago, which a worker that catches up answers, those of now say nothing.
        """
        kept = self._assets.get(asset, {}).values()
        since_ms = as_of_ms - self._window_ms
        return [one.post for one in kept if since_ms <= one.post.event_ms < as_of_ms]


def _digest(*named: str) -> bytes:
    return blake2b("|".join(named).encode(errors="replace"), digest_size=8).digest()
