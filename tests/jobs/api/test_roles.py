"""Every operation of the API, by every role: nobody gets further than they may."""

from __future__ import annotations

import re

import httpx
import pytest

from services.jobs.api.operations import OPERATIONS
from services.jobs.resources import Jobs
from services.operations import Operation
from tests.jobs.api.conftest import Program, Programs

NOBODY = "00000000-0000-0000-0000-000000000000"
VIEWERS_MAY = {
    "/api/jobs/overview", "/api/jobs/statistics", "/api/jobs/queues", "/api/jobs/workers", "/api/jobs/jobs",
    "/api/jobs/jobs/{backend}/{id}", "/api/jobs/failures", "/api/jobs/failures/{fingerprint}",
    "/api/jobs/bulk", "/api/jobs/bulk/{id}", "/api/jobs/recurring",
}  # fmt: skip
ADMINS_ONLY = {"/api/jobs/audit"}
ids = [f"{o.method} {o.path}" for o in OPERATIONS]


def least_role(operation: Operation) -> str:
    if operation.path in ADMINS_ONLY:
        return "admin"
    return "viewer" if operation.method == "GET" and operation.path in VIEWERS_MAY else "operator"


def path_of(operation: Operation) -> str:
    filled = operation.path.removeprefix("/api/jobs").replace("{backend}", "durable")
    return re.sub(r"\{\w+\}", NOBODY, filled)


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_nobody_is_told_anything_without_a_token(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    for headers in ({}, {"Authorization": "Bearer kiosk_" + "x" * 43}, {"Authorization": "Basic YTpi"}):
        path = f"/api/jobs{path_of(operation)}?nonsense=1"
        answer = await client.request(operation.method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
async def test_a_role_that_is_too_low_is_refused_and_one_that_is_high_enough_is_not(
    programs: Programs, operation: Operation
) -> None:
    order = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead"}}
    allowed = False
    for role in ("viewer", "operator", "admin"):
        allowed = allowed or role == least_role(operation)
        program: Program = getattr(programs, role)
        body = order if operation.path in {"/api/jobs/bulk", "/api/jobs/bulk/preview"} else None
        options = {"json": body} if body and operation.method == "POST" else {}
        answer = await program.call(operation.method, path_of(operation), **options)
        assert (answer.status_code != 403) == allowed, (role, answer.text)
        assert answer.status_code in {200, 201, 403, 404, 409}, answer.text
        if not allowed:
            assert answer.json()["type"] == "/problems/role-too-low"


@pytest.mark.parametrize("path", ["/nonsense", "/queues/durable/default", "/staff"])
async def test_what_is_not_there_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/api/jobs{path}")).status_code == 404


async def test_the_token_of_another_role_in_the_audit_log_is_named(jobs: Jobs, programs: Programs) -> None:
    await programs.operator.post("/queues/durable/default/pause")
    [entry] = (await programs.admin.get("/audit", action="queue")).json()["items"]
    told = {name: entry[name] for name in ("who", "role", "by", "action", "target")}
    assert told == {
        "who": "robot-operator",
        "role": "operator",
        "by": "token",
        "action": "queue.pause",
        "target": "durable:default",
    }
