"""The whole jobs service in this process, with an account of each role, and browsers that use it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from databases import Database

from services.database import connection, open_database, role_url
from services.jobs.app import service as whole_service
from services.jobs.staff import sessions
from services.jobs.staff.csrf import csrf_token
from services.jobs.staff.throttle import Counter
from services.jobs.staff.who import ROLES, Who
from services.service import Service
from services.settings import DatabaseSettings
from tests.conftest import PATIENT_WITH_REDIS, in_process

PUBLIC_URL = "http://shop"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SHELL = Who("tester", "admin", "shell")
ACCOUNT = (
    "INSERT INTO jobs.staff_accounts (name, role, password_hash, created_by) VALUES ($1, $2, $3, 'tester')"
)
DELAYS_STRETCHED = 1000
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


def password_of(name: str) -> str:
    return f"the password of {name}"


@dataclass(frozen=True)
class Browser:
    """Keeps its cookies, and sends forms as a browser does: from the page at hand."""

    client: httpx.AsyncClient

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """A form of our own, with its token."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields}, headers=SAME_ORIGIN)

    @property
    def token(self) -> str | None:
        return self.client.cookies.get("staff")

    @property
    def csrf(self) -> str:
        return csrf_token(self.token or "")

    async def log_in(
        self, name: str, password: str | None = None, address: str = "192.0.2.1", next_path: str = ""
    ) -> httpx.Response:
        given = password_of(name) if password is None else password
        data = {"name": name, "password": given, "next": next_path}
        headers = {**SAME_ORIGIN, "X-Forwarded-For": address}
        return await self.client.post("/jobs/login", data=data, headers=headers)


def csrf_in(page: httpx.Response) -> set[str]:
    """The tokens of all forms of a page."""
    return set(_CSRF.findall(page.text))


@dataclass(frozen=True)
class Door:
    """Opens browsers at one running service. `database` is reached as the service reaches it."""

    database: Database
    transport: httpx.AsyncBaseTransport
    stack: AsyncExitStack

    async def browser(self) -> Browser:
        client = httpx.AsyncClient(transport=self.transport, base_url=PUBLIC_URL)
        return Browser(await self.stack.enter_async_context(client))

    async def browser_of(self, name: str) -> Browser:
        """Logged in already, without the work of a password."""
        browser = await self.browser()
        async with connection(self.database) as raw:
            row = await raw.fetchrow(
                "SELECT id, password_hash FROM jobs.staff_accounts WHERE name = $1", name
            )
            assert row is not None
            token = await sessions.begin(raw, row["id"], row["password_hash"], None)
        assert token is not None
        browser.client.cookies.set("staff", token, domain="shop.local")
        return browser


@asynccontextmanager
async def opened(url: str, service: Service = whole_service) -> AsyncIterator[Door]:
    data = DatabaseSettings(
        database_url=url, database_acquire_timeout_seconds=20.0, database_lock_timeout_seconds=20.0
    )
    database = open_database(role_url(data, "jobs"), data, pool_max=8, name="test-staff")
    async with AsyncExitStack() as stack, in_process(service) as client:
        await database.connect()
        stack.push_async_callback(database.disconnect)
        yield Door(database, client._transport, stack)


@pytest.fixture
def stretched_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a guess too many the login is closed for half an hour instead of for two seconds, in which a busy
    machine does not get as far as the next guess."""
    true = Counter.delay_seconds
    monkeypatch.setattr(
        Counter, "delay_seconds", lambda counter, tries: DELAYS_STRETCHED * true(counter, tries)
    )


@pytest.fixture
def staffed_environment(database_url: str, environment: Callable[..., None]) -> str:
    environment(
        DATABASE_URL=database_url,
        PUBLIC_URL=PUBLIC_URL,
        **PATIENT_WITH_REDIS,
    )
    return database_url


@pytest.fixture
async def closed_door(staffed_environment: str) -> AsyncIterator[Door]:
    """Nobody has an account yet."""
    async with opened(staffed_environment) as door:
        yield door


@pytest.fixture
async def door(closed_door: Door) -> Door:
    """With the accounts `viewer`, `operator` and `admin`."""
    async with connection(closed_door.database) as raw:
        for role in ROLES:
            await raw.execute(ACCOUNT, role, role, _hash_of(password_of(role)))
    return closed_door


@cache
def _hash_of(password: str) -> str:
    return PasswordHasher().hash(password)
