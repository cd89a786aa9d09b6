"""Traefik and its socket proxy: the stack that stays while our services are swapped."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ops.console import OperatorError
from ops.deploy import ledger, maintenance, stacks
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker
from ops.deploy.manifest import Manifest, network_name
from ops.deploy.networks import subnet_of
from ops.deploy.placement import constraints_of, nodes_fulfilling
from ops.deploy.routes import publish_routes
from ops.deploy.secrets import hashed_name
from ops.deploy.settings import EdgeSettings, ImageSettings, RolloutSettings
from ops.deploy.stacks import SideStack
from ops.deploy.values import fill_in
from services.settings import LimitSettings, ProcessSettings

TRAEFIK = "traefik"
START_SECONDS = 120.0
_GRACE_MARGIN_SECONDS = 5
_SOURCE = ROOT / "traefik"
_PLAIN, _SECURE, _REDIRECT = 8080, 8080, 8000  # inside; what the world sees are HTTP_PORT and HTTPS_PORT


def ensure_edge(docker: Docker, destination: Destination, manifest: Manifest) -> None:
    """Starts the edge where it is missing and returns when Traefik routes; where it is there, it stays as
    it is (`edge_is_current` tells whether that is what the destination says). The release's routes have
    to be published, else Traefik routes to nobody. Raises OperatorError, DockerError."""
    stack = edge_stack(docker, destination)
    if not stacks.is_up(docker, stack):
        _check_nodes(docker, destination)
        stacks.put_up(docker, stack)
        stacks.await_running(docker, stack.service_name(TRAEFIK), START_SECONDS)


def edge_is_current(docker: Docker, destination: Destination, manifest: Manifest) -> bool:
    """Whether Traefik and its proxy run with the settings that the destination has now; where they do
    not, `make reboot SERVICE=traefik` brings them. Raises DockerError."""
    return stacks.is_current(docker, edge_stack(docker, destination))


def restart(docker: Docker, destination: Destination) -> None:
    """Brings the edge to the destination's settings and restarts Traefik: with a single node the store
    refuses connections for some seconds. Raises OperatorError, DockerError."""
    _check_nodes(docker, destination)
    _publish_routes_anew(docker, destination)
    stacks.restart(docker, edge_stack(docker, destination), TRAEFIK, START_SECONDS)


def _publish_routes_anew(docker: Docker, destination: Destination) -> None:
    """What Traefik is to read when it comes: a node that joined the edge since the last deploy has no routes,
    one that was away has old ones, and a certificate is named in a file beside them. Before the first deploy
    there are none."""
    stack = destination.read(RolloutSettings).stack
    if (entry := ledger.current(docker, stack)) is not None:
        closed = maintenance.routes_of(docker, stack)
        publish_routes(docker, entry.manifest, destination, maintenance=closed)


def edge_stack(docker: Docker, destination: Destination) -> SideStack:
    """The edge as the destination wants it. Asks the engine for the addresses of network `app` alone."""
    app = network_name(destination.read(RolloutSettings).stack, "app")
    return render_edge(destination, subnet_of(docker, app))


def render_edge(destination: Destination, app_subnet: str) -> SideStack:
    """As `edge_stack`, without an engine. Raises OperatorError."""
    settings, stack_name = destination.read(EdgeSettings), destination.read(RolloutSettings).stack
    values = _values(destination, app_subnet)
    static = traefik_settings(destination, values)
    contents = {
        "traefik": yaml.safe_dump(static, sort_keys=False).encode(),
        "socket_proxy": (_SOURCE / "socket_proxy.cfg").read_bytes(),
    }
    names = {name: hashed_name(stack_name, name, content) for name, content in contents.items()}
    compose = fill_in(yaml.safe_load((_SOURCE / "edge_stack.yml").read_text()), values)
    compose["configs"] = {name: {"external": True, "name": hashed} for name, hashed in names.items()}
    traefik = compose["services"][TRAEFIK]
    traefik["deploy"]["placement"]["constraints"] = constraints_of(settings.edge_placement)
    traefik["ports"] = _ports(settings)
    secrets = _certificate(settings, stack_name) if settings.tls == "certificate" else {}
    if secrets:
        compose["secrets"] = {
            name: {"external": True, "name": hashed} for name, (hashed, _) in secrets.items()
        }
        traefik["secrets"] = list(secrets)
    if settings.tls == "acme":
        traefik["volumes"].append({"type": "volume", "source": "acme", "target": "/etc/traefik/acme"})
    else:
        del compose["volumes"]["acme"]
    configs = {names[name]: content for name, content in contents.items()}
    return SideStack(stack_name, "edge", compose, configs, dict(secrets.values()))


def traefik_settings(destination: Destination, values: dict[str, str | int]) -> dict[str, Any]:
    """Traefik's static settings: swarm.yml, and with TLS what tls.yml adds."""
    settings = destination.read(EdgeSettings)
    static: dict[str, Any] = fill_in(yaml.safe_load((_SOURCE / "swarm.yml").read_text()), values)
    proxies = destination.read(ProcessSettings).trusted_proxies
    trusted = [proxy.strip() for proxy in proxies.split(",") if proxy.strip()]
    static["entryPoints"]["public"]["forwardedHeaders"]["trustedIPs"] = trusted
    if settings.tls == "off":
        return static
    secure = fill_in(yaml.safe_load((_SOURCE / "tls.yml").read_text()), values)
    static["entryPoints"]["redirect"] = secure["entryPoints"]["redirect"]
    static["entryPoints"]["public"]["http"] |= secure["entryPoints"]["public"]["http"]
    if settings.tls == "acme":
        static["certificatesResolvers"] = secure["certificatesResolvers"]
        domains = [{"main": urlsplit(destination.read(ProcessSettings).public_url).hostname}]
        static["entryPoints"]["public"]["http"]["tls"] = {"certResolver": "acme", "domains": domains}
    return static


def _values(destination: Destination, app_subnet: str) -> dict[str, str | int]:
    settings, images = destination.read(EdgeSettings), destination.read(ImageSettings)
    limits, process = destination.read(LimitSettings), destination.read(ProcessSettings)
    stopping = settings.edge_accept_seconds + settings.edge_drain_seconds
    return {
        "STACK": destination.read(RolloutSettings).stack,
        "TRAEFIK_IMAGE": images.traefik_image,
        "SOCKET_PROXY_IMAGE": images.socket_proxy_image,
        "DOCKER_SOCKET": settings.docker_socket,
        "APP_SUBNET": app_subnet,
        "EDGE_ACCEPT_SECONDS": f"{settings.edge_accept_seconds:g}",
        "EDGE_DRAIN_SECONDS": f"{settings.edge_drain_seconds:g}",
        "EDGE_GRACE_SECONDS": math.ceil(stopping + _GRACE_MARGIN_SECONDS),
        "EDGE_MEMORY_LIMIT": settings.edge_memory_limit,
        "HTTPS_PORT": settings.https_port,
        "TRUSTED_PROXIES": process.trusted_proxies,
        "TRUSTED_PROXY_HOPS": process.trusted_proxy_hops,
        "RATE_LIMIT_ENABLED": limits.rate_limit_enabled,
        "RATE_LIMIT_EDGE_PER_SECOND": limits.rate_limit_edge_per_second,
        "RATE_LIMIT_EDGE_BURST": limits.rate_limit_edge_burst,
        "RATE_LIMIT_EDGE_AT_ONCE": limits.rate_limit_edge_at_once,
        "ACME_SERVER": settings.acme_server,
        **({"ACME_EMAIL": settings.acme_email} if settings.acme_email else {}),
    }


def _ports(settings: EdgeSettings) -> list[dict[str, Any]]:
    """Of the node itself (`host`): the routing mesh would hide the shopper's address."""
    inside = {settings.http_port: _PLAIN}
    if settings.tls != "off":
        inside = {settings.http_port: _REDIRECT, settings.https_port: _SECURE}
    return [
        {"target": target, "published": published, "protocol": "tcp", "mode": "host"}
        for published, target in inside.items()
    ]


def _certificate(settings: EdgeSettings, stack_name: str) -> dict[str, tuple[str, bytes]]:
    """TLS_CERTIFICATE_FILE and TLS_KEY_FILE as secrets: hashed name and content."""
    files = {"tls_certificate": settings.tls_certificate_file, "tls_key": settings.tls_key_file}
    found = {}
    for name, file in files.items():
        variable = f"{name.upper()}_FILE"
        if file is None:
            raise OperatorError(f"{variable} is not set: TLS=certificate needs a certificate and its key")
        try:
            content = Path(file).expanduser().read_bytes()
        except OSError as error:
            raise OperatorError(f"{variable}: {file}: {error.strerror}") from None
        found[name] = (hashed_name(stack_name, name, content), content)
    return found


def _check_nodes(docker: Docker, destination: Destination) -> None:
    settings = destination.read(EdgeSettings)
    nodes = nodes_fulfilling(docker, constraints_of(settings.edge_placement))
    if not nodes:
        raise OperatorError(f"no node fulfils EDGE_PLACEMENT ({settings.edge_placement}): docker node ls")
    if settings.tls == "acme" and len(nodes) > 1:
        raise OperatorError(
            f"TLS=acme works with one node at the edge, EDGE_PLACEMENT chooses {', '.join(nodes)}: "
            f"set EDGE_PLACEMENT='node.hostname == {nodes[0]}', or bring a certificate (TLS=certificate)"
        )
