"""The overlay networks that our stacks share. They are made before any stack and belong to none."""

from __future__ import annotations

import ipaddress

from ops.deploy.docker import Docker
from ops.deploy.manifest import network_name
from ops.deploy.secrets import STACK_LABEL

NETWORKS = ("edge", "app", "data")
CONTROL = "control"  # Traefik and the socket proxy; from here nothing reaches the world


def ensure_networks(docker: Docker, stack_name: str) -> None:
    """Makes what is missing. `attachable`: one-shot containers may join. Raises DockerError."""
    there = set(docker.lines("network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}"))
    for network in (*NETWORKS, CONTROL):
        name = network_name(stack_name, network)
        if name not in there:
            options = ["--driver", "overlay", "--attachable", "--label", f"{STACK_LABEL}={stack_name}"]
            options += ["--internal"] if network == CONTROL else []
            docker.run("network", "create", *options, name)


def subnet_of(docker: Docker, network: str) -> str:
    """The addresses of a network (`10.0.1.0/24`), by the swarm's name of it. Raises DockerError."""
    [found] = docker.inspect("network", network)
    return str(ipaddress.ip_network(found["IPAM"]["Config"][0]["Subnet"]))
