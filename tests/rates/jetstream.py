"""How many posts of Bluesky's stream one core reads: `python -m tests.rates.jetstream`.

Frames are of the sizes and shapes of real ones, one of two hundred naming an asset, as on the network (some say less).
First what a frame costs by itself, then the same out of a local server's socket, in one process with the server.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing
from random import Random

from pydantic import SecretStr

from streams.collectors.social.jetstream import Jetstream, JetstreamSettings
from streams.collectors.social.jetstream_posts import JetstreamPosts
from tests.servers.jetstream import JetstreamServer
from topics import Heartbeat, Post

POSTS = 50_000
AT_US = 1_790_000_000_000_000
TEXT = (
    "the a of and to in is it you that he was for on are with as I his they be at one have this from or had by hot word"
    " but what some we can out other were all there when up use your how said an each she which do their time if will way"
    " about many then them write would like so these her long make thing see him two has look more day could go come did"
)
WORDS = TEXT.split()


def texts(share: float) -> Iterator[str]:
    """Yield what people post; a share of it names an asset."""
    dice = Random(7)
    while True:
        words = dice.choices(WORDS, k=dice.randint(3, 40))
        if dice.random() < share:
            words.append(dice.choice(("$BTC", "Bitcoin", "ethereum is up", "#solana")))
        yield " ".join(words)


def server_of(share: float) -> JetstreamServer:
    """Return a host that has them all."""
    server = JetstreamServer()
    for number, text in zip(range(POSTS), texts(share), strict=False):
        server.post(f"k{number}", text, AT_US + number * 1_000, did=f"did:plc:{number % 9_000}")
    server.post("end", "Bitcoin", AT_US + POSTS * 1_000)
    return server


def bare(server: JetstreamServer, version: int) -> float:
    """Return the CPU seconds that reading all frames takes."""
    posts = JetstreamPosts(
        "bluesky", salt="a salt of this", assets=None, followed=(), lateness_ms=0
    )
    frames = [logged.v1 if version == 1 else logged.v2 for logged in server.log]
    begun_s = time.process_time()
    for frame in frames:
        for _ in posts.take(frame, 1 if version == 1 else 2, AT_US // 1_000):
            pass
    return time.process_time() - begun_s


async def out_of_a_socket(server: JetstreamServer) -> float:
    """Return the seconds from the first frame to the last one."""
    async with server:
        settings = JetstreamSettings(
            type="jetstream", salt=SecretStr("a salt of this one"), urls=(server.v1,)
        )
        bluesky = Jetstream("bluesky", settings, now_ms=lambda: AT_US // 1_000)
        bluesky.resume([Heartbeat(source="bluesky", epoch=0, through_ms=AT_US // 1_000)])
        begun_s = time.perf_counter()
        async with aclosing(bluesky.observations()) as observations:  # type: ignore[type-var]
            async for one in observations:
                if isinstance(one, Post) and one.post_id.startswith("end."):
                    break
        return time.perf_counter() - begun_s


def main() -> None:
    """Measure and print."""
    for share in (0.005, 0.2):
        server = server_of(share)
        for version in (1, 2):
            took_s = bare(server, version)
            sys.stdout.write(
                f"v{version}, {share:.1%} name an asset: {POSTS / took_s:,.0f} posts/s a core,"
                f" {took_s / POSTS * 1e6:.0f} us a post\n"
            )
    took_s = asyncio.run(out_of_a_socket(server_of(0.005)))
    sys.stdout.write(f"v1 out of a socket, server included: {POSTS / took_s:,.0f} posts/s\n")


if __name__ == "__main__":
    main()
