"""Which nodes fulfil a placement constraint, as the swarm itself would decide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ops.console import OperatorError
from ops.deploy.docker import Docker

_CONSTRAINT = re.compile(r"([\w.-]+)\s*(==|!=)\s*(.+)")


def constraints_of(setting: str) -> list[str]:
    """Single constraints of a setting: `node.role == manager, node.labels.zone == a`."""
    return [one.strip() for one in setting.split(",") if one.strip()]


def nodes_of(docker: Docker) -> list[dict[str, Any]]:
    """Every node of the swarm, as `docker node inspect` tells. Raises DockerError."""
    return docker.inspect("node", *docker.lines("node", "ls", "--quiet"))


def nodes_fulfilling(docker: Docker, constraints: list[str]) -> list[str]:
    """The host names of the nodes that fulfil them all. Raises OperatorError for one that nobody can
    read, DockerError."""
    return [
        str(node["Description"]["Hostname"])
        for node in nodes_of(docker)
        if all(fulfils(node, constraint) for constraint in constraints)
    ]


def label_of(constraint: str) -> tuple[str, str] | None:
    """The label and value that a constraint asks for; None when it asks for something else."""
    found = _CONSTRAINT.fullmatch(constraint)
    if found is None or found[2] != "==" or not found[1].startswith("node.labels."):
        return None
    return found[1].removeprefix("node.labels."), found[3].strip()


def fulfils(node: Mapping[str, Any], constraint: str) -> bool:
    """Of a node as `docker node inspect` tells it. Raises OperatorError for what nobody can read."""
    found = _CONSTRAINT.fullmatch(constraint)
    if found is None:
        raise OperatorError(f"{constraint!r} is no constraint (such as: node.labels.zone == a)")
    value = _value(node, found[1])
    return (value.lower() == found[3].strip().lower()) is (found[2] == "==")


def _value(node: Mapping[str, Any], name: str) -> str:
    spec, description = node["Spec"], node["Description"]
    if name.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(name.removeprefix("node.labels."), ""))
    if name.startswith("engine.labels."):
        labels = description["Engine"].get("Labels") or {}
        return str(labels.get(name.removeprefix("engine.labels."), ""))
    known = {
        "node.id": node["ID"],
        "node.hostname": description["Hostname"],
        "node.role": spec["Role"],
        "node.platform.os": description["Platform"]["OS"],
        "node.platform.arch": description["Platform"]["Architecture"],
    }
    if name not in known:
        raise OperatorError(f"{name} is nothing that a constraint can ask for ({', '.join(known)}, labels)")
    return str(known[name])
