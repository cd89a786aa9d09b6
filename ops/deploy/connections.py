"""How many connections to PostgreSQL a release may open, at the worst moment of its roll-out."""

from __future__ import annotations

from collections.abc import Mapping

from ops.deploy.destination import Destination
from ops.deploy.settings import AccessorySettings, RolloutSettings
from ops.migrate import CONNECTIONS_RESERVED
from services.settings import DatabaseSettings

RESERVED = CONNECTIONS_RESERVED
_HEALTH_POOL = 6  # services/health/probes.py
_DURABLE_QUEUE_POOL = 4  # services/jobs/worker.py
_JOBS_POOL = 3  # services/jobs/worker_resources.py
_WORKER_POOL = 2  # services/jobs/worker.py


def pools_of(data: DatabaseSettings) -> dict[str, int]:
    """Connections that one process of each service opens at most. Workers act for several roles, each by
    a pool of its own."""
    web, role = data.database_pool_max, data.database_worker_pool_max
    return {
        "storefront": 0,
        "catalog": web,
        "checkout": web,
        "jobs": web,
        "health": _HEALTH_POOL,
        "worker-durable": _WORKER_POOL + _DURABLE_QUEUE_POOL + _JOBS_POOL + 2 * role,
        "worker-fast": _WORKER_POOL + role,
    }


def replicas_wanted(rollout: RolloutSettings) -> dict[str, int]:
    return {
        name: int(getattr(rollout, f"{name.replace('-', '_')}_replicas"))
        for name in ("storefront", "catalog", "checkout", "jobs", "health", "worker-durable", "worker-fast")
    }


def needed(replicas: Mapping[str, int], pools: Mapping[str, int]) -> int:
    """Twice the replicas: old ones drain for a while after the new ones serve, service after service."""
    return sum(2 * count * pools[name] for name, count in replicas.items())


def connections_needed(destination: Destination) -> int:
    """Of the destination as it is set now. Raises SettingError."""
    pools = pools_of(destination.read(DatabaseSettings))
    return needed(replicas_wanted(destination.read(RolloutSettings)), pools)


def problem_with(destination: Destination) -> str | None:
    """Why the accessory's PostgreSQL would refuse connections; None when it has enough, or when it is
    elsewhere: then the migrations compare with what the server says. Raises SettingError."""
    accessories = destination.read(AccessorySettings)
    if "postgres" not in accessories.accessories:
        return None
    wanted, there = connections_needed(destination), accessories.postgres_max_connections
    if wanted <= there - RESERVED:
        return None
    return (
        f"all replicas, old and new, may open {wanted} connections; PostgreSQL has {there}, less {RESERVED}: "
        f"set POSTGRES_MAX_CONNECTIONS={wanted + RESERVED} (then make reboot SERVICE=postgres), or lower "
        "DATABASE_POOL_MAX or the replicas"
    )
