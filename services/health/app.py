"""The health aggregator's whole surface: `/up`, `/health`, and what the closed shop says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from services.database import open_database, role_url
from services.health.aggregate import Health
from services.health.endpoints import Asked, Watch, health, up
from services.health.key_guesses import KeyGuesses
from services.health.maintenance import Asked as MaintenanceAsked
from services.health.maintenance import maintenance
from services.health.monitor import Monitor
from services.health.probes import DATABASE_PROBES, all_probes
from services.http_client import http_client
from services.lifecycle import Lifecycle
from services.operations import operation
from services.redis_client import connect
from services.service import Service, background
from services.settings import (
    DatabaseSettings,
    HealthSettings,
    LimitSettings,
    ProcessSettings,
    QueueSettings,
    RedisSettings,
)


@asynccontextmanager
async def open_monitors(process: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Watch]:
    guesses = KeyGuesses(enabled=LimitSettings.read().rate_limit_enabled == "yes")
    data, redis_settings, settings = DatabaseSettings.read(), RedisSettings.read(), HealthSettings.read()
    database = open_database(role_url(data, "health"), data, pool_max=DATABASE_PROBES, name="health")
    # Requests give Redis a tenth of a second; whoever asks whether it lives can wait for the answer.
    patient = msgspec.structs.replace(
        redis_settings,
        redis_connect_timeout_seconds=settings.health_timeout_seconds,
        redis_timeout_seconds=settings.health_timeout_seconds,
    )
    redis = connect(patient.redis_url, patient)
    await database.connect()
    lifecycle.schema_compatible = True  # it has no schema of its own
    try:
        async with http_client(timeout=settings.health_timeout_seconds) as http:
            probes = all_probes(settings, QueueSettings.read(), process.public_url, database, redis, http)
            monitors = [
                Monitor(probe, settings.health_interval_seconds, settings.health_timeout_seconds)
                for probe in probes
            ]
            async with background(*(monitor.run for monitor in monitors)):
                yield Watch(monitors, guesses)
    finally:
        await redis.aclose()
        await database.disconnect()


service = Service(
    name="health",
    resources=open_monitors,
    smoke_paths=("/up", "/health"),
    admits_all=True,
    operations=[
        operation("GET", "/up", up, "Is the process alive?", page=True),
        operation(
            "GET", "/health", health, "How is every dependency?", query=Asked, answer=Health, page=True
        ),
        operation(
            "GET",
            "/internal/health/maintenance",
            maintenance,
            "The closed shop's page",
            query=MaintenanceAsked,
            page=True,
        ),
    ],
)
