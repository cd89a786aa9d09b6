"""Real ops ports and a real health service on sockets of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from starlette.types import ASGIApp

from services.health.app import service
from services.lifecycle import Lifecycle
from services.ops_port import ops_app
from services.process import listen, server
from services.settings import HealthSettings, ProcessSettings
from tests.store import wait_until_async

NAMES = ("CATALOG", "CHECKOUT", "JOBS", "STOREFRONT")


def ready_urls(url: str = "http://127.0.0.1:1/readyz") -> Mapping[str, str]:
    """The variables of all services, at one address. Nobody listens at port 1."""
    return {f"{name}_READY_URL": url for name in NAMES}


def nobody_in_haste() -> Mapping[str, str]:
    """The variables that a test is not about: services that nobody runs, and time for a busy machine."""
    return {**ready_urls(), "HEALTH_TIMEOUT_SECONDS": "20"}


def health_settings(**chosen: object) -> HealthSettings:
    """As `nobody_in_haste`, for a test that runs no service."""
    return msgspec.structs.replace(HealthSettings.read(nobody_in_haste()), **chosen)


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serves an app; its address."""
    serving, door = server(app, ProcessSettings(keep_alive_seconds=1)), listen("127.0.0.1", 0)
    port = door.getsockname()[1]
    task = asyncio.create_task(serving.serve([door]))

    async def started() -> bool:
        return serving.started

    await wait_until_async(started, "it listens")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.should_exit = serving.force_exit = True
        await task


@asynccontextmanager
async def ops_port(release: str, lifecycle: Lifecycle | None = None) -> AsyncIterator[str]:
    """The /readyz of a process of a release."""
    ready = lifecycle or Lifecycle(started=True, schema_compatible=True)
    async with listening(ops_app(ready, release)) as url:
        yield f"{url}/readyz"


@asynccontextmanager
async def health_service() -> AsyncIterator[str]:
    """The whole service by the variables that are set; the address of its app."""
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    async with (
        service.resources(settings, lifecycle) as resources,
        listening(service.app(settings, lifecycle, resources)) as url,
    ):
        yield url
