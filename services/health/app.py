"""The health aggregator's whole surface: `/up`, `/health`, and what the closed shop says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.responses import PlainTextResponse, Response

from services.database import open_database, role_url
from services.decode import Nothing
from services.health.aggregate import Health, aggregate
from services.health.maintenance import Asked, maintenance
from services.health.monitor import Monitor
from services.health.probes import all_probes
from services.http_client import http_client
from services.lifecycle import Lifecycle
from services.operations import Call, JsonResponse, has_admin_key, operation
from services.redis_client import connect
from services.request_context import current_request
from services.service import Service, background
from services.settings import DatabaseSettings, HealthSettings, ProcessSettings, RedisSettings

Monitors = list[Monitor]


async def up(_call: Call[Monitors, Nothing, Nothing]) -> Response:
    """Alive. No I/O."""
    return PlainTextResponse("up\n", headers={"Cache-Control": "no-store"})


async def health(call: Call[Monitors, Nothing, Nothing]) -> Response:
    """Always 200 while the aggregator lives; the body tells. Details are for the operator."""
    settings: ProcessSettings = call.request.app.state.settings
    context = current_request.get()
    trusted = (context is not None and context.internal) or has_admin_key(
        call.request, settings.admin_api_key
    )
    answer = aggregate(call.resources, settings.release, with_details=trusted)
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def open_monitors(_settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Monitors]:
    data, redis_settings, settings = DatabaseSettings.read(), RedisSettings.read(), HealthSettings.read()
    database = open_database(role_url(data, "health"), data, pool_max=3, name="health")
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
            monitors = [
                Monitor(probe, settings.health_interval_seconds, settings.health_timeout_seconds)
                for probe in all_probes(settings, database, redis, http)
            ]
            async with background(*(monitor.run for monitor in monitors)):
                yield monitors
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
        operation("GET", "/health", health, "How is every dependency?", answer=Health, page=True),
        operation(
            "GET",
            "/internal/health/maintenance",
            maintenance,
            "The closed shop's page",
            query=Asked,
            page=True,
        ),
    ],
)
