"""Decides whether a request passes, by the rules and their counters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import ceil
from typing import TypeVar

from prometheus_client import Counter

from services.errors import Banned, Limited, ShopError
from services.limits import rules
from services.limits.asked import Asked
from services.limits.counting import Check, Taken, take_from_redis
from services.limits.memory import MemoryCounters
from services.limits.verbs import Allow2Ban, Blocklist, Fail2Ban, Rule, Safelist, Throttle, Track
from services.redis_client import RedisClient
from services.settings import LimitSettings, RedisSettings

E = TypeVar("E", bound=ShopError)

rate_limit_total = Counter(
    "rate_limit_total",
    "What the rules said, but for what simply passed: refused, banned, blocked, safelisted, tracked",
    ["rule", "outcome"],
)


class Limiter:
    """The rules of one process. Without Redis (it is away, or the process has none) each replica counts
    for itself, up to its share."""

    def __init__(
        self,
        settings: LimitSettings,
        redis: RedisClient | None,
        table: Callable[[LimitSettings], Sequence[Rule]] = rules.table,
    ) -> None:
        self.enabled = settings.rate_limit_enabled == "yes"
        self._redis = redis
        self._memory = MemoryCounters(settings.rate_limit_replicas)
        self._rules: Sequence[Rule] = table(settings)

    async def admit(self, asked: Asked) -> None:
        """Counts the request. Raises Limited, Banned."""
        if asked.internal and asked.address is None:
            return  # one of ours, for nobody in particular
        checks: list[Check] = []
        holes: Fail2Ban | None = None
        for rule in self._rules:
            if asked.internal and not (isinstance(rule, Throttle) and rule.within):
                continue
            if isinstance(rule, Safelist) and rule.matches(asked):
                count_outcome(rule.name, "safelisted")
                return
            if isinstance(rule, Blocklist) and rule.matches(asked):
                count_outcome(rule.name, "blocked")
                raise Banned()
            if isinstance(rule, Track) and rule.matches(asked):
                count_outcome(rule.name, "tracked")
            if isinstance(rule, Fail2Ban) and rule.matches(asked):
                holes = rule
            checks += checks_of(rule, asked)
        await self._take(checks)
        if holes is not None:
            count_outcome(holes.name, "blocked")
            raise Banned()

    async def answered(self, asked: Asked, status: int) -> None:
        """Counts what is known by its answer."""
        for rule in self._rules:
            if isinstance(rule, Allow2Ban) and status in rule.statuses and rule.matches(asked):
                who = rule.by(asked)
                if who is not None and not asked.internal:
                    check = Check(rule.name, who, rule.tries, rule.find_seconds, rule.ban_seconds)
                    await self._taken([check])

    async def _take(self, checks: list[Check]) -> None:
        taken = await self._taken(checks)
        if taken is None or (check := taken.refused_by) is None:
            return
        count_outcome(check.rule, "banned" if taken.banned else "refused")
        wait_seconds = max(1, ceil(taken.wait_seconds))
        if taken.banned:
            raise retry_after(Banned(), wait_seconds)
        raise limited(Limited(), check.rule, check.limit, check.seconds, wait_seconds)

    async def _taken(self, checks: list[Check]) -> Taken | None:
        if not checks:
            return None
        taken = await take_from_redis(self._redis, checks) if self._redis is not None else None
        if taken is None:
            return self._memory.take(checks)
        if taken.banned and taken.refused_by is not None:
            self._memory.ban(taken.refused_by, taken.wait_seconds)
        return taken


def checks_of(rule: Rule, asked: Asked) -> list[Check]:
    """What has to be asked of the counters for a rule: none where it does not concern the request."""
    if isinstance(rule, Fail2Ban | Allow2Ban):
        matches, who = rule.matches(asked), rule.by(asked)
        if who is None or (isinstance(rule, Allow2Ban) and not matches):
            return []
        # Ten pictures on some other site's page must not ban whoever looks at it.
        counts = matches and isinstance(rule, Fail2Ban) and not asked.foreign
        return [Check(rule.name, who, rule.tries, rule.find_seconds, rule.ban_seconds, counts)]
    if isinstance(rule, Throttle) and rule.matches(asked):
        who = rule.by(asked)
        once = rule.once(asked) or ""
        return (
            []
            if who is None
            else [Check(rule.name, who, w.limit, w.seconds, once=once) for w in rule.windows]
        )
    return []


def limited(error: Limited, rule: str, limit: int, seconds: int, wait_seconds: int) -> Limited:
    """The error with its headers: Retry-After, and those of
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (draft 10): the policy that is used
    up, with its quota and window, and the seconds until it begins anew."""
    error.headers["RateLimit-Policy"] = f'"{rule}";q={limit};w={seconds}'
    error.headers["RateLimit"] = f'"{rule}";r=0;t={wait_seconds}'
    return retry_after(error, wait_seconds)


def retry_after(error: E, wait_seconds: int) -> E:
    error.headers["Retry-After"] = str(wait_seconds)
    return error


def count_outcome(rule: str, outcome: str) -> None:
    """In the metrics."""
    rate_limit_total.labels(rule, outcome).inc()


def keeper_of_lists() -> Limiter:
    """For jobs, whose login counts by itself (staff/throttle.py)."""
    return Limiter(LimitSettings.read(), None, rules.lists)


@asynccontextmanager
async def open_limiter(*, shared: bool) -> AsyncIterator[Limiter]:
    """`shared`: with Redis. The storefront has none: whoever is asked by all the world holds no key to it."""
    settings = LimitSettings.read()
    redis = RedisClient(RedisSettings.read(), "limits") if shared else None
    try:
        yield Limiter(settings, redis)
    finally:
        if redis is not None:
            await redis.close()
