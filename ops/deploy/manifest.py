"""A release fully worked out: what is deployed, kept in the ledger and rolled back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

# Services that are swapped together, in this order; going back, in the reverse one.
STAGES: tuple[tuple[str, ...], ...] = (
    ("worker-durable", "worker-fast"),
    ("jobs",),
    ("catalog",),
    ("checkout",),
    ("storefront",),
    ("health",),
)
WEB = ("storefront", "catalog", "checkout", "jobs", "health")
WORKERS = ("worker-durable", "worker-fast")


class Manifest(msgspec.Struct, frozen=True):
    """`image` is pinned (`repository@sha256:...`). `stack` is the compose file (3.8) of our services with
    everything filled in; its secrets are named by the hash of their content and hold no value.
    `migrations` are the file names that the image ships, by service; `routes` is the hash of its
    traefik/routes.yml."""

    release: str
    revision: str
    image: str
    stack_name: str
    stack: dict[str, Any]
    migrations: dict[str, list[str]]
    routes: str

    def service_name(self, service: str) -> str:
        """What the swarm calls one of our services."""
        return f"{self.stack_name}_{service}"

    def network_name(self, network: str) -> str:
        return network_name(self.stack_name, network)

    def secret_name(self, variable: str) -> str | None:
        """What the swarm calls the secret of a variable (`redis_url`); None where the destination
        leaves it unset."""
        found = self.stack["secrets"].get(variable)
        return None if found is None else str(found["name"])

    def secret_names(self) -> frozenset[str]:
        return frozenset(str(secret["name"]) for secret in self.stack["secrets"].values())


def network_name(stack_name: str, network: str) -> str:
    """What the swarm calls our networks `edge`, `app`, `data` and `control`."""
    return f"{stack_name}_{network}"


def subset(manifest: Manifest, services: Sequence[str]) -> dict[str, Any]:
    """A compose file of some services, as `docker stack deploy -c - STACK` takes it (JSON is YAML):
    with the networks and secrets that they use, and every `$` escaped, which docker would fill in."""
    chosen = {name: manifest.stack["services"][name] for name in services}
    networks = {network for service in chosen.values() for network in service["networks"]}
    secrets = {one["source"] for service in chosen.values() for one in service.get("secrets", [])}
    cut = {
        **manifest.stack,
        "services": chosen,
        "networks": {name: manifest.stack["networks"][name] for name in sorted(networks)},
        "secrets": {name: manifest.stack["secrets"][name] for name in sorted(secrets)},
    }
    return dict(escaped(cut))


def escaped(value: Any) -> Any:
    """The same structure with `$` doubled in every text."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: escaped(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [escaped(one) for one in value]
    return value
