"""Our image, built in a test's engine the way `make deploy` and compose do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from tests.conftest import needs_program
from tests.deploy.engine import Engine, running_engine
from tests.deploy.stand_in_images import CERTIFICATES, PYTHON, load_stand_ins

ROOT = Path(__file__).parent.parent.parent
BUILD_SECONDS = 600

Target = Literal["production", "development"]


@contextmanager
def engine_with(*images: str) -> Iterator[Engine]:
    """An engine that holds the stand-in base and these images. Without Docker or root it skips here and
    fails in CI."""
    needs_program("dockerd")
    if os.geteuid() != 0:
        pytest.fail("needs root") if os.environ.get("CI") else pytest.skip("needs root")
    with running_engine() as engine:
        load_stand_ins(engine, *images)
        yield engine


def build_image(
    engine: Engine,
    release: str,
    tree: Path = ROOT,
    tag: str | None = None,
    *,
    revision: str = "0" * 40,
    target: Target = "production",
    dockerfile: str = "Dockerfile",
    certificates: str = CERTIFICATES,
) -> str:
    """Builds the tree on the stand-in base, which has to be loaded; the image's name, by default
    `kiosk:RELEASE`. Raises DockerFailed."""
    name = tag or f"kiosk:{release}"
    facts = {"BASE_IMAGE": PYTHON}
    if dockerfile == "Dockerfile" and target == "production":
        facts |= {"RELEASE": release, "REVISION": revision}
    options = [word for fact in facts.items() for word in ("--build-arg", "=".join(fact))]
    if dockerfile == "Dockerfile":
        options += ["--target", target]
    secret = ("--secret", f"id=ca,src={certificates}")
    files = ("--file", str(tree / dockerfile), str(tree))
    engine.docker("build", "--quiet", "--tag", name, *options, *secret, *files, timeout_seconds=BUILD_SECONDS)
    return name
