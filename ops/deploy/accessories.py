"""PostgreSQL and Redis in the swarm, where the destination has none elsewhere."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

import yaml

from ops.console import OperatorError
from ops.deploy import edge, stacks
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker
from ops.deploy.manifest import Manifest
from ops.deploy.placement import constraints_of, label_of, nodes_fulfilling, nodes_of
from ops.deploy.secrets import hashed_name
from ops.deploy.settings import AccessorySettings, ImageSettings, RolloutSettings
from ops.deploy.stacks import SideStack
from ops.deploy.values import fill_in

KNOWN = ("postgres", "redis")
START_SECONDS = 300.0
RESTART_SECONDS = 600.0
_FILE = ROOT / "compose" / "accessories_stack.yml"
_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024}


def accessories_of(destination: Destination) -> list[str]:
    """What ACCESSORIES lists. Raises OperatorError for a name that is not known."""
    listed = [one.strip() for one in destination.read(AccessorySettings).accessories.split(",")]
    found = [one for one in listed if one and one != "none"]
    if strangers := sorted(set(found) - set(KNOWN)):
        raise OperatorError(f"ACCESSORIES: {', '.join(strangers)}: known are {', '.join(KNOWN)}, or none")
    return found


def ensure_accessories(docker: Docker, destination: Destination, manifest: Manifest) -> None:
    """Starts what is missing and returns when it is healthy; what is there stays as it is. Raises
    OperatorError, DockerError."""
    stack = accessories_stack(destination)
    if stack is None or stacks.is_up(docker, stack):
        return
    pin(docker, destination)
    stacks.put_up(docker, stack)
    for name in stack.compose["services"]:
        stacks.await_running(docker, stack.service_name(name), START_SECONDS)


def accessories_are_current(docker: Docker, destination: Destination, manifest: Manifest) -> bool:
    """Whether they run with the settings that the destination has now. Raises DockerError."""
    stack = accessories_stack(destination)
    return stack is None or stacks.is_current(docker, stack)


def restart(docker: Docker, destination: Destination, name: str) -> None:
    """Brings `postgres`, `redis` or `traefik` to the destination's settings and restarts it; returns when
    it is healthy again. Raises OperatorError, DockerError."""
    if name == edge.TRAEFIK:
        edge.restart(docker, destination)
        return
    stack = accessories_stack(destination)
    if stack is None or name not in stack.compose["services"]:
        ours = [*([] if stack is None else stack.compose["services"]), edge.TRAEFIK]
        raise OperatorError(f"{name} is not ours to restart; known are {', '.join(ours)}")
    stacks.restart(docker, stack, name, RESTART_SECONDS)


def pin(docker: Docker, destination: Destination) -> None:
    """Makes sure that exactly one node may hold the data: volumes don't travel. The node of a swarm of
    one gets the label by itself. Raises OperatorError with the command to run."""
    constraints = constraints_of(destination.read(AccessorySettings).accessory_placement)
    fulfilling = nodes_fulfilling(docker, constraints)
    if len(fulfilling) == 1:
        return
    told = ", ".join(constraints) or "nothing"
    if fulfilling:
        allowed = ", ".join(fulfilling)
        raise OperatorError(
            f"ACCESSORY_PLACEMENT ({told}) allows {allowed}: the data stays on one node, choose which"
        )
    nodes, labels = nodes_of(docker), [label_of(one) for one in constraints]
    asked = [f"{label[0]}={label[1]}" for label in labels if label is not None]
    if len(nodes) == 1 and asked and len(asked) == len(constraints):
        words = [word for label in asked for word in ("--label-add", label)]
        docker.run("node", "update", *words, nodes[0]["ID"])
        return
    names = ", ".join(node["Description"]["Hostname"] for node in nodes)
    command = " ".join(f"--label-add {label}" for label in asked) or "--label-add kiosk.data=true"
    raise OperatorError(
        f"no node fulfils ACCESSORY_PLACEMENT ({told}); choose where the data lives, of {names}: "
        f"docker node update {command} NODE"
    )


def accessories_stack(destination: Destination) -> SideStack | None:
    """The accessories as the destination wants them; None without any. Raises OperatorError."""
    chosen = accessories_of(destination)
    if not chosen:
        return None
    stack_name = destination.read(RolloutSettings).stack
    template = yaml.safe_load(_FILE.read_text())
    compose = fill_in(template, _values(destination))
    contents = {name: content for name, content in _secrets(destination).items() if name[0] in chosen}
    hashed = {name: hashed_name(stack_name, name, content) for (_, name), content in contents.items()}
    compose["services"] = {name: compose["services"][name] for name in chosen}
    compose["volumes"] = {name: compose["volumes"][name] for name in chosen}
    compose["secrets"] = {name: {"external": True, "name": one} for name, one in hashed.items()}
    placed = constraints_of(destination.read(AccessorySettings).accessory_placement)
    for service in compose["services"].values():
        service["deploy"]["placement"] = {"constraints": placed}
    secrets = {hashed[name]: content for (_, name), content in contents.items()}
    return SideStack(stack_name, "accessories", compose, {}, secrets)


def _values(destination: Destination) -> dict[str, str | int]:
    settings, images = destination.read(AccessorySettings), destination.read(ImageSettings)
    owner = _owner(destination)
    brand = "redis" if images.redis_image.rpartition("/")[2].startswith("redis") else "valkey"
    return {
        "STACK": destination.read(RolloutSettings).stack,
        "POSTGRES_IMAGE": images.postgres_image,
        "POSTGRES_USER": owner["user"],
        "POSTGRES_DB": owner["database"],
        "POSTGRES_MAX_CONNECTIONS": settings.postgres_max_connections,
        "POSTGRES_SHARED_BUFFERS_MB": max(32, megabytes(settings.postgres_memory_limit) // 4),
        "POSTGRES_MEMORY_LIMIT": settings.postgres_memory_limit,
        "REDIS_IMAGE": images.redis_image,
        "REDIS_SERVER": f"{brand}-server",
        "REDIS_CLIENT": f"{brand}-cli",
        "REDIS_MEMORY_LIMIT": settings.redis_memory_limit,
    }


def _secrets(destination: Destination) -> dict[tuple[str, str], bytes]:
    """Content by service and secret."""
    return {
        ("postgres", "postgres_password"): _owner(destination)["password"].encode(),
        ("redis", "redis_conf"): _redis_conf(destination).encode(),
    }


def _owner(destination: Destination) -> dict[str, str]:
    """Who PostgreSQL is made for: the account, password and database of DATABASE_URL."""
    parts = urlsplit(destination.value("DATABASE_URL") or "")
    user, password, database = parts.username, parts.password, parts.path.lstrip("/")
    if "postgres" not in accessories_of(destination):
        return {"user": "", "password": "", "database": ""}
    if parts.hostname != "postgres" or not (user and password and database):
        raise OperatorError(
            "for the accessory postgres DATABASE_URL is postgresql://USER:PASSWORD@postgres:5432/NAME; "
            "where PostgreSQL is elsewhere, take it out of ACCESSORIES"
        )
    return {"user": unquote(user), "password": unquote(password), "database": unquote(database)}


def _redis_conf(destination: Destination) -> str:
    """The cache may go when memory is short, the queue (which has no expiry) never: `volatile-lru`."""
    settings = destination.read(AccessorySettings)
    lines = {
        "bind": "* -::*",
        "protected-mode": "no",  # only network `data` reaches it
        "dir": "/data",
        "appendonly": "yes",  # fast jobs outlive a restart
        "save": '""',
        "maxmemory": settings.redis_maxmemory,
        "maxmemory-policy": "volatile-lru",
    }
    if password := urlsplit(destination.value("REDIS_URL") or "").password:
        lines["requirepass"] = f'"{_quoted(unquote(password))}"'
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def megabytes(size: str) -> int:
    """Of a memory limit: 2048 for `2G`. Raises OperatorError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG])B?", size.strip().upper())
    if found is None:
        raise OperatorError(f"{size!r} is no size (such as 512M or 2G)")
    return int(float(found[1]) * _UNITS[found[2]])
