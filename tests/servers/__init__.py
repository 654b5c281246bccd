"""Real servers for tests, and what happens where there are none. Each dies with the run that started it."""

from .jars import Distribution, provide
from .kafka import GivenKafka, KafkaServer, SharedKafka, find_kafka
from .redis import GivenRedis, RedisServer, SharedRedis, find_binary, find_redis
from .requirement import REQUIRE, ServerError, UnavailableError, obtain, required

__all__ = [
    "REQUIRE",
    "Distribution",
    "GivenKafka",
    "GivenRedis",
    "KafkaServer",
    "RedisServer",
    "ServerError",
    "SharedKafka",
    "SharedRedis",
    "UnavailableError",
    "find_binary",
    "find_kafka",
    "find_redis",
    "obtain",
    "provide",
    "required",
]
