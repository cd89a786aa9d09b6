"""What tests stand on: a real PostgreSQL, a real Valkey, and services in this process.

Both servers come as wheels with the development requirements, so they are never missing. What may
be missing (Chromium, Docker) is asked for with `needs_program`: it skips here and fails in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from ops.local import ports
from ops.local.postgres import TemporaryPostgres, temporary_postgres
from ops.local.valkey import TemporaryValkey, temporary_valkey
from services.lifecycle import Lifecycle
from services.service import Service
from services.settings import ProcessSettings, RedisSettings
from tests.store import local_store

ROOT = Path(__file__).parent.parent
# Tests hammer from one address. Those that are about limits turn them on for the processes they start.
os.environ["RATE_LIMIT_ENABLED"] = "no"
# A machine that is busy with tests may be slow. What is about impatience sets its own limits.
PATIENT = {
    "DATABASE_ACQUIRE_TIMEOUT_SECONDS": "20",
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "20",
    "DATABASE_LOCK_TIMEOUT_SECONDS": "20",
    "DATABASE_PULSE_SECONDS": "20",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "20",
    "INTERNAL_TIMEOUT_SECONDS": "20",
    "CACHE_PATIENCE_SECONDS": "20",
    "INTERNAL_WAIT_SECONDS": "20",
    "QUOTE_TIMEOUT_SECONDS": "20",
    "CONCURRENCY_WAIT_SECONDS": "20",
    "CONCURRENCY_WAITING_MAX": "1000",
    "REQUEST_DEADLINE_SECONDS": "60",
}
# The same for what a request asks of Redis: for tests that are about the answer, not about its absence.
PATIENT_WITH_REDIS = {
    "REDIS_CONNECT_TIMEOUT_SECONDS": "20",
    "REDIS_TIMEOUT_SECONDS": "20",
    "REDIS_POOL_WAIT_SECONDS": "20",
    "REDIS_REQUEST_BUDGET_SECONDS": "20",
}
ADMIN_KEY = "test-admin-key"
# What Traefik writes on a request that comes by the internal entrypoint.
INNER_DOOR = {"X-Entry": "internal"}
# Keys for processes that must have some; nobody listens at these addresses.
NO_GATEWAY = {
    "PAYMENT_API_URL": "http://127.0.0.1:9/sandbox",
    "PAYMENT_PUBLIC_API_URL": "http://127.0.0.1:9/sandbox",
    "PAYMENT_SECRET_KEY": "sk_test_nobody",
    "PAYMENT_PUBLISHABLE_KEY": "pk_test_nobody",
    "PAYMENT_WEBHOOK_SECRETS": "whsec_nobody",
    "SES_HOST": "127.0.0.1",
    "SES_PORT": "9",
    "SES_SECURITY": "none",
    "SES_SENDER": "Kiosk <orders@kiosk.example>",
}


def patient_redis(url: str) -> RedisSettings:
    """For a client of this one database, be it the cache's or the queue's, that waits for the answer."""
    return RedisSettings.read({"REDIS_URL": url, "REDIS_QUEUE_URL": url, **PATIENT_WITH_REDIS})


def needs_program(*names: str) -> str:
    """The path of the first program found; without any, skips locally and fails in CI."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing = f"needs one of {', '.join(names)}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Workers of pytest-xdist send their reports as UTF-8, which cannot carry all that a log may quote."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_encodable, value))
    return value


@pytest.fixture(scope="session", autouse=True)
def _ports_of_this_worker() -> Iterator[None]:
    """Workers of pytest-xdist choose their ports at once, and one that is chosen is free for the others,
    too, until its server has started: each chooses from a share of its own."""
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{end}") for end in ("", "_COUNT"))
    if worker is None or workers is None:
        yield
        return
    share = ports.candidates()[int(worker.removeprefix("gw")) :: int(workers)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "candidates", lambda: share)
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    with temporary_postgres() as server:
        _run_module("ops.migrate", server.url)
        yield server


@pytest.fixture
def own_postgres() -> Iterator[TemporaryPostgres]:
    """A migrated server of this test's own, to stop, restart or kill."""
    with temporary_postgres() as server:
        _run_module("ops.migrate", server.url)
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[TemporaryValkey]:
    with temporary_valkey() as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[TemporaryValkey]:
    """A server of this test's own, to stop, restart or kill."""
    with temporary_valkey() as server:
        yield server


@dataclass(frozen=True)
class Databases:
    """Makes copies of a migrated database: each test writes into its own."""

    template_url: str

    async def copy(self, of: str = "kiosk") -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        owner = await asyncpg.connect(_with_database(self.template_url, "postgres"))
        try:
            # Several times as quick as the other strategy, which passes every page through the log.
            await owner.execute(f'CREATE DATABASE {name} TEMPLATE "{of}" STRATEGY FILE_COPY')
        finally:
            await owner.close()
        return _with_database(self.template_url, name)

    async def drop(self, url: str) -> None:
        owner = await asyncpg.connect(_with_database(self.template_url, "postgres"))
        try:
            await owner.execute(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')
        finally:
            await owner.close()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _run_module(module: str, database_url: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=True,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def databases(postgres: TemporaryPostgres) -> Databases:
    return Databases(postgres.url)


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """The owner's URL of a migrated, empty database of this test's own."""
    url = await databases.copy()
    yield url
    await databases.drop(url)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to the test's own database: it sees everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def demo_url(databases: Databases) -> AsyncIterator[str]:
    """A database with 1,000 demo products, for all tests that only read."""
    url = await databases.copy()
    _run_module("ops.demo", url, "--products", "1000")
    yield url
    await databases.drop(url)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, valkey: TemporaryValkey) -> Callable[..., None]:
    """Sets the variables a service reads: `environment(DATABASE_URL=..., CACHE_MEMORY_SECONDS=0)`."""

    def set_variables(**variables: object) -> None:
        chosen: dict[str, object] = {
            "ENVIRONMENT": "test",
            "RELEASE": "test-release",
            "ADMIN_API_KEY": ADMIN_KEY,
            "REDIS_URL": valkey.url,
            "REDIS_QUEUE_URL": valkey.queue_url,
            **NO_GATEWAY,
            **PATIENT,
            **PATIENT_WITH_REDIS,
            **variables,
        }
        for name, value in chosen.items():
            monkeypatch.setenv(name, str(value))

    return set_variables


@pytest.fixture
def carts_wait_for_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cart is shown with catalog's prices however busy the machine is, not with those it had."""
    monkeypatch.setattr("services.checkout.carts.carts._REFRESH_SECONDS", 20)


InProcess = Callable[[Service], AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def in_process(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """The service's whole ASGI stack with its real resources, without a socket in between."""
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    async with service.resources(settings, lifecycle) as resources:
        app = service.app(settings, lifecycle, resources)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            yield client


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """A running store: the one at BASE_URL, or else one of our own for this session."""
    if given := os.environ.get("BASE_URL"):
        yield given.rstrip("/")
        return
    with local_store(ADMIN_API_KEY=ADMIN_KEY, **PATIENT, **PATIENT_WITH_REDIS) as store:
        yield store.url
