"""Counters that replicas share: asked in one round trip, exact however many ask at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.redis_client import RedisClient

_TAKE = (Path(__file__).parent / "take.lua").read_text()
PREFIX = "limit:"


@dataclass(frozen=True, slots=True)
class Check:
    """One counter of one request: `limit` in `seconds` by `who`. `ban_seconds` above 0 makes it a ban: then
    `limit` tries lead to one. `counts`: False only looks for a ban."""

    rule: str
    who: str
    limit: int
    seconds: int
    ban_seconds: int = 0
    counts: bool = True
    once: str = ""

    @property
    def key(self) -> str:
        return f"{PREFIX}count:{self.rule}:{self.seconds}:{self.who}"

    @property
    def ban_key(self) -> str:
        return f"{PREFIX}ban:{self.rule}:{self.who}"

    @property
    def once_key(self) -> str:
        return f"{PREFIX}once:{self.rule}:{self.seconds}:{self.who}:{self.once}"


@dataclass(frozen=True, slots=True)
class Taken:
    """Who refuses (None: nobody, and it has been counted), whether by a ban, and for how many seconds."""

    refused_by: Check | None
    banned: bool
    wait_seconds: float


async def take_from_redis(redis: RedisClient, checks: Sequence[Check]) -> Taken | None:
    """None when Redis does not answer. One round trip."""
    keys: list[str] = []
    numbers: list[int] = []
    for check in checks:
        keys += (check.key, check.ban_key if check.ban_seconds else "", check.once_key if check.once else "")
        numbers += (check.limit, check.seconds * 1000, check.ban_seconds * 1000, int(check.counts))
    answer = await redis.run(_TAKE, keys, numbers)
    if answer is None:
        return None
    refusing, banned, wait_ms = answer[:3]
    return Taken(checks[refusing - 1] if refusing else None, bool(banned), wait_ms / 1000)
