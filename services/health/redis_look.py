"""How Redis is, by its own figures: INFO, one round trip, nothing written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from redis.asyncio import Redis

from services.health.monitor import Finding


def redis_server(redis: Redis) -> Callable[[], Awaitable[Finding]]:
    """Degraded while it loads, can't be written to, is full, or turned clients away since the last look.
    A cache that fills its memory and evicts is in order; a server that has nothing left to evict is not."""
    before: dict[str, int] = {}

    async def look() -> Finding:
        info: dict[str, Any] = await redis.info()
        counted = _counted(info)
        reasons = [*_reasons(info), *_since(before, counted)]
        before.clear()
        before.update(counted)
        detail = {
            "version": info.get("valkey_version") or info["redis_version"],
            "role": info.get("role"),
            "used_memory_bytes": info["used_memory"],
            "maxmemory_bytes": info.get("maxmemory", 0),
            "evicted_keys": info.get("evicted_keys", 0),
            "clients": info["connected_clients"],
            "clients_max": info.get("maxclients"),
            "reasons": reasons,
        }
        return Finding("degraded" if reasons else "ok", detail)

    return look


def _reasons(info: Mapping[str, Any]) -> Iterator[str]:
    if info.get("loading"):
        yield "it is loading its data"
    if info.get("role") not in (None, "master"):
        yield "it is a replica: it takes no writes"
    limit, policy = info.get("maxmemory", 0), str(info.get("maxmemory_policy", ""))
    if limit and info["used_memory"] >= limit and not (policy.startswith("allkeys") or _evictable(info)):
        yield f"its memory is full and nothing in it may be evicted ({policy})"


def _evictable(info: Mapping[str, Any]) -> bool:
    """Whether some key has a time to live, and the policy takes those."""
    databases = (value for name, value in info.items() if name.startswith("db") and isinstance(value, dict))
    volatile = str(info.get("maxmemory_policy", "")).startswith("volatile")
    return volatile and any(database.get("expires", 0) for database in databases)


def _counted(info: Mapping[str, Any]) -> dict[str, int]:
    """What only grows: refusals of all kinds, since the server started."""
    refused = info.get("errorstat_OOM", {})
    return {
        "writes refused because its memory is full": int(refused.get("count", 0)),
        "clients turned away because there are too many": int(info.get("rejected_connections", 0)),
    }


def _since(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    for what, count in now.items():
        if count > before.get(what, count):
            yield f"{count - before[what]} {what}"
