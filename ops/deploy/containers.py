"""The container of a running task: where commands are run that need a shell, or a database's programs."""

from __future__ import annotations

from dataclasses import dataclass

from ops.console import OperatorError
from ops.deploy.addressee import Addressee
from ops.deploy.docker import Docker
from ops.deploy.tasks import Task, tasks_of


@dataclass(frozen=True, slots=True)
class Node:
    """`address` is how the swarm reaches it, which may be a way for the operator too."""

    id: str
    name: str
    address: str


def container_of(docker: Docker, addressee: Addressee, command: str) -> str:
    """The id of a container of a running task, on the node that this docker command talks to: `docker
    exec` reaches no other. Raises OperatorError; where the service runs on other nodes only, it says how
    to give `command` there."""
    service = addressee.service
    running = [task for task in tasks_of(docker, addressee.stack, service) if is_running(task)]
    if not running:
        tell = f"docker service ps --no-trunc {addressee.swarm_name}"
        raise OperatorError(f"no task of {service} runs now (make status; {tell})")
    here = docker.run("info", "--format", "{{.Swarm.NodeID}}")
    if near := next((task for task in running if task.node == here), None):
        return near.container_id
    node = node_of(docker, running[0].node)
    raise OperatorError(
        f"{service} runs on another node, {node.name}. There: DOCKER_HOST=ssh://{node.name} {command} "
        f"(its address in the swarm is {node.address})"
    )


def is_running(task: Task) -> bool:
    return task.state == "running" and task.desired == "running" and bool(task.container_id)


def node_of(docker: Docker, node_id: str) -> Node:
    """Raises DockerError."""
    [found] = docker.inspect("node", node_id)
    return Node(node_id, found["Description"]["Hostname"], found["Status"].get("Addr", "unknown"))
