"""What a process says of itself at `/status` of its ops port: the figures it counts anyway, in one small
answer. Read from the metrics by their names, so that whoever counts a pool or a breaker is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from prometheus_client import REGISTRY
from prometheus_client.samples import Sample

from services.lifecycle import Lifecycle

_POOLS = "db_pool_connections", "db_pool_connections_max"
# Gauges that are 1 while nobody asks, the label that says whom, and whom that names.
_BREAKERS = ("redis_breaker_open", "client", "redis"), ("breaker_open", "target", "service")


class Pool(msgspec.Struct, frozen=True):
    """Connections to PostgreSQL: lent out, and how many there may be."""

    busy: int
    max: int


class ProcessStatus(msgspec.Struct, frozen=True):
    """`state` is `ready`, `draining` or `waiting for ...`; `ready` whether it takes requests. `breakers`
    are by dependency (`redis: cache`), true while open."""

    release: str
    state: str
    ready: bool
    started_at: datetime
    pools: dict[str, Pool] = {}
    breakers: dict[str, bool] = {}


def process_status(lifecycle: Lifecycle, release: str) -> ProcessStatus:
    """Of this process. No I/O but /proc's."""
    pools: dict[str, dict[str, int]] = {}
    for sample in _samples(*_POOLS):
        state = sample.labels.get("state", "max")
        pools.setdefault(sample.labels["pool"], {"busy": 0, "max": 0})[state] = int(sample.value)
    breakers = {
        f"{kind}: {sample.labels[label]}": sample.value > 0
        for name, label, kind in _BREAKERS
        for sample in _samples(name)
    }
    began = next((sample.value for sample in _samples("process_start_time_seconds")), 0.0)
    return ProcessStatus(
        release,
        lifecycle.state,
        lifecycle.ready,
        datetime.fromtimestamp(began, UTC),
        {name: Pool(pool["busy"], pool["max"]) for name, pool in pools.items()},
        breakers,
    )


def _samples(*names: str) -> Iterator[Sample]:
    for metric in REGISTRY.restricted_registry(names).collect():
        yield from metric.samples
