"""From deploy.yml and a destination to a manifest: pure, nothing here asks an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ops.console import OperatorError
from ops.deploy.destination import ROOT, Destination
from ops.deploy.manifest import Manifest
from ops.deploy.probe_key import probe_key
from ops.deploy.secrets import content_hash, hashed_name
from ops.deploy.settings import DEPLOY_GROUPS, AccessorySettings, RolloutSettings
from ops.deploy.values import default_of, fill_in, grace_seconds, required_of, text_of
from ops.roles import ROLES, SCHEMAS
from services.database import role_url
from services.settings import GROUPS, DatabaseSettings, Group, OperatorSettings

# Optional for a process, and yet no store in production is without them.
_NEEDED = ("PUBLIC_URL", "DATABASE_URL", "ADMIN_API_KEY")
_ACCESSORY_REDIS = "redis://redis:6379/0"
_SERVICE_GROUPS = tuple(group for group in GROUPS if group is not OperatorSettings)


def render(
    destination: Destination, *, release: str, revision: str, image: str, folder: Path = ROOT
) -> Manifest:
    """The manifest of an image (`repository@sha256:...`) for a destination. `folder` is where deploy.yml,
    the migrations and the routes are read: what the image was made of. Raises OperatorError that names
    every missing variable at once, SettingError for one that is wrong."""
    template = _template(folder)
    check_variables(destination, folder)
    stack_name = destination.read(RolloutSettings).stack
    secrets = {
        variable: {"external": True, "name": hashed_name(stack_name, variable, content)}
        for variable, content in _secret_values(destination, template).items()
    }
    values = {**_values(destination), "IMAGE": image}
    services = {
        name: _service(fill_in(service, {**values, "SERVICE": name}), destination, template, secrets)
        for name, service in template["services"].items()
    }
    stack = {
        "version": template["version"],
        "services": services,
        "networks": fill_in(template["networks"], values),
        "secrets": secrets,
    }
    routes = content_hash((folder / "traefik" / "routes.yml").read_bytes())
    return Manifest(release, revision, image, stack_name, stack, _migrations(folder), routes)


def secret_contents(destination: Destination, folder: Path = ROOT) -> dict[str, bytes]:
    """The content of every secret of the destination, by the hashed name that `render` gives it."""
    stack_name = destination.read(RolloutSettings).stack
    values = _secret_values(destination, _template(folder))
    return {hashed_name(stack_name, name, content): content for name, content in values.items()}


def check_variables(destination: Destination, folder: Path = ROOT) -> None:
    """Raises OperatorError that names all variables that are missing, or one that deploy.yml decides;
    SettingError for one with a wrong value."""
    fixed = fixed_variables(folder)
    for name, value in fixed.items():
        if destination.value(name) not in (None, value):
            raise OperatorError(
                f"{destination.file.name}: {name} is decided by deploy.yml ({value}): remove the line"
            )
    if missing := missing_variables(destination, fixed):
        raise OperatorError(
            f"{destination.file.name} lacks {', '.join(missing)}: .env.production.example says what they are"
        )
    for group in (*_SERVICE_GROUPS, *DEPLOY_GROUPS):
        group.read({**destination.variables, **fixed})


def fixed_variables(folder: Path = ROOT) -> dict[str, str]:
    """What deploy.yml itself sets in the environment of services, and no destination may change."""
    found: dict[str, str] = {}
    for service in _template(folder)["services"].values():
        found |= {name: text for name, text in service["environment"].items() if "${" not in text}
    return found


def missing_variables(destination: Destination, fixed: dict[str, str]) -> list[str]:
    """The names of all variables without which nothing can be deployed and that the destination leaves
    unset."""
    needed = [name for group in (*_SERVICE_GROUPS, *DEPLOY_GROUPS) for name in required_of(group)]
    needed += [*_NEEDED, *([] if has_accessory(destination, "redis") else ["REDIS_URL"])]
    return [name for name in needed if name not in fixed and _is_open(destination.value(name))]


def _is_open(value: str | None) -> bool:
    """Unset, or as the example has it."""
    return value is None or "CHANGE-ME" in value


def has_accessory(destination: Destination, name: str) -> bool:
    listed = destination.read(AccessorySettings).accessories
    return name in [one.strip() for one in listed.split(",")]


def _template(folder: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load((folder / "deploy.yml").read_text())
    return template


def _service(
    service: dict[str, Any], destination: Destination, template: dict[str, Any], secrets: dict[str, Any]
) -> dict[str, Any]:
    """One service with its whole environment and those of its secrets that the destination has."""
    given = [name for name in service["secrets"] if name in secrets]
    if strangers := set(service["secrets"]) - set(template["secrets"]):
        raise OperatorError(f"deploy.yml: no secret at its end is called {', '.join(sorted(strangers))}")
    files = {f"{name.upper()}_FILE": f"/run/secrets/{name}" for name in given}
    said = {name: text_of(value) for name, value in service["environment"].items()}
    return {
        **service,
        "environment": {**_open_variables(destination, template), **said, **files},
        "secrets": [{"source": name, "target": name} for name in given],
    }


def _open_variables(destination: Destination, template: dict[str, Any]) -> dict[str, str]:
    """What services read, the destination sets and everybody may see. The image says its RELEASE; what
    deploy.yml sets for one service is nothing for the others."""
    decided = {name for service in template["services"].values() for name in service["environment"]}
    hidden = {name.upper() for name in template["secrets"]} | decided | {"RELEASE"}
    names = [name for group in _SERVICE_GROUPS for name in group.variables() if name not in hidden]
    found = {name: destination.value(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _secret_values(destination: Destination, template: dict[str, Any]) -> dict[str, bytes]:
    """Content by variable (`redis_url`), of the secrets that the destination sets or that follow from
    others."""
    found = {name: destination.value(name.upper()) for name in template["secrets"]}
    if found.get("redis_url") is None and has_accessory(destination, "redis"):
        found["redis_url"] = _ACCESSORY_REDIS
    found["rate_limit_probe_key"] = probe_key(destination)
    data = DatabaseSettings.read({"DATABASE_URL": destination.value("DATABASE_URL") or ""})
    for role in ROLES:
        if found.get(f"{role}_database_url") is None and data.database_url:
            found[f"{role}_database_url"] = role_url(data, role)
    return {name: value.encode() for name, value in found.items() if value is not None}


def _values(destination: Destination) -> dict[str, str | int]:
    """What `${NAME}` may stand for: the destination's value, or the default."""
    values: dict[str, str | int] = dict(grace_seconds(destination))
    groups: tuple[type[Group], ...] = (*_SERVICE_GROUPS, *DEPLOY_GROUPS)
    for group in groups:
        for name in group.variables():
            if (value := default_of(group, name, destination.value(name))) is not None:
                values[name] = value
    for name in ("ENVIRONMENT", "LAME_DUCK_SECONDS"):  # a deploy has defaults of its own
        if destination.value(name) is None:
            del values[name]
    return values


def _migrations(folder: Path) -> dict[str, list[str]]:
    schemas = {name: folder / "services" / name / "schema" for name in SCHEMAS}
    return {
        name: sorted(file.name for file in schema.glob("[0-9]*_*.sql")) for name, schema in schemas.items()
    }
