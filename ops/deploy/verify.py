"""Whether the world gets the release: by the public URL, by the tasks, by the workers' own rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx
import msgspec

from ops.deploy.manifest import WEB, WORKERS, Manifest
from ops.deploy.one_shot import OneShotFailed, run_once
from ops.deploy.rollout import replicas_of
from ops.deploy.site import Site
from ops.deploy.tasks import tasks_of
from ops.worker_releases import LivingWorker

Watch = Callable[[], None]

# What each web service answers by itself, see traefik/routes.yml. 404 is an answer, too.
PATHS = {
    "storefront": "/robots.txt",
    "catalog": "/api/catalog/categories",
    "checkout": "/api/checkout/carts/verify",
    "jobs": "/jobs",
    "health": "/up",
}
ANSWERS_PER_REPLICA = 3
_SECONDS = 60.0
_WORKER_SECONDS = 45.0
_AGAIN_SECONDS = 0.2


class NotVerified(Exception):
    """Something does not answer as the release. `service` is its name in deploy.yml."""

    def __init__(self, service: str, why: str) -> None:
        self.service, self.why = service, why
        super().__init__(f"{service}: {why}")


def verify_answers(site: Site, manifest: Manifest, watch: Watch) -> int:
    """Asks each web service on new connections until the release alone answered three times as often in a
    row as the service has replicas: Traefik takes them in turn. The number of answers. Raises
    NotVerified."""
    asked = 0
    with httpx.Client(
        base_url=site.url,
        trust_env=False,
        timeout=site.probe.probe_timeout_seconds,
        verify=site.url.startswith("https:"),
        headers={"User-Agent": f"kiosk-probe/{manifest.release}"},
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as client:
        for service in [name for name in WEB if name in manifest.stack["services"]]:
            asked += _verify_service(client, service, manifest, watch)
    return asked


def _verify_service(client: httpx.Client, service: str, manifest: Manifest, watch: Watch) -> int:
    wanted = ANSWERS_PER_REPLICA * replicas_of(manifest, service)
    deadline, asked, in_a_row, last = time.monotonic() + _SECONDS, 0, 0, "no answer"
    while in_a_row < wanted:
        last = _release_at(client, PATHS[service])
        asked += 1
        in_a_row = in_a_row + 1 if last == manifest.release else 0
        if in_a_row == 0:
            if time.monotonic() > deadline:
                raise NotVerified(service, f"{PATHS[service]} answers as {last}, not as {manifest.release}")
            watch()
            time.sleep(_AGAIN_SECONDS)
    return asked


def _release_at(client: httpx.Client, path: str) -> str:
    try:
        answer = client.get(path)
    except httpx.HTTPError as error:
        return f"nobody ({type(error).__name__})"
    return str(answer.headers.get("X-Release", f"nobody of ours ({answer.status_code})"))


def verify_tasks(site: Site, manifest: Manifest, watch: Watch) -> None:
    """Every task that the swarm wants runs the release's image. Raises NotVerified, DockerError."""
    deadline = time.monotonic() + _SECONDS
    for service in manifest.stack["services"]:
        while (why := _strange_tasks(site, manifest, service)) is not None:
            if time.monotonic() > deadline:
                raise NotVerified(service, f"does not run {manifest.image} alone: {why}")
            watch()
            time.sleep(_AGAIN_SECONDS)


def _strange_tasks(site: Site, manifest: Manifest, service: str) -> str | None:
    wanted = [task for task in tasks_of(site.docker, site.stack, service) if task.desired == "running"]
    strangers = [task for task in wanted if task.image != manifest.image or task.state != "running"]
    if strangers:
        return ", ".join(f"{task.image} is {task.state}" for task in strangers)
    return None if len(wanted) == replicas_of(manifest, service) else f"{len(wanted)} tasks"


def verify_workers(site: Site, manifest: Manifest) -> None:
    """Each worker's container has a living row of the release. Raises NotVerified, DockerError."""
    services = [name for name in WORKERS if name in manifest.stack["services"]]
    hosts = {
        task.container_id[:12]: service
        for service in services
        for task in tasks_of(site.docker, site.stack, service)
        if task.desired == "running"
    }
    rows = {worker.host: worker.release for worker in _living(site, manifest, hosts)}
    for host, service in hosts.items():
        if rows.get(host) != manifest.release:
            told = rows.get(host, "no living row of its own")
            raise NotVerified(service, f"the worker in container {host} has {told} in jobs.workers")


def _living(site: Site, manifest: Manifest, hosts: Mapping[str, str]) -> list[LivingWorker]:
    """The rows, as soon as all hosts have one of the release, or when the time is over."""
    command = ["ops.worker_releases", "--release", manifest.release, "--hosts", ",".join(hosts)]
    first = next(iter(hosts.values()))
    try:
        outcome = run_once(
            site.docker,
            manifest,
            "worker-releases",
            [*command, "--seconds", f"{_WORKER_SECONDS:g}"],
            networks=["data"],
            secrets=["jobs_database_url"],
            timeout_seconds=2 * _WORKER_SECONDS,
        )
    except OneShotFailed as error:
        raise NotVerified(first, f"the workers' rows can't be read: {error}") from None
    if outcome.exit_code != 0 or not outcome.log:
        said = site.redact(" ".join(outcome.log[-2:]))
        raise NotVerified(first, f"the workers' rows can't be read: {said}")
    return msgspec.json.decode(outcome.log[-1], type=list[LivingWorker])
