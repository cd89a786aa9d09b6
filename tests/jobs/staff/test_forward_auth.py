"""The real Traefik before the real service: forwardAuth lets staff through to another service and leads
others to the login, and nobody gets at the question itself from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.local.edge import Edge, Upstream
from ops.local.ports import choose_ports, free_port
from ops.local.server_process import ServerProcess
from ops.local.valkey import TemporaryValkey
from tests.conftest import NO_GATEWAY, PATIENT, PATIENT_WITH_REDIS, ROOT
from tests.ops.echo_service import echo_service
from tests.store import wait_until

PASSWORD = "the first password"
PAGE = {"Accept": "text/html"}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _guarded(edge: Edge, role: str) -> dict[str, Any]:
    """As a routes file would guard /admin."""
    address = f"{edge.internal_url}/internal/jobs/session?role={role}"
    headers = ["X-Staff-Name", "X-Staff-Role"]
    return {
        "http": {
            "routers": {
                "admin": {
                    "rule": "PathPrefix(`/admin`)",
                    "service": "echo",
                    "middlewares": ["staff"],
                    "entryPoints": ["public"],
                }
            },
            "middlewares": {"staff": {"forwardAuth": {"address": address, "authResponseHeaders": headers}}},
        }
    }


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, valkey: TemporaryValkey
) -> Iterator[Edge]:
    ports = choose_ports(tmp_path / "ports.json", ("public", "internal", "ping"))
    edge = Edge(tmp_path, ports["public"], ports["internal"], ports["ping"])
    app_port, ops_port = free_port(), free_port()
    environment = {
        **os.environ,
        **NO_GATEWAY,
        **PATIENT,
        **PATIENT_WITH_REDIS,
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey.url,
        "REDIS_QUEUE_URL": valkey.queue_url,
        "PUBLIC_URL": edge.public_url,
        "INTERNAL_URL": edge.internal_url,
        "APP_PORT": str(app_port),
        "OPS_PORT": str(ops_port),
        "STAFF_ADMIN_PASSWORD": PASSWORD,
    }
    with ExitStack() as held:
        log = held.enter_context((tmp_path / "jobs.log").open("wb"))
        command = [sys.executable, "-m", "services", "jobs"]
        jobs = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        held.callback(jobs.wait)
        held.callback(jobs.kill)
        echo, _ = held.enter_context(echo_service("echo"))
        storefront, _ = held.enter_context(echo_service("storefront"))
        edge.write([Upstream("jobs", app_port, ops_port), echo, storefront])
        (tmp_path / "dynamic" / "admin.yml").write_text(json.dumps(_guarded(edge, request.param)))
        wait_until(lambda: _answers(f"http://127.0.0.1:{ops_port}/readyz"), "jobs is ready", 60)
        traefik = ServerProcess("Traefik", tmp_path / "traefik.log", signal.SIGTERM)
        command = ["/usr/bin/env", "UPSTREAM_PROVIDER=file", *edge.command()]
        traefik.start(command, lambda: _answers(edge.ping_url))
        held.callback(traefik.stop)
        wait_until(lambda: _answers(f"{edge.public_url}/jobs/login"), "the first account is there", 60)
        yield edge


@pytest.mark.parametrize("shop", ["admin"], indirect=True)
async def test_staff_pass_and_others_are_led_to_the_login(shop: Edge) -> None:
    with httpx.Client(base_url=shop.public_url, trust_env=False, timeout=60, headers=PAGE) as browser:
        before = browser.get("/admin/orders?page=2")
        assert before.status_code == 303
        assert before.headers["location"] == f"{shop.public_url}/jobs/login?next=/admin/orders%3Fpage%3D2"
        assert browser.get("/admin", headers={"Accept": "application/json"}).status_code == 401
        assert browser.post("/admin").status_code == 401

        form = {"name": "admin", "password": PASSWORD, "next": "/admin/orders?page=2"}
        login = browser.post("/jobs/login", data=form, headers={"Origin": shop.public_url})
        assert (login.status_code, login.headers["location"]) == (303, "/admin/orders?page=2")

        inside = browser.get("/admin/orders?page=2", headers={"X-Staff-Role": "owner", "X-Staff-Name": "eve"})
        seen = inside.json()
        assert (seen["service"], seen["path"]) == ("echo", "/admin/orders?page=2")
        assert seen["headers"]["x-staff-name"] == "admin"
        assert seen["headers"]["x-staff-role"] == "admin"
        assert browser.post("/admin/orders", content=b"x").json()["service"] == "echo"


@pytest.mark.parametrize("shop", ["viewer"], indirect=True)
async def test_from_outside_the_question_is_no_page_whatever_the_headers_say(shop: Edge) -> None:
    lies = {"X-Entry": "internal", "X-Forwarded-Uri": "/admin", "X-Forwarded-For": "127.0.0.1"}
    with httpx.Client(
        base_url=shop.public_url, trust_env=False, timeout=60, headers={**PAGE, **lies}
    ) as browser:
        for path in ("/internal/jobs/session", "/internal//jobs/session", "/jobs/../internal/jobs/session"):
            seen = browser.get(path).json()
            assert (seen["service"], seen["path"]) == ("storefront", "/no-such-page")
        staff = browser.get("/admin", headers={"X-Staff-Name": "eve", "X-Staff-Role": "admin"})
        assert staff.status_code == 303
