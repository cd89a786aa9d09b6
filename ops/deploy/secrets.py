"""Secrets and configs of the swarm. Both are immutable, so their names carry the hash of their content:
a changed value is a new name, and what an old release uses stays as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from ops.console import OperatorError
from ops.deploy.docker import Docker, DockerError
from ops.deploy.manifest import Manifest

_HASH_LENGTH = 8
STACK_LABEL = "kiosk.stack"
PART_LABEL = "kiosk.part"  # services, edge or accessories


def content_hash(content: bytes) -> str:
    """Short, and the same for the same content."""
    return hashlib.blake2b(content, person=b"kiosk").hexdigest()[:_HASH_LENGTH]


def hashed_name(stack_name: str, name: str, content: bytes) -> str:
    return f"{stack_name}_{name}_{content_hash(content)}"


def publish_secrets(docker: Docker, manifest: Manifest, contents: Mapping[str, bytes]) -> list[str]:
    """Creates the secrets of a release that the swarm does not have yet; their names. `contents` are what
    `render.secret_contents` gave, and those of another time don't fit an older release: its secrets have
    to be in the swarm still. Raises OperatorError that names those which are nowhere, DockerError."""
    nowhere = manifest.secret_names() - set(contents) - set(names_of(docker, "secret", manifest.stack_name))
    if nowhere:
        raise OperatorError(
            f"release {manifest.release} needs secrets that are gone: {', '.join(sorted(nowhere))}. "
            "Deploy again instead: that makes them of the present values"
        )
    wanted = {name: contents[name] for name in sorted(manifest.secret_names()) if name in contents}
    return publish(docker, "secret", manifest.stack_name, "services", wanted)


def publish(
    docker: Docker, kind: str, stack_name: str, part: str, contents: Mapping[str, bytes]
) -> list[str]:
    """Creates what is missing of some secrets or configs (`kind`); their names. Values go by stdin, so no
    list of processes shows them."""
    there = set(names_of(docker, kind, stack_name))
    missing = [name for name in contents if name not in there]
    labels = ("--label", f"{STACK_LABEL}={stack_name}", "--label", f"{PART_LABEL}={part}")
    for name in missing:
        docker.run(kind, "create", *labels, name, "-", given=contents[name])
    return missing


def names_of(docker: Docker, kind: str, stack_name: str, part: str | None = None) -> list[str]:
    """Secrets or configs of ours in the swarm; those of one part, or all."""
    chosen = ["--filter", f"label={STACK_LABEL}={stack_name}"]
    if part is not None:
        chosen += ["--filter", f"label={PART_LABEL}={part}"]
    return docker.lines(kind, "ls", *chosen, "--format", "{{.Name}}")


def prune_secrets(docker: Docker, kept: Iterable[Manifest]) -> None:
    """Removes the secrets of our services that no kept release uses, and the secrets and configs of the
    edge and the accessories that no service uses any more. What is in use the engine keeps itself."""
    manifests = list(kept)
    used = frozenset[str]().union(*(manifest.secret_names() for manifest in manifests))
    for stack_name in sorted({manifest.stack_name for manifest in manifests}):
        for part, kind in (
            ("services", "secret"),
            ("edge", "secret"),
            ("edge", "config"),
            ("accessories", "secret"),
        ):
            for name in names_of(docker, kind, stack_name, part):
                if name not in used:
                    _remove_unused(docker, kind, name)


def _remove_unused(docker: Docker, kind: str, name: str) -> None:
    try:
        docker.run(kind, "rm", name)
    except DockerError as error:
        if "is in use" not in error.said and "no such" not in error.said.lower():
            raise
