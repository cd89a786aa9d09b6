"""Builds the image of what is committed: never of a file that only this machine has."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.console import OperatorError
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.settings import ImageSettings

BUILD_TIMEOUT_SECONDS = 1800.0


@contextmanager
def committed_files(folder: Path, revision: str) -> Iterator[Path]:
    """What a commit of the clone in `folder` holds, in a folder of its own: all that a deploy checks, builds
    and renders is read there, so that it is what the release is named after. Raises OperatorError."""
    archive = subprocess.run(["git", "archive", revision], cwd=folder, check=False, capture_output=True)
    if archive.returncode != 0:
        said = archive.stderr.decode(errors="replace")
        raise OperatorError(f"git archive {revision}: {said} (deploys are made of commits: commit first)")
    with tempfile.TemporaryDirectory(prefix="kiosk-build-") as parent:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(parent, filter="data")
        yield Path(parent)


def tag_of(destination: Destination, release: str) -> str:
    return f"{destination.read(ImageSettings).image_repository}:{release}"


def build_image(docker: Docker, destination: Destination, release: str, revision: str, folder: Path) -> str:
    """Builds the image of a commit's files and returns its tag. Raises DockerError with what the build
    said last, OperatorError."""
    settings, tag = destination.read(ImageSettings), tag_of(destination, release)
    arguments = {"BASE_IMAGE": settings.base_image, "RELEASE": release, "REVISION": revision}
    options = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    if (authorities := _certificates(settings)) is not None:
        options += ["--secret", f"id=ca,src={authorities}"]
    _buildkit(docker).run(
        *("build", "--progress", "plain", "--tag", tag, *options, str(folder)),
        timeout_seconds=BUILD_TIMEOUT_SECONDS,
    )
    return tag


def _certificates(settings: ImageSettings) -> Path | None:
    """BUILD_CA_FILE: what pip trusts while it builds behind a proxy that signs with its own authority."""
    if settings.build_ca_file is None:
        return None
    file = Path(settings.build_ca_file).expanduser()
    if not file.is_file():
        raise OperatorError(f"BUILD_CA_FILE: there is no file {file}")
    return file


def _buildkit(docker: Docker) -> Docker:
    """Docker 20.10 builds with BuildKit only when asked; newer ones always do."""
    return Docker({**docker.environment, "DOCKER_BUILDKIT": "1"}, docker.program)
