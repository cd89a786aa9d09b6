"""A whole store on a swarm of the test's own, put up by the functions that `make deploy` calls."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from ops.deploy.accessories import ensure_accessories
from ops.deploy.build import build_image as build_for_deploy
from ops.deploy.build import committed_files
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.edge import ensure_edge
from ops.deploy.manifest import WEB, WORKERS, Manifest, subset
from ops.deploy.networks import ensure_networks
from ops.deploy.one_shot import migrate, run_once
from ops.deploy.registry import login, push
from ops.deploy.render import render, secret_contents
from ops.deploy.routes import publish_routes
from ops.deploy.secrets import publish_secrets
from ops.deploy.stacks import await_running
from tests.deploy.built_image import build_image, engine_with
from tests.deploy.destination import docker_of, public_url, start_sandbox, write_destination
from tests.deploy.engine import Engine
from tests.deploy.registry import running_registry
from tests.deploy.stand_in_images import POSTGRES, REDIS, SOCKET_PROXY, TRAEFIK
from tests.store import NO_TLS, copied_tree

RELEASE = "20260101-000000-first"
_AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@kiosk.example")


@dataclass(frozen=True)
class Ground:
    """What a deploy needs before it starts: an engine that is a swarm, a registry, a clone, a
    destination, and the image of the sandbox gateway."""

    engine: Engine
    docker: Docker
    registry: str
    destination: Destination
    clone: Path
    sandbox_image: str

    @property
    def url(self) -> str:
        return public_url(self.engine)

    def get(self, path: str, **options: object) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10, verify=NO_TLS, base_url=self.url) as client:
            return client.get(path, **options)  # type: ignore[arg-type]  # httpx's own options


@contextmanager
def bare_ground(folder: Path, **variables: str) -> Iterator[Ground]:
    """Everything but the store. `variables` are those of the destination."""
    with (
        engine_with(POSTGRES, REDIS, TRAEFIK, SOCKET_PROXY) as engine,
        running_registry(engine, folder) as registry,
        copied_tree() as clone,
    ):
        engine.init_swarm()
        commit(clone, "first")
        destination = write_destination(engine, folder, registry, **variables)
        sandbox = build_image(engine, "sandbox", clone, f"{registry}/sandbox:1", target="development")
        docker = docker_of(engine)
        yield Ground(engine, docker, registry, destination, clone, push(docker, sandbox))


def commit(clone: Path, message: str) -> str:
    """Commits all of a copied tree, making a clone of it at first; the revision."""
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", message]):
        subprocess.run(["git", *_AUTHOR, *command], cwd=clone, check=True)
    return commit_of(clone)


def shipped(ground: Ground, release: str = RELEASE) -> Manifest:
    """Builds and pushes what is committed; its manifest."""
    revision = commit_of(ground.clone)
    login(ground.docker, ground.destination)
    with committed_files(ground.clone, revision) as files:
        tag = build_for_deploy(ground.docker, ground.destination, release, revision, files)
        image = push(ground.docker, tag)
        return render(ground.destination, release=release, revision=revision, image=image, folder=files)


def commit_of(clone: Path) -> str:
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    return told.stdout.strip()


def put_up(ground: Ground, manifest: Manifest, *, products: int = 0) -> None:
    """The first deploy, without its ceremony: until every service runs and the store answers. `products`
    of the demo catalog are loaded before anybody asks, and keeps in mind that there are none."""
    docker, destination = ground.docker, ground.destination
    ensure_networks(docker, manifest.stack_name)
    publish_secrets(docker, manifest, secret_contents(destination))
    ensure_accessories(docker, destination, manifest)
    outcome = migrate(docker, manifest, timeout_seconds=120)
    assert outcome.exit_code == 0, outcome.log
    if products:
        load_demo(ground, manifest, products)
    start_sandbox(docker, destination, ground.sandbox_image)
    deploy_services(docker, manifest)
    publish_routes(docker, manifest, destination)
    ensure_edge(docker, destination, manifest)


def load_demo(ground: Ground, manifest: Manifest, products: int) -> None:
    """By a one-shot of the image that has the demo catalog."""
    with_demo = msgspec.structs.replace(manifest, image=ground.sandbox_image)
    command = ["ops.demo", "--products", str(products)]
    outcome = run_once(
        ground.docker,
        with_demo,
        "demo",
        command,
        networks=["data"],
        secrets=["database_url"],
        timeout_seconds=180,
    )
    assert outcome.exit_code == 0, outcome.log


def deploy_services(docker: Docker, manifest: Manifest) -> None:
    given = msgspec.json.encode(subset(manifest, [*WEB, *WORKERS]))
    quiet = ("--with-registry-auth", "--resolve-image", "never")
    docker.run("stack", "deploy", *quiet, "--compose-file", "-", manifest.stack_name, given=given)
    for service in (*WEB, *WORKERS):
        await_running(docker, manifest.service_name(service), 180)
