"""The rules and their counters, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import redis.asyncio as aioredis

from services.limits.counting import PREFIX
from services.limits.rules import table
from services.limits.verbs import Allow2Ban, Fail2Ban, Rule, Throttle
from services.settings import LimitSettings

_STANDING = """SELECT rule, who, seconds, count, extract(epoch FROM ends_at - now())::float8 AS left_seconds
FROM checkout.limit_counts WHERE ends_at > now() AND count > 0 ORDER BY count DESC, rule, who LIMIT $1"""
_SCANNED = 1000


def lines_of_rules(settings: LimitSettings) -> Iterator[str]:
    """One line each, in the order in which they are asked."""
    for rule in table(settings):
        yield f"  {type(rule).__name__.lower():10} {rule.name:18} {_what(rule)}".rstrip()
    emails = settings.rate_limit_email_orders_per_hour
    yield f"  {'throttle':10} {'email-orders':18} {emails} in 3600 s, then longer, in PostgreSQL"
    declines = {
        "order-declines": settings.rate_limit_declines_per_order,
        "card-declines": settings.rate_limit_declines_per_card,
        "email-declines": settings.rate_limit_declines_per_email,
        "product-declines": settings.rate_limit_declines_per_product,
    }
    for name, limit in declines.items():
        yield f"  {'throttle':10} {name:18} {limit} in 3600 s, in PostgreSQL"
    codes = {
        "cart-codes": settings.rate_limit_codes_per_cart,
        "address-codes": settings.rate_limit_codes_per_address,
    }
    for name, limit in codes.items():
        yield f"  {'throttle':10} {name:18} {limit} in 600 s, then longer, in PostgreSQL"


def _what(rule: Rule) -> str:
    if isinstance(rule, Throttle):
        return ", ".join(f"{window.limit} in {window.seconds} s" for window in rule.windows)
    if isinstance(rule, Fail2Ban | Allow2Ban):
        return f"{rule.tries} in {rule.find_seconds} s, banned for {rule.ban_seconds} s"
    return ""


async def standing_in_redis(redis: aioredis.Redis, shown_max: int) -> list[str]:
    """Bans first. Raises RedisError, OSError."""
    bans: list[str] = []
    counts: list[tuple[int, str]] = []
    async for raw in redis.scan_iter(f"{PREFIX}*", count=_SCANNED):
        kind, _, rest = raw.decode().removeprefix(PREFIX).partition(":")
        left = await redis.ttl(raw)
        if kind == "ban":
            rule, _, who = rest.partition(":")
            bans.append(f"  banned     {rule:18} {who}, for {left} s")
        elif kind == "count":
            rule, seconds, who = rest.split(":", 2)
            count = int(await redis.get(raw) or 0)
            counts.append((count, f"  {count:10} {rule:18} {who}, in {seconds} s, {left} s left"))
    fullest = [line for _, line in sorted(counts, key=lambda one: -one[0])]
    return [*sorted(bans), *fullest[:shown_max]]


async def standing_in_postgres(connection: asyncpg.Connection, shown_max: int) -> list[str]:
    """Raises what asyncpg raises."""
    return [
        f"  {row['count']:10} {row['rule']:18} {row['who']}, in {row['seconds']} s, "
        f"{row['left_seconds']:.0f} s left"
        for row in await connection.fetch(_STANDING, shown_max)
    ]
