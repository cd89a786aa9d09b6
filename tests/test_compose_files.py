"""compose/: the same edge as `make up`, the same variables as the services know."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ops.local.edge import ROUTES
from ops.local.programs import SERVICES, WEB
from services.settings import GROUPS

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "compose"


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def _options(settings: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(settings, dict):
        for name, value in settings.items():
            yield from _options(value, f"{path}.{name}")
    else:
        yield path, settings


def test_traefik_is_set_as_in_make_up_but_for_the_addresses() -> None:
    local, compose = (
        dict(_options(_read(file))) for file in (ROOT / "traefik/local.yml", COMPOSE / "traefik.yml")
    )
    different = {name for name in local.keys() | compose.keys() if local.get(name) != compose.get(name)}
    doors = {f".entryPoints.{door}.address" for door in ("public", "internal", "ping")}
    trust = {f".entryPoints.{door}.forwardedHeaders.trustedIPs" for door in ("public", "internal")}
    assert different == {*doors, *trust, ".providers.file.directory"}
    assert compose[".entryPoints.public.forwardedHeaders.trustedIPs"] == []


def test_every_service_and_the_sandbox_have_a_server() -> None:
    assert set(_read(COMPOSE / "servers.yml")["http"]["services"]) == {*WEB, "sandbox"}


def test_traefik_reads_the_one_routes_file_and_is_the_only_one_to_be_reached_from_outside() -> None:
    services = _read(COMPOSE / "compose.yml")["services"]
    mounted = services["traefik"]["volumes"]
    for name in ROUTES:
        assert f"../traefik/{name}:/etc/traefik/dynamic/{name}:ro" in mounted
    assert [name for name, service in services.items() if "ports" in service] == ["traefik"]
    assert services["traefik"]["ports"] == ["${BIND:-127.0.0.1}:${PORT:-8080}:8080"]


def test_what_is_ours_runs_locked_down_and_knows_no_unknown_variable() -> None:
    services = _read(COMPOSE / "compose.yml")["services"]
    ours = {*SERVICES, "sandbox", "migrate", "demo"}
    assert ours == set(services) - {"postgres", "redis", "traefik"}
    known = {variable for group in GROUPS for variable in group.variables()}
    for name in ours:
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] == 256, name
        assert set(service["environment"]) <= known, name


def test_live_reload_replaces_every_service_of_ours() -> None:
    services = _read(COMPOSE / "compose.dev.yml")["services"]
    assert set(services) == {*SERVICES, "sandbox", "migrate", "demo"}
    for name in SERVICES:
        assert services[name]["command"] == [f"python -m services {name}", "services"]


def test_every_image_is_a_variable() -> None:
    for file in COMPOSE.glob("compose*.yml"):
        images = re.findall(r"^ +image: (.+)$", file.read_text(), re.MULTILINE)
        assert images
        assert all(re.fullmatch(r"\$\{[A-Z_]+:-[a-z/]+:[\w.]+\}", image) for image in images)
