"""After a deploy: what no release that is kept needs any more goes."""

from __future__ import annotations

from contextlib import suppress

from ops.deploy import ledger
from ops.deploy.docker import Docker, DockerError
from ops.deploy.secrets import prune_secrets
from ops.deploy.settings import ImageSettings
from ops.deploy.site import Site


def prune(site: Site) -> None:
    """Old entries of the ledger, secrets, and images of ours on the engine that we talk to (the others
    want a `docker image prune` of their own now and then). Raises DockerError."""
    kept = [entry.manifest for entry in ledger.prune(site.docker, site.stack, site.rollout.releases_kept)]
    prune_secrets(site.docker, kept)
    _prune_images(
        site.docker, site.destination.read(ImageSettings).image_repository, {one.image for one in kept}
    )


def _prune_images(docker: Docker, repository: str, kept: set[str]) -> None:
    told = "{{.Repository}}@{{.Digest}} {{.Repository}}:{{.Tag}}"
    for row in docker.lines("image", "ls", "--digests", "--format", told, repository):
        pinned, _, tag = row.partition(" ")
        if pinned in kept:
            continue
        for name in (tag, pinned):
            if "<none>" not in name:
                with suppress(DockerError):  # in use, or gone with the other name
                    docker.run("image", "rm", name)
