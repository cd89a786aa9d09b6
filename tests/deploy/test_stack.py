"""A whole store on a real swarm: what is put up, what is reachable, what can be changed while it runs."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ops.console import OperatorError
from ops.deploy.accessories import accessories_are_current, ensure_accessories, restart
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker
from ops.deploy.edge import edge_is_current, ensure_edge
from ops.deploy.manifest import WEB, WORKERS, Manifest
from ops.deploy.one_shot import NEVER_STARTED, OneShotFailed, migrate, run_once
from ops.deploy.placement import nodes_fulfilling
from ops.deploy.render import secret_contents
from ops.deploy.routes import Maintenance, publish_routes
from ops.deploy.secrets import names_of, prune_secrets, publish_secrets
from tests.conftest import ADMIN_KEY
from tests.deploy.deployed_store import DeployedStore
from tests.deploy.whole_store import RELEASE, Ground
from tests.store import wait_until

_ASK = """
import http.client, sys
for request in sys.argv[1:]:
    method, path = request.split(" ")
    line = http.client.HTTPConnection("socket-proxy", 2375, timeout=10)
    line.request(method, path)
    print(request, line.getresponse().status)
"""


@dataclass(frozen=True)
class Store:
    ground: Ground
    manifest: Manifest

    @property
    def docker(self) -> Docker:
        return self.ground.docker

    @property
    def destination(self) -> Destination:
        return self.ground.destination

    def service(self, name: str) -> dict[str, Any]:
        return self.docker.inspect("service", name)[0]

    def publish(self, maintenance: Maintenance | None = None) -> None:
        publish_routes(self.docker, self.manifest, self.destination, maintenance=maintenance)


@pytest.fixture(scope="module")
def store(deployed_store: DeployedStore) -> Store:
    return Store(deployed_store.ground, deployed_store.manifest)


def _traefik_started_at(store: Store) -> list[str]:
    tasks = store.docker.lines("service", "ps", "--quiet", "--no-trunc", "shop-edge_traefik")
    found = json.loads(store.docker.run("inspect", "--type", "task", *tasks))
    return [task["CreatedAt"] for task in found]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/cart", 200),
        ("/search?q=lamp", 200),
        ("/api/catalog/products", 200),
        ("/api/checkout/carts/nobody", 404),
        ("/jobs", 401),
        ("/up", 200),
        ("/health", 200),
        ("/internal/health/anything", 404),
        ("/sandbox/up", 200),
    ],
)
def test_every_service_answers_at_the_public_door(store: Store, path: str, status: int) -> None:
    answer = store.ground.get(path)
    assert answer.status_code == status
    if not path.startswith("/sandbox"):
        assert answer.headers["x-release"] == RELEASE


def test_every_part_of_the_store_is_well(store: Store) -> None:
    def all_ok() -> bool:
        said = store.ground.get("/health").json()
        return said["status"] == "ok" and all(check["status"] == "ok" for check in said["checks"].values())

    wait_until(all_ok, "every check of /health is ok", 60)


def test_the_journeys_pass(store: Store) -> None:
    """The tests that take a BASE_URL, unchanged."""
    files = ("tests/journeys/test_browse.py", "tests/journeys/test_buy.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "BASE_URL": store.ground.url, "ADMIN_API_KEY": ADMIN_KEY},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_a_service_asks_another_by_the_inner_door(store: Store) -> None:
    """A page of the storefront is made of the catalog's answers, which it gets from traefik:8081."""
    key = {"Authorization": f"Bearer {store.destination.value('ADMIN_API_KEY')}"}
    assert store.ground.get("/health", headers=key).json()["checks"]["catalog"]["detail"]
    assert store.ground.get("/").status_code == 200


def test_nothing_of_ours_runs_with_more_than_it_needs(store: Store) -> None:
    for name in (*WEB, *WORKERS):
        task = store.service(store.manifest.service_name(name))["Spec"]["TaskTemplate"]
        container = task["ContainerSpec"]
        assert container["ReadOnly"] is True
        assert container["Image"] == store.manifest.image
        assert not any("postgresql://" in variable for variable in container["Env"])


def test_no_secret_is_in_what_the_engine_tells(store: Store) -> None:
    names = store.docker.lines("service", "ls", "--format", "{{.Name}}")
    told = store.docker.run("service", "inspect", *[name for name in names if name != "shop-sandbox"])
    told += store.docker.run("secret", "inspect", *names_of(store.docker, "secret", "shop"))
    for content in secret_contents(store.destination).values():
        assert content.decode() not in told


def test_the_socket_proxy_reads_and_does_nothing_else(store: Store) -> None:
    read = ["GET /_ping", "GET /v1.41/services", "GET /tasks", "GET /nodes", "GET /networks", "GET /version"]
    refused = ["POST /v1.41/services/create", "DELETE /services/x", "GET /secrets", "GET /v1.41/configs"]
    refused += ["GET /containers/json", "POST /containers/create", "GET /services/x/logs", "GET /info"]
    refused += ["GET /services/../secrets", "GET /services/..%2fsecrets", "GET //secrets"]
    # `python -m timeit` runs a text: the image has no shell to be asked.
    command = [
        "timeit",
        "-n1",
        "-r1",
        f"import sys; sys.argv = {['', *read, *refused]!r}; exec({_ASK!r}, {{}})",
    ]
    outcome = run_once(store.docker, store.manifest, "ask", command, networks=["control"], timeout_seconds=60)
    assert outcome.log[: len(read)] == [f"{request} 200" for request in read]
    assert outcome.log[len(read) : -1] == [f"{request} 403" for request in refused]


def test_a_one_shot_tells_its_exit_code_and_its_last_words(store: Store) -> None:
    seen: list[str] = []
    outcome = run_once(
        store.docker, store.manifest, "fail", ["timeit", "1/0"], timeout_seconds=60, on_line=seen.append
    )
    assert outcome.exit_code == 1
    assert "ZeroDivisionError: division by zero" in outcome.log
    assert seen == outcome.log
    assert "shop-fail" not in store.docker.run("service", "ls")


def test_a_one_shot_of_an_image_that_is_nowhere_says_so(store: Store) -> None:
    nowhere = msgspec.structs.replace(store.manifest, image=store.manifest.image[:-8] + "00000000")
    outcome = migrate(store.docker, nowhere, timeout_seconds=60)
    assert outcome.exit_code == NEVER_STARTED
    assert "No such image" in outcome.log[-1]


def test_a_one_shot_that_no_node_takes_says_why(store: Store) -> None:
    with pytest.raises(OneShotFailed, match="no suitable node"):
        run_once(
            store.docker,
            store.manifest,
            "lost",
            ["services"],
            constraints=["node.labels.nowhere == true"],
            timeout_seconds=15,
        )


def test_the_store_is_closed_and_opened_without_a_restart(store: Store) -> None:
    before = _traefik_started_at(store)
    store.publish(Maintenance(retry_after_seconds=77))
    wait_until(lambda: store.ground.get("/").status_code == 503, "the store is closed", 10)
    for path in ("/", "/api/catalog/products", "/api/checkout/carts/x", "/internal/health/anything"):
        answer = store.ground.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "77")
    assert store.ground.get("/up").status_code == 200
    assert store.ground.get("/health").status_code == 200
    assert store.ground.get("/webhooks/payments").status_code == 405
    store.publish()
    wait_until(lambda: store.ground.get("/").status_code == 200, "the store is open", 10)
    assert _traefik_started_at(store) == before


def test_what_runs_is_left_alone(store: Store) -> None:
    def versions() -> list[int]:
        names = ("shop-edge_traefik", "shop-edge_socket-proxy", "shop-accessories_postgres")
        return [store.service(name)["Version"]["Index"] for name in names]

    before = versions()
    ensure_edge(store.docker, store.destination, store.manifest)
    ensure_accessories(store.docker, store.destination, store.manifest)
    assert versions() == before
    assert edge_is_current(store.docker, store.destination, store.manifest)
    assert accessories_are_current(store.docker, store.destination, store.manifest)
    changed = _with(store.destination, REDIS_MAXMEMORY="64mb", TRUSTED_PROXIES="10.9.0.0/16")
    assert not edge_is_current(store.docker, changed, store.manifest)
    assert not accessories_are_current(store.docker, changed, store.manifest)


def test_secrets_are_made_once_and_pruned_when_no_release_uses_them(store: Store) -> None:
    contents = secret_contents(store.destination)
    assert publish_secrets(store.docker, store.manifest, contents) == []
    old = "shop_admin_api_key_00000000"
    labels = ("--label", "kiosk.stack=shop", "--label", "kiosk.part=services")
    store.docker.run("secret", "create", *labels, old, "-", given=b"old")
    prune_secrets(store.docker, [store.manifest])
    left = names_of(store.docker, "secret", "shop")
    assert old not in left
    assert set(contents) < set(left)


def test_the_data_stays_on_the_node_with_the_label(store: Store) -> None:
    assert nodes_fulfilling(store.docker, ["node.labels.kiosk.data == true"]) == [store.ground.engine.name]


@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_an_accessory_can_be_restarted(store: Store, name: str) -> None:
    before = store.docker.lines("service", "ps", "--quiet", f"shop-accessories_{name}")
    restart(store.docker, store.destination, name)
    assert store.docker.lines("service", "ps", "--quiet", f"shop-accessories_{name}") != before
    wait_until(lambda: store.ground.get("/api/catalog/products").status_code == 200, "the store answers", 30)


def test_a_service_that_is_not_ours_is_not_restarted(store: Store) -> None:
    with pytest.raises(OperatorError, match="known are postgres, redis, traefik"):
        restart(store.docker, store.destination, "catalog")


def test_traefik_is_not_healthy_before_it_knows_the_services(store: Store) -> None:
    """Without the socket proxy it starts, and Docker gives it nothing to do yet."""
    store.docker.run("service", "scale", "--detach", "shop-edge_socket-proxy=0")
    store.docker.run("service", "update", "--detach", "--force", "--quiet", "shop-edge_traefik")

    def state() -> list[str]:
        rows = ("--filter", "desired-state=running", "--format", "{{.CurrentState}}")
        return store.docker.lines("service", "ps", *rows, "shop-edge_traefik")

    wait_until(lambda: any(row.startswith("Starting") for row in state()), "a new Traefik starts", 60)
    started = time.monotonic()
    while time.monotonic() - started < 5:
        assert not any(row.startswith("Running") for row in state())
    store.docker.run("service", "scale", "--detach", "shop-edge_socket-proxy=1")
    wait_until(lambda: any(row.startswith("Running") for row in state()), "Traefik is healthy", 60)
    assert store.ground.get("/").status_code == 200


def test_with_a_certificate_the_public_door_speaks_https(store: Store, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    names = ("-subj", "/CN=shop", "-addext", f"subjectAltName=IP:{store.ground.engine.address}")
    files = ("-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", *files, *names]
    subprocess.run(request, check=True, capture_output=True)
    chosen = {"TLS": "certificate", "TLS_CERTIFICATE_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    secure = _with(store.destination, **chosen, HTTPS_PORT="8443")
    publish_routes(store.docker, store.manifest, secure)
    restart(store.docker, secure, "traefik")
    assert edge_is_current(store.docker, secure, store.manifest)
    assert key.read_text() not in store.docker.run("service", "inspect", "shop-edge_traefik")
    trusted = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(trust_env=False, verify=trusted, timeout=10) as client:
        answer = client.get(f"https://{store.ground.engine.address}:8443/up")
    assert (answer.status_code, answer.headers["x-release"]) == (200, RELEASE)
    assert "strict-transport-security" in answer.headers
    plain = store.ground.get("/up")
    publish_routes(store.docker, store.manifest, store.destination)
    restart(store.docker, store.destination, "traefik")
    wait_until(lambda: store.ground.get("/up").status_code == 200, "http is back", 30)
    assert plain.status_code == 301
    assert plain.headers["location"] == f"https://{store.ground.engine.address}:8443/up"


def _with(destination: Destination, **variables: str) -> Destination:
    chosen = {**destination.variables, **variables}
    return Destination(destination.name, Path(destination.file), chosen)
