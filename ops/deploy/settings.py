"""What `make deploy` reads from the destination's file besides the services' own variables."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from services.settings import Group, Port, PositiveInt, PositiveSeconds, Seconds


class ImageSettings(Group, frozen=True):
    """Where images come from, and where ours goes."""

    image_repository: str
    registry_username: str | None = None
    registry_password: str | None = None
    base_image: str = "python:3.13-slim-trixie"
    build_ca_file: str | None = None
    traefik_image: str = "traefik:v3.7"
    socket_proxy_image: str = "haproxy:3.2-alpine"
    postgres_image: str = "postgres:18"
    redis_image: str = "valkey/valkey:9"


class EdgeSettings(Group, frozen=True):
    """Traefik: its public ports and its certificates."""

    tls: Literal["acme", "certificate", "off"] = "acme"
    acme_email: str | None = None
    acme_server: str = "https://acme-v02.api.letsencrypt.org/directory"
    tls_certificate_file: str | None = None
    tls_key_file: str | None = None
    http_port: Port = 80
    https_port: Port = 443
    edge_placement: str = "node.role == manager"
    edge_accept_seconds: Seconds = 0.0
    edge_drain_seconds: PositiveSeconds = 10.0
    edge_memory_limit: str = "256M"
    docker_socket: str = "/var/run/docker.sock"


class AccessorySettings(Group, frozen=True):
    """PostgreSQL and Redis beside the services; none where they live elsewhere."""

    accessories: str = "postgres,redis"
    accessory_placement: str = "node.labels.kiosk.data == true"
    postgres_max_connections: PositiveInt = 200
    postgres_memory_limit: str = "2G"
    redis_maxmemory: str = "256mb"
    redis_memory_limit: str = "512M"


class RolloutSettings(Group, frozen=True):
    """How many of each, how large, and how they are swapped."""

    stack: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")] = "kiosk"
    storefront_replicas: PositiveInt = 2
    catalog_replicas: PositiveInt = 2
    checkout_replicas: PositiveInt = 2
    jobs_replicas: PositiveInt = 1
    health_replicas: PositiveInt = 2
    worker_durable_replicas: PositiveInt = 1
    worker_fast_replicas: PositiveInt = 1
    web_cpu_limit: str = "1.0"
    web_memory_limit: str = "384M"
    web_memory_reservation: str = "128M"
    worker_cpu_limit: str = "1.0"
    worker_memory_limit: str = "768M"
    worker_memory_reservation: str = "128M"
    update_parallelism: PositiveInt = 1
    update_delay_seconds: Annotated[int, Meta(ge=0)] = 0
    update_monitor_seconds: PositiveInt = 8
    stage_timeout_seconds: PositiveSeconds = 300.0
    migrate_timeout_seconds: PositiveSeconds = 3600.0
    lock_wait_seconds: Seconds = 0.0
    releases_kept: Annotated[int, Meta(ge=2)] = 10


class ProbeSettings(Group, frozen=True):
    """The load that watches the swap from outside."""

    probe_url: str | None = None
    probe_requests_per_second: PositiveInt = 20
    probe_failures_max: Annotated[int, Meta(ge=0)] = 0
    probe_timeout_seconds: PositiveSeconds = 10.0


DEPLOY_GROUPS: tuple[type[Group], ...] = (
    ImageSettings,
    EdgeSettings,
    AccessorySettings,
    RolloutSettings,
    ProbeSettings,
)
