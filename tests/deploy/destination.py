"""A destination for tests: `.env.test` for an engine of the test's own, and the gateway that it pays by."""

from __future__ import annotations

import secrets
from pathlib import Path

from ops.deploy.destination import Destination, read_destination
from ops.deploy.docker import Docker
from ops.deploy.manifest import network_name
from tests.deploy.engine import DOCKER, Engine
from tests.deploy.stand_in_images import POSTGRES, PYTHON, REDIS, SOCKET_PROXY, TRAEFIK

HTTP_PORT = 8000
SANDBOX_PORT, SMTP_PORT = 9400, 9401


def docker_of(engine: Engine) -> Docker:
    """The operator's docker command, talking to the test's engine."""
    return Docker({"DOCKER_HOST": engine.environment["DOCKER_HOST"]}, DOCKER)


def public_url(engine: Engine) -> str:
    return f"http://{engine.address}:{HTTP_PORT}"


def write_destination(
    engine: Engine, folder: Path, registry: str, *, name: str = "test", **variables: str
) -> Destination:
    """Writes `.env.NAME` into the folder and reads it: stand-ins for public images, plain http, made-up
    secrets, small machines. `registry` is where the image goes (`10.210.1.1:5000`); `variables` come on
    top."""
    sandbox = f"http://sandbox:{SANDBOX_PORT}/sandbox"
    chosen = {
        "ENVIRONMENT": "test",
        "RATE_LIMIT_ENABLED": "no",  # tests hammer from one address
        # These tests are about the swap: two cores that also build images may be slow to answer.
        "DATABASE_ACQUIRE_TIMEOUT_SECONDS": "3",
        "DATABASE_CONNECT_TIMEOUT_SECONDS": "3",
        "DATABASE_LOCK_TIMEOUT_SECONDS": "3",
        "DATABASE_PULSE_SECONDS": "3",
        "DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
        "STACK": "shop",
        "PUBLIC_URL": public_url(engine),
        "ADMIN_API_KEY": secrets.token_hex(16),
        "DATABASE_URL": f"postgresql://kiosk:{secrets.token_hex(16)}@postgres:5432/kiosk",
        "REDIS_URL": f"redis://:{secrets.token_hex(16)}@redis:6379/0",
        "PAYMENT_PROVIDER": "sandbox",
        "PAYMENT_API_URL": sandbox,
        "PAYMENT_PUBLIC_API_URL": f"{public_url(engine)}/sandbox",
        "PAYMENT_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
        "PAYMENT_PUBLISHABLE_KEY": f"pk_test_{secrets.token_hex(12)}",
        "PAYMENT_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(12)}",
        "SES_HOST": "sandbox",
        "SES_PORT": str(SMTP_PORT),
        "SES_SECURITY": "none",
        "SES_SENDER": "Kiosk <orders@kiosk.example>",
        "IMAGE_REPOSITORY": f"{registry}/kiosk",
        "BASE_IMAGE": PYTHON,
        "BUILD_CA_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "TRAEFIK_IMAGE": TRAEFIK,
        "SOCKET_PROXY_IMAGE": SOCKET_PROXY,
        "POSTGRES_IMAGE": POSTGRES,
        "REDIS_IMAGE": REDIS,
        "POSTGRES_MEMORY_LIMIT": "512M",
        "TLS": "off",
        "HTTP_PORT": str(HTTP_PORT),
        "DOCKER_SOCKET": f"{engine.folder}/docker.sock",
        "WEB_MEMORY_RESERVATION": "32M",
        "WORKER_MEMORY_RESERVATION": "32M",
        **variables,
    }
    lines = [f"{variable}='{value}'\n" for variable, value in chosen.items()]
    (folder / f".env.{name}").write_text("".join(lines))
    return read_destination(name, folder)


def start_sandbox(docker: Docker, destination: Destination, image: str) -> None:
    """The gateway and the mailbox, from the image's target `development`, as one more service of the
    swarm: at the public door below /sandbox and /mailbox, within at `sandbox`. Production has none."""
    stack = destination.value("STACK") or ""
    keys = ("PAYMENT_SECRET_KEY", "PAYMENT_PUBLISHABLE_KEY", "PAYMENT_WEBHOOK_SECRETS")
    labels = {
        "kiosk.stack": stack,
        "traefik.enable": "true",
        "traefik.swarm.network": network_name(stack, "edge"),
        "traefik.http.services.sandbox.loadbalancer.server.port": str(SANDBOX_PORT),
        "traefik.http.routers.sandbox.service": "sandbox",
        "traefik.http.routers.sandbox.entrypoints": "public",
        "traefik.http.routers.sandbox.rule": "PathPrefix(`/sandbox`) || PathPrefix(`/mailbox`)",
    }
    repeated = {
        "--label": [f"{name}={value}" for name, value in labels.items()],
        "--env": [f"{name}={destination.value(name)}" for name in keys],
        "--network": [f"name={network_name(stack, network)},alias=sandbox" for network in ("edge", "app")],
    }
    options = [word for option, values in repeated.items() for one in values for word in (option, one)]
    command = ["compose.sandbox", "--port", str(SANDBOX_PORT), "--smtp-port", str(SMTP_PORT)]
    command += ["--state", "/tmp/sandbox.sqlite", "--public-url", destination.value("PUBLIC_URL") or ""]
    command += ["--webhook-url", "http://traefik:8081/webhooks/payments"]
    quiet = ("--detach", "--quiet", "--no-healthcheck", "--no-resolve-image", "--endpoint-mode", "dnsrr")
    docker.run("service", "create", "--name", f"{stack}-sandbox", *quiet, *options, image, *command)
