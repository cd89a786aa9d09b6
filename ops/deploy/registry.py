"""The registry that our image goes through on its way to the nodes."""

from __future__ import annotations

import json
import re

from ops.deploy.destination import Destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.settings import ImageSettings

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def registry_of(repository: str) -> str | None:
    """The registry's host of a repository; None for Docker's own."""
    first, slash, _ = repository.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else None


def login(docker: Docker, destination: Destination) -> None:
    """`docker login` with the destination's account; nothing to do where it names none. The nodes get the
    same account with each service (`--with-registry-auth`), so it should be one that only reads and
    writes this repository, and that does not expire. Raises DockerError."""
    settings = destination.read(ImageSettings)
    password = destination.value("REGISTRY_PASSWORD")
    if settings.registry_username is None or password is None:
        return
    registry = registry_of(settings.image_repository)
    where = [] if registry is None else [registry]
    given = password.encode()
    docker.run("login", "--username", settings.registry_username, "--password-stdin", *where, given=given)


def push(docker: Docker, tag: str) -> str:
    """Pushes an image; how it is called from now on: `repository@sha256:...`, which no later push can
    turn into another image. Raises DockerError."""
    said = docker.run("push", tag, timeout_seconds=None)
    repository = tag.rpartition(":")[0]
    if found := _PUSHED.search(said):
        return f"{repository}@{found[1]}"
    for pinned in json.loads(docker.run("image", "inspect", "--format", "{{json .RepoDigests}}", tag)):
        if str(pinned).startswith(f"{repository}@"):
            return str(pinned)
    raise DockerError(("push", tag), "the registry told no digest")
