"""A service is its replicas: each is found by the service's name, and asked at its own ops port."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec

from services.health.monitor import Finding, Status
from services.process_status import ProcessStatus

# A deploy mixes releases for as long as it takes to swap all replicas; after that somebody forgot one.
MIXED_SECONDS_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Replica:
    """What one address said. `status` is None where it did not answer, and `error` says why not."""

    address: str
    latency_ms: float
    status: ProcessStatus | None
    error: str | None = None


def replicas(
    http: httpx.AsyncClient, ready_urls: str, seconds: float, mixed_seconds_max: float = MIXED_SECONDS_MAX
) -> Callable[[], Awaitable[Finding]]:
    """`ready_urls` are one or more /readyz by commas; a name in them stands for all its addresses, which is
    how the swarm (`endpoint_mode: dnsrr`) and compose tell the replicas. The name and the replicas may each
    take `seconds`."""
    urls = [url.strip() for url in ready_urls.split(",")]

    async def look() -> Finding:
        async with asyncio.timeout(seconds):
            found = [door for url in urls for door in await _doors(url)]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_ask(http, door, seconds)) for door in dict.fromkeys(found)]
        return judge([task.result() for task in asked], datetime.now(UTC), mixed_seconds_max)

    return look


async def _doors(url: str) -> list[str]:
    """The same URL once for every address of its host. Raises OSError."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    family = socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET
    loop = asyncio.get_running_loop()
    known = await loop.getaddrinfo(parts.hostname, parts.port, family=family, type=socket.SOCK_STREAM)
    hosts = [f"[{address[0]}]" if ":" in str(address[0]) else address[0] for *_, address in known]
    return [urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 80}")) for host in hosts]


async def _ask(http: httpx.AsyncClient, ready_url: str, seconds: float) -> Replica:
    parts = urlsplit(ready_url)
    begun, status, error = time.perf_counter(), None, None
    try:
        async with asyncio.timeout(seconds):
            status = await _status(http, ready_url)
    except (httpx.HTTPError, OSError, msgspec.DecodeError) as problem:
        error = f"{type(problem).__name__}: {problem}".rstrip(": ")
    return Replica(parts.netloc, round((time.perf_counter() - begun) * 1000, 2), status, error)


async def _status(http: httpx.AsyncClient, ready_url: str) -> ProcessStatus:
    """Raises HTTPError, DecodeError. A release that has no /status yet (a deploy mixes releases) says at
    /readyz how it stands."""
    answer = await http.get(urlunsplit(urlsplit(ready_url)._replace(path="/status")))
    if answer.status_code != 404:
        return msgspec.json.decode(answer.raise_for_status().content, type=ProcessStatus)
    answer = await http.get(ready_url)
    state = answer.text.strip()[:200]
    return ProcessStatus("unknown", state, answer.status_code == 200, datetime.fromtimestamp(0, UTC))


def judge(found: Sequence[Replica], now: datetime, mixed_seconds_max: float = MIXED_SECONDS_MAX) -> Finding:
    """Down when no replica takes requests; degraded when one that should does not, and when releases stay
    mixed. One that drains is on its way out, and all is well."""
    ready = [replica for replica in found if replica.status is not None and replica.status.ready]
    reasons = [*_reasons(found), *_mixed(ready, now, mixed_seconds_max)]
    detail = {
        "replicas": [_told(replica) for replica in found],
        "reasons": reasons,
        "notes": [*_notes(ready)],
    }
    errors = [replica.error.partition(":")[0] for replica in found if replica.error]
    if not ready:
        reasons.insert(0, "no replica takes requests")
    status: Status = "down" if not ready else "degraded" if reasons else "ok"
    return Finding(status, detail, errors[0] if errors else None)


def _reasons(found: Sequence[Replica]) -> Iterator[str]:
    for replica in found:
        if replica.status is None:
            yield f"{replica.address} does not answer: {replica.error}"
        elif not replica.status.ready and replica.status.state != "draining":
            yield f"{replica.address} is {replica.status.state}"


def _mixed(ready: Sequence[Replica], now: datetime, seconds_max: float) -> Iterator[str]:
    statuses = [replica.status for replica in ready if replica.status is not None]
    counted = Counter(status.release for status in statuses if status.state != "draining")
    if len(counted) < 2:
        return
    youngest = min((now - status.started_at).total_seconds() for status in statuses)
    if youngest >= seconds_max:
        listed = ", ".join(f"{count} of {release}" for release, count in sorted(counted.items()))
        yield f"releases are mixed: {listed}"


def _notes(ready: Sequence[Replica]) -> Iterator[str]:
    """What is no trouble by itself: a pool is used up for a moment wherever there is much to do; an open
    breaker closes by the next request that finds the dependency well again, and there may be none."""
    for replica in ready:
        for name, pool in replica.status.pools.items() if replica.status else ():
            if pool.max and pool.busy >= pool.max:
                yield f"{replica.address}: all {pool.max} connections of pool {name} are in use"
        for name, is_open in replica.status.breakers.items() if replica.status else ():
            if is_open:
                yield f"{replica.address}: the breaker is open for {name}"


def _told(replica: Replica) -> dict[str, Any]:
    known = {} if replica.status is None else msgspec.to_builtins(replica.status)
    return {
        "address": replica.address,
        "latency_ms": replica.latency_ms,
        **known,
        **({"error": replica.error} if replica.error else {}),
    }
