"""`python -m services.limits` lists the rules, what is counted now, and who is banned; `... unban WHO` begins
anew for an address, an email, an order or an article. Locally `make limits`, in production in the shell of a
checkout task (`make shell SERVICE=checkout`): it needs Redis, and checkout's tables for what stands there.
What the storefront counts, bans of scanners too, is in the memory of its replicas and out of reach."""

from __future__ import annotations

import argparse
import asyncio
import sys

import asyncpg
import redis.asyncio as aioredis
from redis.exceptions import RedisError

from services.client_address import counted_address
from services.database import role_url
from services.limits.asked import hashed
from services.limits.counting import PREFIX
from services.limits.listing import lines_of_rules, standing_in_postgres, standing_in_redis
from services.limits.rules import SCANNERS_BAN_SECONDS
from services.settings import DatabaseSettings, LimitSettings, RedisSettings

_AWAY = (OSError, RedisError, asyncpg.PostgresError)
_SECONDS = 5.0
_SHOWN_MAX = 50
_ELSEWHERE = (
    "The storefront has no Redis: what it counts is each replica's own and not shown here. A ban of its own, "
    f"as of scanners, ends by itself within {SCANNERS_BAN_SECONDS // 60} minutes."
)


async def show() -> None:
    settings = LimitSettings.read()
    print(f"limits are {'on' if settings.rate_limit_enabled == 'yes' else 'off (RATE_LIMIT_ENABLED=no)'}\n")
    print("\n".join(lines_of_rules(settings)))
    for title, ask in (("Redis", _from_redis), ("PostgreSQL", _from_postgres)):
        print(f"\ncounted in {title}, the fullest first:")
        try:
            print("\n".join(await ask()) or "  nothing")
        except _AWAY as error:
            print(f"  can't be reached: {error!r}")
    print(f"\n{_ELSEWHERE}")


async def _from_redis() -> list[str]:
    async with _redis() as redis:
        return await standing_in_redis(redis, _SHOWN_MAX)


async def _from_postgres() -> list[str]:
    connection = await _postgres()
    try:
        return await standing_in_postgres(connection, _SHOWN_MAX)
    finally:
        await connection.close()


async def unban(who: str) -> None:
    """Both stores are asked, and what is away is named: the exit status is then 1. An IPv6 address stands for
    its /64, as it does where it is counted."""
    failed = False
    names = {who, counted_address(who) or who, hashed(who.strip().lower())}
    try:
        async with _redis() as redis:
            keys = [key async for key in redis.scan_iter(f"{PREFIX}*") if _who(key.decode()) in names]
            gone = await redis.delete(*keys) if keys else 0
            print(f"forgot {gone} of {who} in Redis")
    except _AWAY as error:
        failed = True
        print(f"Redis can't be reached: {error!r}", file=sys.stderr)
    try:
        connection = await _postgres()
        forgot = await connection.execute(
            "DELETE FROM checkout.limit_counts WHERE who = ANY ($1) OR who = checkout.limit_key($2)",
            list(names),
            who,
        )
        await connection.close()
        print(f"forgot {forgot.rpartition(' ')[2]} of {who} in PostgreSQL")
    except _AWAY as error:
        failed = True
        print(f"PostgreSQL can't be reached: {error!r}", file=sys.stderr)
    print(_ELSEWHERE)
    if failed:
        sys.exit(1)


def _who(key: str) -> str:
    """`limit:count:RULE:SECONDS:WHO`, `limit:ban:RULE:WHO`; an IPv6 network has colons of its own."""
    kind = key.removeprefix(PREFIX).partition(":")[0]
    return key.split(":", 3 if kind == "ban" else 4)[-1]


def _redis() -> aioredis.Redis:
    url = RedisSettings.read().redis_url
    return aioredis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)


async def _postgres() -> asyncpg.Connection:
    return await asyncpg.connect(role_url(DatabaseSettings.read(), "checkout"), timeout=_SECONDS)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m services.limits", description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("show", help="rules, counters and bans (what is done without a verb)")
    verbs.add_parser("unban", help="begin anew for one").add_argument(
        "who", help="192.0.2.7, ada@example.com"
    )
    chosen = parser.parse_args(arguments)
    asyncio.run(unban(chosen.who) if chosen.verb == "unban" else show())


if __name__ == "__main__":
    main(sys.argv[1:])
