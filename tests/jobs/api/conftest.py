"""The service in this process, and programs of each role that call it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.jobs.app import service
from services.jobs.resources import Jobs
from services.jobs.staff import tokens
from services.jobs.staff.who import ROLES, Role, Who
from tests.conftest import in_process

ROOT = Who("root", "admin", "shell")


@dataclass(frozen=True)
class Program:
    """A program with a token. Paths are below /api/jobs."""

    client: httpx.AsyncClient
    token: str

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.call("GET", path, params=parameters)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.call("POST", path, json=body, headers=headers)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.client.request(method, f"/api/jobs{path}", headers=headers, **options)


@dataclass(frozen=True)
class Programs:
    viewer: Program
    operator: Program
    admin: Program


async def token_of(jobs: Jobs, role: Role) -> str:
    return await tokens.create(jobs.database, ROOT, f"robot-{role}", role, None)


@pytest.fixture
async def client(jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    async with in_process(service) as client:
        yield client


@pytest.fixture
async def programs(client: httpx.AsyncClient, jobs: Jobs) -> Programs:
    return Programs(*[Program(client, await token_of(jobs, role)) for role in ROLES])


@pytest.fixture
def operator(programs: Programs) -> Program:
    return programs.operator
