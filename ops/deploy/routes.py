"""The routes of a release, on every node of the edge; Traefik reads them as soon as they change.

They are files in the volume `STACK_routes`. The release's own image writes them, so the routes are always
those of the release, and Traefik never restarts for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ops.console import OperatorError
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.manifest import Manifest
from ops.deploy.one_shot import OneShotFailed, run_once
from ops.deploy.placement import constraints_of
from ops.deploy.settings import EdgeSettings

_TIMEOUT_SECONDS = 120.0
_FOLDER = "/routes"
# Priorities of ordinary rules are their lengths; Traefik keeps those near the largest number for itself.
_BEFORE_ALL_OTHERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Who asks the public door gets 503 with `Retry-After`, except at `/webhooks/payments`, `/up` and
    `/health`; the inner door stays as it is, and so do the services. Traefik fetches the page's text by
    GET from the health service at `page` (it may be below `/internal/`: this way goes past no router);
    its Content-Type is kept, its status becomes 503. `{url}` in `page` stands for what was asked for.
    While no health service answers, or none of its tasks runs, Traefik's own words take the page's place; the
    status is the same."""

    retry_after_seconds: int = 120
    page: str = "/internal/health/maintenance"


def publish_routes(
    docker: Docker, manifest: Manifest, destination: Destination, *, maintenance: Maintenance | None = None
) -> None:
    """Writes the release's routes, and the maintenance file or none, on every node of the edge. Returns
    when they are written; Traefik follows within a second. Raises OperatorError, DockerError."""
    settings = destination.read(EdgeSettings)
    files = {}
    if settings.tls == "certificate":
        files["certificate.yml"] = json.dumps(certificate_file())
    if maintenance is not None:
        files["maintenance.yml"] = json.dumps(maintenance_file(maintenance))
    arguments = [word for name, text in files.items() for word in ("--file", f"{name}={text}")]
    try:
        outcome = run_once(
            docker,
            manifest,
            "routes",
            ["ops.publish_routes", *arguments, _FOLDER],
            mounts=[f"type=volume,source={manifest.stack_name}_routes,destination={_FOLDER}"],
            constraints=constraints_of(settings.edge_placement),
            everywhere=True,
            user="0:0",  # the volume's owner; without any capability
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    except OneShotFailed as error:
        raise OperatorError(f"the routes could not be published: {error} (EDGE_PLACEMENT)") from None
    if outcome.exit_code != 0:
        raise OperatorError(f"the routes could not be published: {' '.join(outcome.log[-3:])}")


def maintenance_file(maintenance: Maintenance) -> dict[str, Any]:
    """Traefik's dynamic settings: a router before all others to a service without servers, whose 503 gets
    a page and `Retry-After`; and behind it the same one without the page, because Traefik drops a router
    whose page comes from a service that no task runs of."""
    headers = {"Retry-After": str(maintenance.retry_after_seconds), "Cache-Control": "no-store"}
    page = {"status": ["503"], "service": "health@swarm", "query": maintenance.page}
    return {
        "http": {
            "routers": {
                "maintenance": _closed(_BEFORE_ALL_OTHERS, "maintenance-headers", "maintenance-page"),
                "maintenance-without-page": _closed(_BEFORE_ALL_OTHERS - 1, "maintenance-headers"),
            },
            "middlewares": {
                "maintenance-headers": {"headers": {"customResponseHeaders": headers}},
                "maintenance-page": {"errors": page},
            },
            "services": {"maintenance": {"loadBalancer": {"servers": []}}},
        }
    }


def _closed(priority: int, *middlewares: str) -> dict[str, Any]:
    spared = "!Path(`/webhooks/payments`) && !Path(`/up`) && !Path(`/health`)"
    return {
        "entryPoints": ["public"],
        "rule": f"PathPrefix(`/`) && {spared}",
        "priority": priority,
        "service": "maintenance",
        "middlewares": list(middlewares),
    }


def certificate_file() -> dict[str, Any]:
    """TLS=certificate: where Traefik finds the pair."""
    pair = {"certFile": "/run/secrets/tls_certificate", "keyFile": "/run/secrets/tls_key"}
    return {"tls": {"certificates": [pair], "stores": {"default": {"defaultCertificate": pair}}}}
