"""compose/: two words bring a whole store, and the same journeys pass there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import needs_program
from tests.deploy.built_image import ROOT, build_image, engine_with
from tests.deploy.engine import Engine
from tests.deploy.stand_in_images import POSTGRES, REDIS, TRAEFIK
from tests.store import copied_tree, get, wait_until

ADMIN_KEY = "development-admin-key"
PORT = 8080
OURS = ("catalog", "checkout", "jobs", "storefront", "health", "worker-durable", "worker-fast", "sandbox")


@dataclass(frozen=True)
class ComposedStore:
    """A stack of compose files, in the engine; reached at the engine's address."""

    engine: Engine
    tree: Path
    files: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"http://{self.engine.address}:{PORT}"

    def compose(self, *arguments: str, timeout_seconds: float = 240) -> str:
        """Runs docker-compose; its output. Fails the test with what it said."""
        files = [word for file in self.files for word in ("--file", str(self.tree / "compose" / file))]
        done = subprocess.run(
            [needs_program("docker-compose"), "--project-name", "kiosk", *files, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env={
                **self.engine.environment,
                "BIND": "0.0.0.0",
                "RATE_LIMIT_ENABLED": "no",  # journeys hammer from one address
                "PUBLIC_HOST": self.engine.address,
                "POSTGRES_IMAGE": POSTGRES,
                "REDIS_IMAGE": REDIS,
                "TRAEFIK_IMAGE": TRAEFIK,
            },
        )
        assert done.returncode == 0, f"docker-compose {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def exit_code(self, service: str) -> int:
        return int(self.engine.docker("inspect", "--format", "{{.State.ExitCode}}", f"kiosk_{service}_1"))

    def health(self) -> str:
        """`/health`'s own word, or what came instead of it."""
        try:
            response = get(f"{self.url}/health")
            return str(response.json()["status"]) if response.status_code == 200 else response.text
        except httpx.TransportError as error:
            return repr(error)


@contextmanager
def composed_store(engine: Engine, tree: Path, *files: str) -> Iterator[ComposedStore]:
    store = ComposedStore(engine, tree, files)
    try:
        store.compose("up", "--detach", "--no-build")
        wait_until(lambda: store.health() == "ok", "the whole store is well", 60)
        yield store
    finally:
        store.compose("down", "--volumes")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    needs_program("docker-compose")
    with engine_with(POSTGRES, REDIS, TRAEFIK) as engine:
        yield engine


@pytest.fixture(scope="module")
def store(engine: Engine) -> Iterator[ComposedStore]:
    build_image(engine, "compose", tag="kiosk:development", target="development")
    with composed_store(engine, ROOT, "compose.yml") as store:
        yield store


def _pytest(store: ComposedStore, *arguments: str) -> None:
    """The tests that take a BASE_URL, unchanged."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "BASE_URL": store.url, "ADMIN_API_KEY": ADMIN_KEY},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_journeys_pass(store: ComposedStore) -> None:
    _pytest(store, "tests/journeys/test_browse.py", "tests/journeys/test_buy.py")


def test_the_browsers_journey_passes(store: ComposedStore) -> None:
    needs_program("chromium", "chromium-browser", "google-chrome")
    chosen = "(receipt and 1280 and light) or declined or bank_asks or double_click_pays"
    _pytest(store, "tests/browser/test_buy.py", "-k", chosen)


def test_nothing_but_the_public_door_is_published(store: ComposedStore) -> None:
    running = store.engine.docker("ps", "--format", "{{.Names}} {{.Ports}}").splitlines()
    assert [line.split()[0] for line in running if "->" in line] == ["kiosk_traefik_1"]
    assert get(f"{store.url}/internal/catalog/quotes").status_code == 404


def test_while_redis_is_dead_the_store_answers(store: ComposedStore) -> None:
    store.compose("kill", "redis")
    try:
        wait_until(lambda: store.health() == "degraded", "health says degraded")
        for path in ("/", "/api/catalog/products", "/search?q=mug", "/cart"):
            assert get(store.url + path).status_code == 200, path
        with httpx.Client(base_url=store.url, trust_env=False, timeout=10) as shopper:
            assert shopper.post("/api/checkout/carts", json={}).status_code == 201
    finally:
        store.compose("start", "redis")
    wait_until(lambda: store.health() == "ok", "health says ok again")


def test_stopped_services_end_by_themselves_and_their_data_is_there_again(store: ComposedStore) -> None:
    with httpx.Client(base_url=store.url, trust_env=False, timeout=10) as shopper:
        cart = shopper.post("/api/checkout/carts", json={}).json()["id"]
        store.compose("stop")
        assert {name: store.exit_code(name) for name in OURS} == dict.fromkeys(OURS, 0)
        store.compose("down")
        store.compose("up", "--detach", "--no-build")
        wait_until(lambda: store.health() == "ok", "the whole store is well again", 60)
        assert shopper.get(f"/api/checkout/carts/{cart}").status_code == 200


def _says(url: str, words: str) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return words in get(url).text
        except httpx.TransportError:
            return False

    return look


def test_a_changed_file_starts_the_service_anew(store: ComposedStore) -> None:
    """Last of this module: it takes the other stack's place."""
    store.compose("down")
    build_image(store.engine, "reload", dockerfile="Dockerfile.dev")
    files = "compose.yml", "compose.dev.yml"
    with copied_tree() as tree, composed_store(store.engine, tree, *files) as live:
        crawlers = tree / "services" / "storefront" / "crawlers.py"
        assert not _says(f"{live.url}/robots.txt", "/secret-garden")()
        crawlers.write_text(crawlers.read_text().replace("Disallow: /cart", "Disallow: /secret-garden"))
        wait_until(_says(f"{live.url}/robots.txt", "/secret-garden"), "the changed file is served", 60)
