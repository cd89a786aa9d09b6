"""The surface of jobs: closed for now. Behind it, the queues are watched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases import Database

from services.database import open_database, role_url
from services.jobs.endpoints import closed_api, closed_page
from services.jobs.samples import keep_sampling
from services.lifecycle import Lifecycle
from services.operations import operation
from services.queue import queue_url
from services.redis_client import connect
from services.service import Service, await_schema, background
from services.settings import DatabaseSettings, ProcessSettings, RedisSettings


@asynccontextmanager
async def open_jobs(_settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Database]:
    data, settings = DatabaseSettings.read(), RedisSettings.read()
    database = open_database(role_url(data, "jobs"), data, pool_max=data.database_pool_max, name="jobs")
    redis = connect(queue_url(settings), settings)
    await database.connect()

    async def watch() -> None:
        await await_schema(database, "jobs", lifecycle)
        await keep_sampling(database, redis)

    try:
        async with background(watch):
            yield database
    finally:
        await redis.aclose()
        await database.disconnect()


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

service = Service(
    name="jobs",
    resources=open_jobs,
    operations=[
        operation("GET", "/jobs", closed_page, "The dashboard", page=True),
        operation("GET", "/jobs/{rest:path}", closed_page, "The dashboard", page=True),
        *(operation(method, "/api/jobs/{rest:path}", closed_api, "The API", page=True) for method in METHODS),
    ],
)
