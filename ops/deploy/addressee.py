"""Whom a verb means by `SERVICE=catalog`: a service of ours, of the edge or of the accessories."""

from __future__ import annotations

from dataclasses import dataclass

from ops.console import OperatorError
from ops.deploy.accessories import KNOWN, accessories_of
from ops.deploy.destination import Destination
from ops.deploy.manifest import STAGES
from ops.deploy.settings import RolloutSettings

OURS = tuple(service for stage in STAGES for service in stage)
EDGE = ("traefik", "socket-proxy")


@dataclass(frozen=True, slots=True)
class Addressee:
    """`stack` is the swarm's name of the stack that the service is in."""

    stack: str
    service: str

    @property
    def swarm_name(self) -> str:
        return f"{self.stack}_{self.service}"


def addressee(destination: Destination, service: str) -> Addressee:
    """Raises OperatorError with the names that there are."""
    found = {one.service: one for one in addressees(destination)}
    if service in found:
        return found[service]
    if service in KNOWN:
        raise OperatorError(
            f"{service} is no accessory of {destination.name} (ACCESSORIES in {destination.file.name}): "
            "it has to be looked after where it runs"
        )
    raise OperatorError(f"there is no service {service!r}: SERVICE is one of {', '.join(found)}")


def addressees(destination: Destination) -> list[Addressee]:
    """Everything that runs at a destination."""
    stack = destination.read(RolloutSettings).stack
    parts = ((stack, OURS), (f"{stack}-edge", EDGE), (f"{stack}-accessories", accessories_of(destination)))
    return [Addressee(name, service) for name, services in parts for service in services]
