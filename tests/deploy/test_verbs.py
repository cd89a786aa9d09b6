"""The verbs besides deploy and rollback, on a store that runs. They run in their order, on one store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.deploy.deployed_store import DeployedStore
from tests.deploy.engine import DOCKER
from tests.store import NO_TLS, wait_until

pytestmark = pytest.mark.slow


def _psql(store: DeployedStore, statement: str) -> str:
    """By the verb `shell`, which reads from a pipe where there is no terminal."""
    engine = store.operator.engine
    shell = [sys.executable, "-m", "ops.deploy", "shell", "--to", "test", "--service", "postgres"]
    done = subprocess.run(
        shell,
        cwd=store.operator.folder,
        env={**os.environ, "DOCKER_HOST": engine.environment["DOCKER_HOST"], "DOCKER": DOCKER},
        input=statement,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def _answers(store: DeployedStore, status: int) -> None:
    wait_until(lambda: store.ground.get("/cart").status_code == status, f"/cart answers {status}", 30)


def test_status_tells_what_runs(deployed_store: DeployedStore) -> None:
    operator = deployed_store.operator
    done = operator.run("status")
    assert done.status == 0, done.output
    assert "all of it as the ledger says" in done.output
    found = json.loads(operator.run("status", "--json").output)
    running = {one["service"]: (one["release"], one["running"]) for one in found["services"]}
    assert running["catalog"] == (deployed_store.manifest.release, 2)
    assert {"traefik", "socket-proxy", "postgres", "redis", "worker-fast"} < set(running)


def test_releases_lists_the_ledger(deployed_store: DeployedStore) -> None:
    done = deployed_store.operator.run("releases")
    assert done.status == 0
    row = next(line for line in done.output.splitlines() if line.startswith("*"))
    assert deployed_store.manifest.release in row
    assert "41 ms" in row


def test_logs_name_the_replica_and_can_be_searched(deployed_store: DeployedStore) -> None:
    path = "/api/catalog/products/searched-for-in-the-log"
    deployed_store.ground.get(path)

    def found() -> bool:
        said = deployed_store.operator.run(
            "logs", "--service", "catalog", "--grep", "searched-for-in-the-log 404"
        )
        lines = said.output.splitlines()
        return bool(lines) and all(line.startswith(("catalog.1 ", "catalog.2 ")) for line in lines)

    wait_until(found, "the request is in the log of a replica", 30)
    everybody = deployed_store.operator.run("logs", "--since", "1h").output
    for who in ("postgres.1", "redis.1", f"traefik@{deployed_store.ground.engine.name}", "checkout.2"):
        assert f"\n{who} " in everybody


def test_a_shell_is_where_the_service_runs(deployed_store: DeployedStore) -> None:
    assert "kiosk" in _psql(deployed_store, "SELECT current_user;")


def test_scale_is_remembered_and_can_be_taken_back(deployed_store: DeployedStore) -> None:
    operator = deployed_store.operator
    done = operator.run("scale", "--service", "worker-fast", "--replicas", "2")
    assert done.status == 0, done.output
    assert "goes back to WORKER_FAST_REPLICAS=1" in done.output
    assert "✗ worker-fast" not in operator.run("status").output
    assert operator.run("releases").output.count("  scale  ") == 1
    assert operator.run("scale", "--service", "worker-fast", "--replicas", "1").status == 0


def test_what_somebody_changed_by_hand_is_a_problem(deployed_store: DeployedStore) -> None:
    docker = deployed_store.ground.docker
    docker.run("service", "scale", "--detach", "shop_jobs=0")
    done = deployed_store.operator.run("status")
    assert done.status == 1
    assert "✗ jobs: the swarm wants 0 replicas, the ledger says 1" in done.output
    docker.run("service", "scale", "--detach", "shop_jobs=1")
    told = "✗ jobs"
    wait_until(lambda: told not in deployed_store.operator.run("status").output, "jobs runs again", 120)


def test_redis_is_rebooted_and_the_store_goes_on(deployed_store: DeployedStore) -> None:
    reboot = deployed_store.operator.start("reboot", "--service", "redis")
    while reboot.process.poll() is None:
        assert deployed_store.ground.get("/cart").status_code == 200
    done = reboot.wait()
    assert done.status == 0, done.output
    assert "never goes down" in done.output


def test_the_store_is_closed_with_words_and_opened_again(deployed_store: DeployedStore) -> None:
    operator, ground = deployed_store.operator, deployed_store.ground
    words = ("--message", "Back at noon", "--retry-after-seconds", "300")
    done = operator.run("maintenance", "on", *words)
    assert done.status == 0, done.output
    _answers(deployed_store, 503)
    page = ground.get("/cart")
    assert "<p>Back at noon</p>" in page.text
    assert page.headers["retry-after"] == "300"
    problem = ground.get("/api/catalog/products")
    assert (problem.status_code, problem.json()["status"]) == (503, 503)
    assert ground.get("/health").status_code == 200
    assert "closed since" in operator.run("status").output
    assert operator.run("maintenance", "off").status == 0
    _answers(deployed_store, 200)


def test_a_backup_is_restored(deployed_store: DeployedStore, tmp_path: Path) -> None:
    operator, file = deployed_store.operator, tmp_path / "shop.dump"
    done = operator.run("backup", "--file", str(file))
    assert done.status == 0, done.output
    assert file.stat().st_size > 10_000
    _psql(deployed_store, "INSERT INTO jobs.queues (backend, name) VALUES ('durable', 'later');")
    told = operator.run("restore", "--file", str(file))
    assert (told.status, "nothing was changed" in told.output) == (1, True)
    done = operator.run("restore", "--file", str(file), "--confirm", "yes")
    assert done.status == 0, done.output
    assert "later" not in _psql(deployed_store, "SELECT name FROM jobs.queues;")
    _answers(deployed_store, 200)
    cart = {"Idempotency-Key": "after-the-restore"}

    def sells() -> bool:
        with httpx.Client(base_url=deployed_store.ground.url, trust_env=False, verify=NO_TLS) as client:
            return client.post("/api/checkout/carts", headers=cart, json={}).status_code == 201

    wait_until(sells, "carts can be made again", 60)


def test_no_verb_printed_a_secret(deployed_store: DeployedStore) -> None:
    """Last: it reads what was said above."""
    said = deployed_store.operator.said()
    chosen = deployed_store.ground.destination.variables
    secrets = [chosen[name] for name in ("ADMIN_API_KEY", "PAYMENT_SECRET_KEY", "PAYMENT_WEBHOOK_SECRETS")]
    secrets += [chosen[name].split(":")[2].partition("@")[0] for name in ("DATABASE_URL", "REDIS_URL")]
    assert [secret for secret in secrets if secret in said] == []
